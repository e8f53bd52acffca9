import type { ReactNode } from 'react';

/// In the place of what cannot be shown.
export function Notice({ children, isError = false }: { children: ReactNode; isError?: boolean }) {
  return (
    <p role={isError ? 'alert' : 'status'} className={`grid h-full place-items-center p-6 text-center ${isError ? 'text-down' : 'text-quiet'}`}>
      <span className="max-w-prose">{children}</span>
    </p>
  );
}
