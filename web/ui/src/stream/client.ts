import type { GapEvent, KeyEvent, StreamError, SubAnswer, SubOptions } from './protocol';

/// How the one connection is. Times are those of `performance.now`.
export type Connection =
  | { phase: 'connecting'; lostAt?: number }
  | { phase: 'open' }
  | { phase: 'waiting'; until: number; lostAt: number; why: string }
  | { phase: 'refused'; lostAt: number; why: string };

/// Whoever subscribes a key.
export interface KeyHandler {
  /// What is now. `resumed`: everything that was missed has been pushed before; else what was before is of no use.
  snapshot(answer: SubAnswer, resumed: boolean): void;
  push(event: KeyEvent): void;
  /// The key cannot be had. If `error.retry`, it is asked for again, by the client.
  refused(error: StreamError): void;
}

/// What the client needs of a WebSocket.
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface ClientOptions {
  open: () => Socket;
  /// Shown first, if there is one.
  credential?: () => { ticket: string } | { key: string } | undefined;
  /// The server wants one, or another one.
  unauthorized?: (why: string) => void;
  now?: () => number;
  random?: () => number;
}

const keysPerCommand = 400;
const pingEvery = 5_000;
const patience = 8_000;
const firstWait = 250;
const longestWait = 10_000;
const retryKeyAfter = 2_000;
const tokenEvery = 1_000;
/// Closed with these, the server wants something else before anybody comes back.
const needsKey = 4401;
const notAgain = 4500;

interface Entry {
  readonly key: string;
  readonly options: SubOptions;
  readonly handler: KeyHandler;
  /// Whether the session that is open has it, or was asked for it.
  asked: boolean;
  had: boolean;
  /// Where an earlier session was cut off.
  token: string | undefined;
}

type Command =
  | { op: 'sub'; entries: Entry[]; from: string | undefined }
  | { op: 'ping'; at: number }
  | { op: 'auth' }
  | { op: 'unsub' };

/// One connection to `/v1/stream` for the whole page, for ever coming back, going on where it was cut off.
export class StreamClient {
  private readonly entries = new Map<string, Entry>();
  private readonly commands = new Map<number, Command>();
  private readonly now: () => number;
  private readonly random: () => number;
  private socket: Socket | null = null;
  private isOpen = false;
  private token: string | undefined;
  private attempt = 0;
  private lastId = 0;
  private heardAt = 0;
  private lostAt: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pulse: ReturnType<typeof setInterval> | undefined;
  private flushing = false;
  private state: Connection = { phase: 'connecting' };
  private readonly watchers = new Set<(state: Connection) => void>();
  private readonly gapWatchers = new Set<(gap: GapEvent) => void>();
  private readonly trips = new Set<(milliseconds: number) => void>();

  constructor(private readonly options: ClientOptions) {
    this.now = options.now ?? (() => performance.now());
    this.random = options.random ?? Math.random;
  }

  get connection(): Connection { return this.state; }

  onConnection(watcher: (state: Connection) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /// Losses of all instruments.
  onGap(watcher: (gap: GapEvent) => void): () => void {
    this.gapWatchers.add(watcher);
    return () => this.gapWatchers.delete(watcher);
  }

  /// How long a ping took, every few seconds.
  onRoundTrip(watcher: (milliseconds: number) => void): () => void {
    this.trips.add(watcher);
    return () => this.trips.delete(watcher);
  }

  start(): void {
    if (this.socket === null) this.connect();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.drop();
  }

  /// Not later, but now.
  retryNow(): void {
    if (this.state.phase === 'waiting' || this.state.phase === 'refused') this.connectAnew();
  }

  /// As somebody else.
  connectAnew(): void {
    clearTimeout(this.timer);
    this.connect();
  }

  /// A key has one handler at a time: who shares it stands behind a hub. Returns how to be rid of it.
  subscribe(key: string, options: SubOptions, handler: KeyHandler): () => void {
    if (this.entries.has(key)) throw new Error(`'${key}' is subscribed already`);
    const entry: Entry = { key, options, handler, asked: false, had: false, token: undefined };
    this.entries.set(key, entry);
    this.flushSoon();
    return () => this.unsubscribe(entry);
  }

  private unsubscribe(entry: Entry): void {
    if (this.entries.get(entry.key) !== entry) return;
    this.entries.delete(entry.key);
    if (entry.asked && this.isOpen) this.send({ op: 'unsub' }, { op: 'unsub', keys: [entry.key] });
  }

  private connect(): void {
    this.drop();
    this.say(this.lostAt === undefined ? { phase: 'connecting' } : { phase: 'connecting', lostAt: this.lostAt });
    const socket = this.options.open();
    this.socket = socket;
    socket.onopen = () => { if (socket === this.socket) this.opened(); };
    socket.onmessage = (event) => { if (socket === this.socket) this.received(String(event.data)); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event.code, event.reason); };
  }

  private opened(): void {
    this.isOpen = true;
    this.attempt = 0;
    this.lostAt = undefined;
    this.heardAt = this.now();
    this.pulse = setInterval(() => this.beat(), pingEvery);
    this.say({ phase: 'open' });
    const credential = this.options.credential?.();
    if (credential) this.send({ op: 'auth' }, { op: 'auth', ...credential });
    this.flush();
    this.beat();
  }

  private closed(code: number, reason: string): void {
    this.drop();
    this.lostAt ??= this.now();
    if (code === needsKey) this.options.unauthorized?.(reason || 'A key or a login is needed.');
    if (code >= notAgain || code === needsKey)
      return this.say({ phase: 'refused', lostAt: this.lostAt, why: reason || `the server closed with ${code}` });
    this.comeBack(reason || (code === 1006 ? 'the connection broke' : `the server closed with ${code}`));
  }

