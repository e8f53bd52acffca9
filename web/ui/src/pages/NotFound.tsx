import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <div className="grid h-full place-content-center gap-2 text-center">
      <p>There is no such page.</p>
      <Link to="/" className="text-accent underline">To the market</Link>
    </div>
  );
}
