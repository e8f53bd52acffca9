import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { RestError } from './api/rest';
import { router } from './router';
import { goLive } from './state/live';
import './styles.css';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the request itself is to blame for does not get better by asking again.
      retry: (times, error) => times < 30 && !(error instanceof RestError && error.status >= 400 && error.status < 500),
      retryDelay: (times) => Math.min(5_000, 300 * 2 ** times),
      refetchOnWindowFocus: false,
      networkMode: 'always',
    },
  },
});

goLive(queries);

const element = document.getElementById('root');
if (!element) throw new Error('the page has no #root');
createRoot(element).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
