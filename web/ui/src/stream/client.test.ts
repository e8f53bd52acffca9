import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Connection, type KeyHandler, type Socket, StreamClient } from './client';
import type { GapEvent, KeyEvent, StreamError, SubAnswer } from './protocol';

interface Sent { id: number; op: string; keys?: string[]; from?: string; history?: number; policy?: unknown; tokens?: number }

class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Sent[] = [];
  isClosed = false;
  send(text: string): void { this.sent.push(JSON.parse(text) as Sent); }
  close(): void { this.isClosed = true; }
  say(message: object): void { this.onmessage?.({ data: JSON.stringify(message) }); }
  commands(op: string): Sent[] { return this.sent.filter((c) => c.op === op); }
  command(op: string): Sent {
    const last = this.commands(op).at(-1);
    if (!last) throw new Error(`no ${op} was sent`);
    return last;
  }
  answer(command: Sent, token: string, state = 'live'): void {
    this.say({ id: command.id, ok: true, token, subs: (command.keys ?? []).map((key) => ({ key, state, snapshot: {} })) });
  }
  refuse(command: Sent, error: Partial<StreamError>): void {
    this.say({ id: command.id, ok: false, error: { code: 4400, name: 'bad_request', message: 'no', retry: false, ...error } });
  }
}

class Recorder implements KeyHandler {
  readonly snapshots: [SubAnswer, boolean][] = [];
  readonly events: KeyEvent[] = [];
  readonly errors: StreamError[] = [];
  snapshot(answer: SubAnswer, resumed: boolean): void { this.snapshots.push([answer, resumed]); }
  push(event: KeyEvent): void { this.events.push(event); }
  refused(error: StreamError): void { this.errors.push(error); }
}

let sockets: FakeSocket[] = [];
let states: Connection[] = [];
let client: StreamClient;
const last = (): FakeSocket => {
  const socket = sockets.at(-1);
  if (!socket) throw new Error('nothing was opened');
  return socket;
};
const soon = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  client = new StreamClient({
    open: () => { const s = new FakeSocket(); sockets.push(s); return s; },
    now: () => Date.now(),
    random: () => 0.5,
  });
  client.onConnection((s) => states.push(s));
});
afterEach(() => { client.stop(); vi.useRealTimers(); });

async function opened(): Promise<FakeSocket> {
  client.start();
  last().onopen?.();
  await soon();
  return last();
}

describe('subscribing', () => {
  it('makes one command of alike keys, and gives each its snapshot and its events', async () => {
    const a = new Recorder();
    const b = new Recorder();
    client.subscribe('tick:NSE:A', {}, a);
    client.subscribe('tick:NSE:B', {}, b);
    client.subscribe('bar:NSE:A:1m', { history: 50 }, new Recorder());
    const socket = await opened();
    expect(socket.commands('sub').map((c) => c.keys)).toEqual([['tick:NSE:A', 'tick:NSE:B'], ['bar:NSE:A:1m']]);
    expect(socket.commands('sub')[1]?.history).toBe(50);
    expect(socket.commands('sub')[0]?.from).toBeUndefined();
    socket.answer(socket.commands('sub')[0]!, 't1');
    expect(a.snapshots[0]?.[0].key).toBe('tick:NSE:A');
    expect(a.snapshots[0]?.[1]).toBe(false);
    socket.say({ ev: 'tick', key: 'tick:NSE:B', tick: { last: '5', t_rx: 1 } });
    expect(b.events).toHaveLength(1);
    expect(a.events).toHaveLength(0);
  });

  it('sends what is subscribed later, and takes back what is not wanted', async () => {
    const socket = await opened();
    const gone = new Recorder();
    const off = client.subscribe('tick:NSE:A', {}, gone);
    await soon();
    expect(socket.command('sub').keys).toEqual(['tick:NSE:A']);
    off();
    off();
    expect(socket.commands('unsub').map((c) => c.keys)).toEqual([['tick:NSE:A']]);
    const again = new Recorder();
    client.subscribe('tick:NSE:A', {}, again);
    await soon();
    const [first, second] = socket.commands('sub');
    socket.answer(first!, 't1');
    expect(again.snapshots).toHaveLength(0);
    expect(gone.snapshots).toHaveLength(0);
    socket.answer(second!, 't2');
    expect(again.snapshots).toHaveLength(1);
  });

  it('asks for each key alone when one of many cannot be had', async () => {
    const good = new Recorder();
    const bad = new Recorder();
    client.subscribe('tick:NSE:GOOD', {}, good);
    client.subscribe('tick:NSE:BAD', {}, bad);
    const socket = await opened();
    socket.refuse(socket.command('sub'), { code: 4404, name: 'unknown_instrument' });
    const [, one, other] = socket.commands('sub');
    expect([one?.keys, other?.keys]).toEqual([['tick:NSE:GOOD'], ['tick:NSE:BAD']]);
    socket.answer(one!, 't');
    socket.refuse(other!, { code: 4404, name: 'unknown_instrument' });
    expect(good.snapshots).toHaveLength(1);
    expect(bad.errors[0]?.name).toBe('unknown_instrument');
    expect(socket.commands('sub')).toHaveLength(3);
  });

  it('asks again for what is not to be had just now', async () => {
    const r = new Recorder();
    client.subscribe('bar:NSE:A:1m', {}, r);
    const socket = await opened();
    socket.refuse(socket.command('sub'), { code: 4503, retry: true });
    expect(r.errors).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_100);
    expect(socket.commands('sub')).toHaveLength(2);
  });
});

