'use strict';
// One official KiteTicker in a process of its own (it keeps its state in module variables), driven by IPC:
// it takes {call, args} and tells {event, ...}. client.js ROOT [ACCESS_TOKEN [reconnect]]

const { KiteTicker } = require('kiteconnect');

const [root, access_token = 'token', again] = process.argv.slice(2);
const ticker = new KiteTicker({ api_key: 'key', access_token, root, reconnect: again === 'reconnect', max_retry: 50 });
const tell = (event, data) => process.connected && process.send({ event, data });

ticker.on('connect', () => tell('connect'));
ticker.on('ticks', (ticks) => tell('ticks', ticks));
ticker.on('disconnect', () => tell('disconnect'));
ticker.on('error', (e) => tell('error', String(e.message || e)));
process.on('message', ({ call, args }) => ticker[call](...args));
process.on('disconnect', () => process.exit(0));
ticker.connect();
