import { useEffect } from 'react';
import { logOut, useAccess } from './api/access';
import { Link, Outlet } from '@tanstack/react-router';
import { CommandPalette, usePalette } from './components/CommandPalette';
import { ConnectionBar } from './components/ConnectionBar';
import { LoginDialog } from './components/LoginDialog';
import { ErrorBoundary } from './components/ErrorBoundary';
import { StatusLine } from './components/StatusLine';
import { useFirstList } from './state/firstList';
import { useLive } from './state/live';
import { useTimeframes } from './state/queries';
import { useSettings } from './state/settings';
import { useTheme, useThemeOnPage } from './state/theme';

const pages = [
  { to: '/', name: 'Market' }, { to: '/chain', name: 'Options' }, { to: '/system', name: 'System' },
] as const;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable);
}

function usePaletteKey(): void {
  const open = usePalette((p) => p.open);
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      const isCommand = (e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k';
      const isSlash = e.key === '/' && !isTyping(e.target);
      if (!isCommand && !isSlash) return;
      e.preventDefault();
      open();
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [open]);
}

function ThemeButton() {
  const theme = useTheme();
  const setTheme = useSettings((s) => s.setTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  return (
    <button type="button" onClick={() => setTheme(other)} aria-label={`Theme: ${theme}. Change to ${other}`} title={`Change to ${other}`}
      className="grid size-7 place-items-center rounded-md text-quiet hover:bg-hover hover:text-ink">
      <svg viewBox="0 0 16 16" className="size-4" aria-hidden>
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.5" />
        <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
      </svg>
    </button>
  );
}

/// Who is logged in, if anybody had to.
function Person() {
  const credential = useAccess((a) => a.credential);
  if (!credential) return null;
  return (
    <button type="button" onClick={() => { void logOut(); }} title="Log out" className="rounded-md px-2 py-1 whitespace-nowrap text-quiet hover:bg-hover hover:text-ink">
      {'key' in credential ? 'Key' : credential.name} · log out
    </button>
  );
}

/// What all pages have around them.
export function Shell() {
  useThemeOnPage();
  usePaletteKey();
  useFirstList();
  const open = usePalette((p) => p.open);
  const isOpen = useLive((s) => s.connection.phase === 'open');
  // The zone of all times on all pages.
  useTimeframes();
  return (
    <div className="grid h-full grid-cols-[minmax(0,1fr)] grid-rows-[auto_auto_minmax(0,1fr)_auto]" data-connection={isOpen ? 'open' : 'lost'}>
      <header className="flex items-center gap-x-1.5 border-b bg-panel px-2 py-1.5 sm:gap-x-4 sm:px-3">
        <Link to="/" className="flex items-center gap-2 text-[.9375rem] font-semibold tracking-wide">
          <img src="/favicon.svg" alt="" className="size-5" />
          <span className="sr-only sm:not-sr-only">artham</span>
        </Link>
        <nav aria-label="Pages" className="flex gap-0.5">
          {pages.map((p) => (
            <Link key={p.to} to={p.to} activeOptions={{ exact: p.to === '/', includeSearch: false }}
              className="rounded-md px-2 py-1 text-quiet sm:px-2.5 hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:text-ink">
              {p.name}
            </Link>
          ))}
        </nav>
        <button type="button" onClick={open} className="ml-auto flex min-w-0 items-center gap-2 rounded-md border bg-raised px-2.5 py-1 text-quiet hover:text-ink sm:w-64">
          <svg viewBox="0 0 16 16" className="size-4 shrink-0" aria-hidden>
            <circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" strokeWidth="1.5" /><path d="m10.5 10.5 3.5 3.5" stroke="currentColor" strokeWidth="1.5" />
          </svg>
          <span className="sr-only truncate sm:not-sr-only">Search instruments</span>
          <kbd className="ml-auto hidden rounded border px-1 font-sans text-[.6875rem] sm:inline">Ctrl K</kbd>
        </button>
        <Person />
        <ThemeButton />
      </header>
      <div><ConnectionBar /></div>
      <main className="min-h-0 overflow-hidden">
        <ErrorBoundary><Outlet /></ErrorBoundary>
      </main>
      <StatusLine />
      <CommandPalette />
      <LoginDialog />
    </div>
  );
}
