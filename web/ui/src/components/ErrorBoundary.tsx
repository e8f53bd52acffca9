import { Component, type ReactNode } from 'react';

/// A view that fails takes nothing else with it.
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } { return { error }; }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div role="alert" className="grid h-full place-content-center gap-3 p-6 text-center">
        <p>This view failed: {error.message}</p>
        <button type="button" className="mx-auto rounded-md border bg-raised px-3 py-1 hover:bg-hover" onClick={() => this.setState({ error: null })}>
          Show it again
        </button>
      </div>
    );
  }
}
