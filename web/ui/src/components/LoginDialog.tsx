import { type FormEvent, useEffect, useRef, useState } from 'react';
import { letIn, logIn, useAccess } from '../api/access';

const field = 'w-full rounded-md border bg-ground px-2.5 py-1.5 outline-none focus-visible:outline-2';

function Form({ why }: { why: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isKey, setIsKey] = useState(false);
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    const d = dialog.current;
    d?.showModal();
    return () => d?.close();
  }, []);
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    setTrouble('');
    if (isKey) return letIn({ key: text('key') });
    logIn(text('user'), String(form.get('password') ?? '')).catch((error: unknown) => {
      setTrouble(error instanceof Error ? error.message : String(error));
    });
  };
  return (
    <dialog ref={dialog} aria-label="Log in" onCancel={(e) => e.preventDefault()}
      className="m-auto w-[min(24rem,calc(100vw-24px))] rounded-xl border bg-raised p-5 text-ink shadow-(--shadow) backdrop:bg-black/50">
      <form onSubmit={submit} className="grid gap-3">
        <h2 className="text-base font-semibold">Who is there?</h2>
        <p className="text-quiet">{why}</p>
        {isKey ? (
          <label className="grid gap-1">Key<input name="key" type="password" autoComplete="off" required className={field} placeholder="artham_1_…" /></label>
        ) : (
          <>
            <label className="grid gap-1">Name<input name="user" autoComplete="username" required className={field} /></label>
            <label className="grid gap-1">Password<input name="password" type="password" autoComplete="current-password" required className={field} /></label>
          </>
        )}
        {trouble && <p role="alert" className="text-down">{trouble}</p>}
        <div className="flex items-center justify-between">
          <button type="button" className="text-accent hover:underline" onClick={() => setIsKey(!isKey)}>{isKey ? 'Name and password' : 'With a key'}</button>
          <button type="submit" className="rounded-md border bg-hover px-4 py-1 font-medium">Log in</button>
        </div>
      </form>
    </dialog>
  );
}

/// Comes when the server wants to know who asks.
export function LoginDialog() {
  const wanted = useAccess((a) => a.wanted);
  return wanted === null ? null : <Form why={wanted} />;
}
