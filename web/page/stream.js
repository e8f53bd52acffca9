// The WebSocket /v1/stream (artham.v1.json): one subscription at a time, for ever reconnecting.

const silence = 20_000;  // then a ping is sent
const patience = 8_000;  // for its pong

export class Stream {
  /// onState(connecting | open (first or again) | waiting (seconds) | refused (reason)), onSnapshot(subs), onError(error), onEvent(message)
  constructor(handlers) {
    this.handlers = handlers;
    this.keys = [];
    this.history = 0;
    this.id = 0;
    this.attempt = 0;
  }

  connect() {
    clearTimeout(this.retry);
    this.drop();
    this.handlers.onState('connecting');
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}/v1/stream`, 'artham.v1.json');
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.listen();
      this.handlers.onState('open', this.opened ? 'again' : 'first');
      this.opened = true;
      this.sendSubscription();
    };
    socket.onmessage = (e) => {
      this.listen();
      this.receive(JSON.parse(e.data));
    };
    socket.onclose = (e) => {
      if (socket !== this.socket) return;
      clearTimeout(this.timer);
      this.socket = null;
      if (e.code >= 4500) return this.handlers.onState('refused', e.reason || `code ${e.code}`);
      this.retryLater();
    };
  }

  subscribe(keys, history) {
    const before = this.keys;
    this.keys = keys;
    this.history = history;
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const gone = before.filter((k) => !keys.includes(k));
    if (gone.length > 0) this.send({ op: 'unsub', keys: gone });
    this.sendSubscription();
  }

  sendSubscription() {
    if (this.keys.length > 0) this.awaited = this.send({ op: 'sub', keys: this.keys, history: this.history });
  }

  send(command) {
    this.id += 1;
    this.socket.send(JSON.stringify({ id: this.id, ...command }));
    return this.id;
  }

  receive(message) {
    if (message.ev) return this.handlers.onEvent(message);
    if (message.id !== this.awaited) return;
    if (message.ok) this.handlers.onSnapshot(message.subs ?? []);
    else this.handlers.onError(message.error);
  }

  /// Something was heard: the connection lives.
  listen() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.socket?.readyState !== WebSocket.OPEN) return;
      this.send({ op: 'ping' });
      this.timer = setTimeout(() => { this.drop(); this.retryLater(); }, patience);
    }, silence);
  }

  drop() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  retryLater() {
    const seconds = Math.min(15, 2 ** Math.min(this.attempt, 4)) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.handlers.onState('waiting', Math.max(1, Math.round(seconds)));
    this.retry = setTimeout(() => this.connect(), seconds * 1000);
  }
}
