import type { ReactNode } from 'react';
import type { Tone } from '../format/words';

const tones: Record<Tone, string> = { good: 'text-up', warn: 'text-warn', bad: 'text-down', quiet: 'text-quiet' };

/// A state in a word, with a dot of its colour.
export function Badge({ tone, children, title, testId }: { tone: Tone; children: ReactNode; title?: string; testId?: string }) {
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${tones[tone]}`} title={title} data-testid={testId}>
      <span aria-hidden className="size-1.5 rounded-full bg-current" />
      {children}
    </span>
  );
}
