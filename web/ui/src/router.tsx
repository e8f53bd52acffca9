import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Shell } from './Shell';
import { MarketPage } from './pages/market/MarketPage';
import { NotFound } from './pages/NotFound';

function text(value: unknown): string | undefined { return typeof value === 'string' && value !== '' ? value : undefined; }

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const market = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: (s: Record<string, unknown>): { i?: string; tf?: string } => ({ i: text(s['i']), tf: text(s['tf']) }),
  component: MarketPage,
});

const chain = createRoute({
  getParentRoute: () => root,
  path: '/chain',
  validateSearch: (s: Record<string, unknown>): { u?: string; e?: string } => ({ u: text(s['u']), e: text(s['e']) }),
  component: lazyRouteComponent(() => import('./pages/chain/ChainPage'), 'ChainPage'),
});

const system = createRoute({
  getParentRoute: () => root,
  path: '/system',
  component: lazyRouteComponent(() => import('./pages/system/SystemPage'), 'SystemPage'),
});

export const router = createRouter({ routeTree: root.addChildren([market, chain, system]), defaultPreload: 'intent' });

declare module '@tanstack/react-router' {
  interface Register { router: typeof router }
}
