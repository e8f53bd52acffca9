import type { ReactNode } from 'react';

export function Panel({ title, aside, children, className = '' }: {
  title: string; aside?: ReactNode; children: ReactNode; className?: string;
}) {
  return (
    <section aria-label={title} className={`min-w-0 ${className}`}>
      <header className="flex items-baseline justify-between gap-3 px-3 pt-3 pb-1.5">
        <h2 className="text-[.6875rem] font-semibold tracking-[.07em] text-quiet uppercase">{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