describe('a loss', () => {
  it('is told at once, and gone on from with the last token', async () => {
    const r = new Recorder();
    client.subscribe('bar:NSE:A:1m', { history: 10 }, r);
    let socket = await opened();
    socket.answer(socket.command('sub'), 'first');
    socket.say({ ev: 'token', token: 'second' });
    socket.onclose?.({ code: 1006, reason: '' });
    expect(states.at(-1)?.phase).toBe('waiting');
    expect(sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(sockets).toHaveLength(2);
    socket = await opened();
    expect(socket.command('sub')).toMatchObject({ keys: ['bar:NSE:A:1m'], from: 'second', history: 10 });
    socket.say({ ev: 'bar', key: 'bar:NSE:A:1m', bar: { start: 1 } });
    expect(r.events).toHaveLength(1);
    socket.answer(socket.command('sub'), 'third');
    expect(r.snapshots.map(([, resumed]) => resumed)).toEqual([false, true]);
    expect(client.connection.phase).toBe('open');
  });

  it('begins anew what the server has forgotten', async () => {
    const r = new Recorder();
    client.subscribe('tick:NSE:A', {}, r);
    let socket = await opened();
    socket.answer(socket.command('sub'), 'old');
    socket.onclose?.({ code: 1006, reason: '' });
    await vi.advanceTimersByTimeAsync(300);
    socket = await opened();
    socket.refuse(socket.command('sub'), { code: 4400 });
    expect(socket.command('sub').from).toBeUndefined();
    socket.answer(socket.command('sub'), 'new');
    expect(r.snapshots.at(-1)?.[1]).toBe(false);
  });

  it('does not pretend that nothing is missing when the server says it is', async () => {
    const r = new Recorder();
    client.subscribe('tick:NSE:A', {}, r);
    let socket = await opened();
    socket.answer(socket.command('sub'), 'old');
    socket.onclose?.({ code: 1006, reason: '' });
    await vi.advanceTimersByTimeAsync(300);
    socket = await opened();
    socket.answer(socket.command('sub'), 'new', 'token_expired');
    expect(r.snapshots.at(-1)?.[1]).toBe(false);
  });

  it('while going on is no reason to forget where each key was', async () => {
    client.subscribe('tick:NSE:A', {}, new Recorder());
    client.subscribe('bar:NSE:A:1m', { history: 5 }, new Recorder());
    let socket = await opened();
    for (const c of socket.commands('sub')) socket.answer(c, 'old');
    socket.onclose?.({ code: 1006, reason: '' });
    await vi.advanceTimersByTimeAsync(300);
    socket = await opened();
    socket.answer(socket.commands('sub')[0]!, 'new');  // and the second is never answered
    socket.onclose?.({ code: 1006, reason: '' });
    await vi.advanceTimersByTimeAsync(1_000);
    socket = await opened();
    const from = Object.fromEntries(socket.commands('sub').map((c) => [c.keys?.[0], c.from]));
    expect(from).toEqual({ 'tick:NSE:A': 'new', 'bar:NSE:A:1m': 'old' });
  });

  it('goes on from the token of a notice that the page was too slow', async () => {
    const gaps: GapEvent[] = [];
    client.onGap((g) => gaps.push(g));
    client.subscribe('tick:NSE:A', {}, new Recorder());
    let socket = await opened();
    socket.answer(socket.command('sub'), 'old');
    socket.say({ ev: 'gap', cause: 'too_slow', token: 'here' });
    socket.onclose?.({ code: 4008, reason: 'too slow' });
    await vi.advanceTimersByTimeAsync(300);
    socket = await opened();
    expect(socket.command('sub').from).toBe('here');
    expect(gaps.map((g) => g.cause)).toEqual(['too_slow']);
  });

  it('is waited for longer and longer, and not at all when the button is pressed', async () => {
    client.start();
    for (const wait of [250, 500, 1_000, 2_000]) {
      last().onclose?.({ code: 1006, reason: '' });
      const n = sockets.length;
      await vi.advanceTimersByTimeAsync(wait - 10);
      expect(sockets).toHaveLength(n);
      await vi.advanceTimersByTimeAsync(20);
      expect(sockets).toHaveLength(n + 1);
    }
    last().onclose?.({ code: 1006, reason: '' });
    const n = sockets.length;
    client.retryNow();
    expect(sockets).toHaveLength(n + 1);
  });

  it('for good is said, and not retried', async () => {
    const socket = await opened();
    socket.onclose?.({ code: 4501, reason: 'the key was revoked' });
    expect(client.connection).toMatchObject({ phase: 'refused', why: 'the key was revoked' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
  });

  it('is noticed when the server falls silent', async () => {
    const trips: number[] = [];
    client.onRoundTrip((ms) => trips.push(ms));
    const socket = await opened();
    await vi.advanceTimersByTimeAsync(40);
    socket.say({ id: socket.command('ping').id, ok: true, op: 'pong' });
    expect(trips).toEqual([40]);
    await vi.advanceTimersByTimeAsync(16_000);
    expect(socket.isClosed).toBe(true);
    expect(states.some((s) => s.phase === 'waiting' && s.why === 'the server fell silent')).toBe(true);
  });
});

describe('who is asked who he is', () => {
  it('shows it first, and is told when it is not taken', async () => {
    const asked: string[] = [];
    let key = 'artham_1_wrong';
    const guarded = new StreamClient({
      open: () => { const s = new FakeSocket(); sockets.push(s); return s; },
      credential: () => ({ key }), unauthorized: (why) => asked.push(why), now: () => Date.now(), random: () => 0.5,
    });
    const r = new Recorder();
    guarded.subscribe('tick:NSE:A', {}, r);
    guarded.subscribe('tick:NSE:B', {}, new Recorder());
    guarded.start();
    last().onopen?.();
    await soon();
    const socket = last();
    expect(socket.sent.map((c) => c.op)).toEqual(['auth', 'sub', 'ping']);
    socket.refuse(socket.command('auth'), { code: 4401, message: 'the key is not known' });
    socket.refuse(socket.command('sub'), { code: 4401, message: 'the key is not known' });
    expect(asked).toEqual(['the key is not known', 'the key is not known']);
    expect(socket.commands('sub')).toHaveLength(1);
    expect(r.errors).toHaveLength(1);
    key = 'artham_1_right';
    guarded.connectAnew();
    expect(socket.isClosed).toBe(true);
    last().onopen?.();
    await soon();
    expect(last().command('auth')).toMatchObject({ key: 'artham_1_right' });
    last().answer(last().command('sub'), 't');
    expect(r.snapshots).toHaveLength(1);
    guarded.stop();
  });
});