  private comeBack(why: string): void {
    this.lostAt ??= this.now();
    const wait = Math.min(longestWait, firstWait * 2 ** Math.min(this.attempt, 10)) * (0.75 + this.random() / 2);
    this.attempt += 1;
    this.timer = setTimeout(() => this.connect(), wait);
    this.say({ phase: 'waiting', until: this.now() + wait, lostAt: this.lostAt, why });
  }

  /// What the session had is remembered by its last token; what it was only asked for, by an earlier one.
  private drop(): void {
    clearInterval(this.pulse);
    const socket = this.socket;
    this.socket = null;
    this.isOpen = false;
    for (const entry of this.entries.values()) {
      if (entry.had) entry.token = this.token;
      entry.had = entry.asked = false;
    }
    this.commands.clear();
    this.token = undefined;
    socket?.close();
  }

  private beat(): void {
    const now = this.now();
    let waiting = false;
    for (const command of this.commands.values()) {
      if (command.op !== 'ping') continue;
      waiting = true;
      if (now - command.at < patience || now - this.heardAt < patience) continue;
      this.drop();
      return this.comeBack('the server fell silent');
    }
    if (!waiting) this.send({ op: 'ping', at: now }, { op: 'ping' });
  }

  private send(command: Command, message: object): void {
    this.lastId += 1;
    this.commands.set(this.lastId, command);
    this.socket?.send(JSON.stringify({ id: this.lastId, ...message }));
  }

  /// Those that are subscribed in one go make one command.
  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      if (this.isOpen) this.flush();
    });
  }

  private flush(): void {
    const groups = new Map<string, Entry[]>();
    for (const entry of this.entries.values()) {
      if (entry.asked) continue;
      const alike = JSON.stringify([entry.options.history, entry.options.policy, entry.token]);
      const group = groups.get(alike);
      if (group) group.push(entry);
      else groups.set(alike, [entry]);
    }
    for (const group of groups.values()) {
      for (let i = 0; i < group.length; i += keysPerCommand) this.ask(group.slice(i, i + keysPerCommand));
    }
  }

  private ask(entries: Entry[]): void {
    const first = entries[0];
    if (!first) return;
    const { history, policy } = first.options;
    for (const entry of entries) entry.asked = true;
    this.send({ op: 'sub', entries, from: first.token }, {
      op: 'sub', keys: entries.map((e) => e.key), history, policy, from: first.token, tokens: tokenEvery,
    });
  }

  private received(text: string): void {
    this.heardAt = this.now();
    const message = JSON.parse(text) as { ev?: string; id?: number };
    if (message.ev !== undefined) return this.pushed(message as KeyEvent | GapEvent | { ev: 'token'; token: string });
    const command = message.id === undefined ? undefined : this.commands.get(message.id);
    if (!command || message.id === undefined) return;
    this.commands.delete(message.id);
    if (command.op === 'ping') for (const tell of this.trips) tell(this.now() - command.at);
    if (command.op === 'auth') this.shown(message as Answer);
    if (command.op === 'sub') this.answered(command, message as Answer);
  }

  private pushed(event: KeyEvent | GapEvent | { ev: 'token'; token: string }): void {
    if (event.ev === 'token') {
      this.token = event.token;
      return;
    }
    if (event.key !== undefined) return this.entries.get(event.key)?.handler.push(event as KeyEvent);
    if (event.ev !== 'gap') return;
    // The token with it stands for all that was sent; the server closes behind it.
    if (event.token !== undefined) this.token = event.token;
    for (const tell of this.gapWatchers) tell(event);
  }

  private shown(answer: Answer): void {
    if (!answer.ok) this.options.unauthorized?.(answer.error.message);
  }

  private answered(command: Extract<Command, { op: 'sub' }>, answer: Answer): void {
    // Who was taken away meanwhile, or has come again, is not meant.
    const meant = command.entries.filter((e) => this.entries.get(e.key) === e);
    if (!answer.ok) return this.refused(meant, command.from, answer.error);
    this.token = answer.token;
    const byKey = new Map(answer.subs.map((sub) => [sub.key, sub]));
    for (const entry of meant) {
      entry.had = true;
      entry.token = undefined;
      const sub = byKey.get(entry.key);
      if (sub) entry.handler.snapshot(sub, command.from !== undefined && sub.state !== 'token_expired');
    }
  }

  private refused(entries: Entry[], from: string | undefined, error: StreamError): void {
    if (error.code === needsKey) {
      // Of all of them, until somebody logs in: that is another session.
      for (const entry of entries) entry.handler.refused(error);
      return this.options.unauthorized?.(error.message);
    }
    for (const entry of entries) entry.asked = false;
    if (error.retry) {
      for (const entry of entries) {
        entry.asked = true;  // until then
        entry.handler.refused(error);
      }
      const session = this.socket;
      setTimeout(() => {
        if (session === null || session !== this.socket) return;
        for (const entry of entries) entry.asked = false;
        this.flush();
      }, retryKeyAfter);
      return;
    }
    if (from !== undefined) {
      // Of another journal, or none any more: begin anew.
      for (const entry of entries) entry.token = undefined;
      return this.flush();
    }
    const [only] = entries;
    if (entries.length === 1 && only) {
      only.asked = true;  // not again in this session
      return only.handler.refused(error);
    }
    // All or nothing: one of them cannot be had.
    for (const entry of entries) this.ask([entry]);
  }

  private say(state: Connection): void {
    this.state = state;
    for (const tell of this.watchers) tell(state);
  }
}

type Answer =
  | { ok: true; token: string; subs: SubAnswer[] }
  | { ok: false; error: StreamError };
