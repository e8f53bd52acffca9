import { describe, expect, it } from 'vitest';
import type { KeyHandler } from '../stream/client';
import type { Tick } from '../stream/protocol';
import { QuoteHub } from './quotes';

function world() {
  const handlers = new Map<string, KeyHandler>();
  const frames: (() => void)[] = [];
  const hub = new QuoteHub({
    subscribe: (key, _options, handler) => {
      if (handlers.has(key)) throw new Error('twice');
      handlers.set(key, handler);
      return () => { handlers.delete(key); };
    },
  }, (run) => frames.push(run));
  const frame = () => { for (const run of frames.splice(0)) run(); };
  const tick = (last: string): Tick => ({ last, t_rx: 1 });
  return { hub, handlers, frame, tick };
}

describe('QuoteHub', () => {
  it('has one subscription for all who watch, and none when they have left', () => {
    const { hub, handlers } = world();
    const off = [hub.watch('NSE:A', () => undefined), hub.watch('NSE:A', () => undefined)];
    expect([...handlers.keys()]).toEqual(['tick:NSE:A']);
    off[0]?.();
    expect(handlers.size).toBe(1);
    off[1]?.();
    off[1]?.();
    expect(handlers.size).toBe(0);
  });

  it('tells once a frame, with the newest value', () => {
    const { hub, handlers, frame, tick } = world();
    let told = 0;
    hub.watch('NSE:A', () => { told += 1; });
    const handler = handlers.get('tick:NSE:A');
    handler?.snapshot({ key: 'tick:NSE:A', state: 'live', snapshot: { tick: tick('10') } }, false);
    for (const last of ['11', '12', '11.5']) handler?.push({ ev: 'tick', key: 'tick:NSE:A', tick: tick(last) });
    expect(hub.get('NSE:A').tick).toBeUndefined();
    frame();
    expect(told).toBe(1);
    expect(hub.get('NSE:A')).toMatchObject({ tick: { last: '11.5' }, state: 'live', direction: -1, changes: 3 });
    const same = hub.get('NSE:A');
    expect(hub.get('NSE:A')).toBe(same);
  });

  it('shows states, and what is wrong with a key', () => {
    const { hub, handlers, frame } = world();
    hub.watch('NSE:A', () => undefined);
    handlers.get('tick:NSE:A')?.push({ ev: 'state', key: 'tick:NSE:A', state: 'waiting_feed' });
    frame();
    expect(hub.get('NSE:A').state).toBe('waiting_feed');
    hub.forgetStates();
    frame();
    expect(hub.get('NSE:A').state).toBeUndefined();
    handlers.get('tick:NSE:A')?.refused({ code: 4404, name: 'unknown_instrument', message: 'unknown', retry: false });
    frame();
    expect(hub.get('NSE:A').error?.message).toBe('unknown');
  });
});
