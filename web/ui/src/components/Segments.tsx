import { useRef } from 'react';

/// One of several, by mouse and by arrow keys.
export function Segments<T extends string>({ label, values, value, onChange, text = (v) => v }: {
  label: string; values: readonly T[]; value: T; onChange: (value: T) => void; text?: (value: T) => string;
}) {
  const list = useRef<HTMLDivElement>(null);
  const step = (key: string): number => ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 })[key] ?? 0;
  return (
    <div ref={list} role="radiogroup" aria-label={label}
      className="flex max-w-full overflow-x-auto rounded-md border bg-raised p-0.5"
      onKeyDown={(e) => {
        const by = step(e.key);
        if (by === 0) return;
        e.preventDefault();
        const i = (values.indexOf(value) + by + values.length) % values.length;
        const next = values[i];
        if (next === undefined) return;
        onChange(next);
        (list.current?.children[i] as HTMLElement | undefined)?.focus();
      }}>
      {values.map((v) => (
        <button key={v} type="button" role="radio" aria-checked={v === value} tabIndex={v === value ? 0 : -1}
          onClick={() => onChange(v)}
          className="rounded px-2 py-0.5 whitespace-nowrap text-quiet hover:text-ink aria-checked:bg-hover aria-checked:font-semibold aria-checked:text-ink">
          {text(v)}
        </button>
      ))}
    </div>
  );
}
