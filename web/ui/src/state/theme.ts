import { useEffect, useSyncExternalStore } from 'react';
import { useSettings } from './settings';

const dark = window.matchMedia('(prefers-color-scheme: dark)');
function watchScheme(tell: () => void): () => void {
  dark.addEventListener('change', tell);
  return () => dark.removeEventListener('change', tell);
}

/// What is shown: the person's choice, or the system's.
export function useTheme(): 'dark' | 'light' {
  const chosen = useSettings((s) => s.theme);
  const isDark = useSyncExternalStore(watchScheme, () => dark.matches);
  return chosen === 'system' ? (isDark ? 'dark' : 'light') : chosen;
}

export function useThemeOnPage(): void {
  const theme = useTheme();
  useEffect(() => { document.documentElement.dataset['theme'] = theme; }, [theme]);
}

export interface Palette {
  ground: string; panel: string; line: string; grid: string; ink: string; quiet: string; accent: string;
  up: string; down: string; upSoft: string; downSoft: string; warn: string; warnSoft: string;
  lines: readonly string[];
}

/// The colours of the style sheet, for what is drawn on a canvas.
export function palette(theme: 'dark' | 'light'): Palette {
  return theme === 'dark' ? {
    ground: '#0d1014', panel: '#12161c', line: '#2a3440', grid: '#1a2028', ink: '#d5dbe3', quiet: '#8f99a7', accent: '#5aa9e6',
    up: '#2fbf8f', down: '#e5636b', upSoft: 'rgba(47,191,143,.34)', downSoft: 'rgba(229,99,107,.34)',
    warn: '#d8a648', warnSoft: 'rgba(216,166,72,.12)', lines: ['#5aa9e6', '#d98cd9', '#e0b252', '#7fd1c0', '#9aa7ff'],
  } : {
    ground: '#ffffff', panel: '#f6f7f9', line: '#cfd6de', grid: '#eceff3', ink: '#1a2129', quiet: '#586370', accent: '#1769aa',
    up: '#0b7d58', down: '#c0343f', upSoft: 'rgba(11,125,88,.30)', downSoft: 'rgba(192,52,63,.30)',
    warn: '#8a5d00', warnSoft: 'rgba(180,120,0,.12)', lines: ['#1769aa', '#a33ea3', '#a06a00', '#0f7f73', '#4a55c9'],
  };
}
