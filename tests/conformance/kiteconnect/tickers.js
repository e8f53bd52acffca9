'use strict';
// KiteTickers that a test drives.

const { fork } = require('node:child_process');
const path = require('node:path');

const patience = 60_000;

function withTimeout(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen in time`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A KiteTicker that is connecting: `frames` collects what it publishes, call(name, ...) calls it. */
function start(t, root, ...more) {
  const child = fork(path.join(__dirname, 'client.js'), [root, ...more]);
  t.after(() => child.connected && child.disconnect());
  const client = {
    frames: [],
    onTicks: () => {},
    call: (call, ...args) => child.send({ call, args }),
    next: (event) =>
      withTimeout(
        new Promise((resolve) => {
          const listen = (m) => {
            if (m.event === event) {
              child.off('message', listen);
              resolve(m.data);
            }
          };
          child.on('message', listen);
        }),
        `the client's ${event}`,
      ),
    /** Until so many ticks have come, or those that `done` wants. */
    ticks: (done) =>
      withTimeout(
        new Promise((resolve) => {
          const look = () => {
            const ticks = client.frames.flat();
            if (typeof done === 'number' ? ticks.length >= done : done(ticks)) {
              client.onTicks = () => {};
              resolve(ticks);
            }
          };
          client.onTicks = look;
          look();
        }),
        'that all ticks are there',
      ),
  };
  child.on('message', ({ event, data }) => {
    if (event === 'ticks') {
      client.frames.push(data);
      client.onTicks(data);
    }
  });
  return client;
}

/** One that is connected. */
async function connect(t, root, ...more) {
  const client = start(t, root, ...more);
  await client.next('connect');
  return client;
}

module.exports = { connect, patience, start, withTimeout };
