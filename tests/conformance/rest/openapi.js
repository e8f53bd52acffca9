'use strict';
// /openapi.json is OpenAPI 3.1, and real answers are what it says.

const assert = require('node:assert');
const Ajv = require('ajv/dist/2020');
const addFormats = require('ajv-formats');

async function documentOf(node) {
  const { status, type, json, headers } = await node.get('/openapi.json');
  assert.strictEqual(status, 200);
  assert.strictEqual(type, 'application/json');
  const again = await node.get('/openapi.json', { 'If-None-Match': headers.get('etag') });
  assert.strictEqual(again.status, 304);
  return json;
}

async function valid(node) {
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  const validator = new Validator();
  const result = await validator.validate(await documentOf(node));
  assert.deepStrictEqual(result, { valid: true });
  assert.strictEqual(validator.version, '3.1');
}

/** Checks answers against their schemas, and remembers which operations were asked. */
class Checker {
  constructor(document) {
    this.document = document;
    this.ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(this.ajv);
    this.ajv.addSchema(document, 'openapi');
    this.compiled = new Map();
    this.asked = new Set();
  }

  pathOf(target) {
    const path = decodeURIComponent(target.split('?')[0]);
    if (this.document.paths[path]) return path;
    return Object.keys(this.document.paths).find(
      (p) => p.includes('{') && new RegExp(`^${p.replace(/\{[^}]*\}/g, '[^/]+')}$`).test(path));
  }

  resolve(pointer) {
    const object = pointer.split('/').slice(1).reduce(
      (o, name) => o[name.replace(/~1/g, '/').replace(/~0/g, '~')], this.document);
    return object.$ref ? this.resolve(object.$ref.slice(1)) : { object, pointer };
  }

  check(target, answer, method = 'get') {
    const path = this.pathOf(target);
    assert.ok(path, `${target} is in no path of the document`);
    const operation = `/paths/${path.replace(/~/g, '~0').replace(/\//g, '~1')}/${method}`;
    const known = this.resolve(operation).object.responses[answer.status];
    assert.ok(known, `${method} ${target}: status ${answer.status} is not described: ${answer.text}`);
    const { object, pointer } = this.resolve(`${operation}/responses/${answer.status}`);
    if (answer.status === 204) {
      assert.strictEqual(answer.text, '');
      this.asked.add(`${method} ${path}`);
      return;
    }
    const mime = answer.type.split(';')[0];
    assert.ok(object.content?.[mime], `${target}: ${mime} is not described for ${answer.status}`);
    if (answer.json !== undefined) {
      const schema = `openapi#${pointer}/content/${mime.replace(/\//g, '~1')}/schema`;
      let validate = this.compiled.get(schema);
      if (!validate) {
        validate = this.ajv.compile({ $ref: schema.split('/').map((part, n) => (n ? encodeURIComponent(part) : part)).join('/') });
        this.compiled.set(schema, validate);
      }
      assert.ok(validate(answer.json), `${method} ${target}: ${JSON.stringify(validate.errors)} in ${answer.text.slice(0, 2000)}`);
    }
    if (answer.status >= 200 && answer.status < 300) this.asked.add(`${method} ${path}`);
  }

  /** What was never answered with 200. */
  unasked() {
    const all = Object.entries(this.document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`));
    return all.filter((operation) => !this.asked.has(operation));
  }
}

/** `option` is the key of an option, `start` the start of a stored 1m bar of `key`. */
async function answers(node, { key, token, option, underlying, start }) {
  const checker = new Checker(await documentOf(node));
  const ask = async (target, status = 200, headers = {}) => {
    const answer = await node.get(target, headers);
    assert.strictEqual(answer.status, status, `${target}: ${answer.text.slice(0, 500)}`);
    checker.check(target, answer);
    return answer;
  };
  const of = `instrument=${encodeURIComponent(key)}`;
  const bars = `/v1/bars?${of}&timeframe=1m`;
  for (const target of [
    bars, `${bars}&limit=2`, `${bars}&revision=all`, `${bars}&format=csv`, `${bars}&limit=all&format=ndjson`,
    `${bars}&indicators=sma:3,vwap:2`, `/v1/bars?${of}&timeframe=1D`, `${bars}&source=kite`,
    `/v1/bars/proof?${of}&timeframe=1m&start=${start}`,
    '/v1/chain', `/v1/chain/${underlying}`, `/v1/chain/${underlying}?history=3`,
    `/v1/greeks?instrument=${encodeURIComponent(option)}&limit=3`, `/v1/features?${of}&limit=3`,
    '/v1/instruments', `/v1/instruments?query=${underlying}&limit=500`, '/v1/gaps', '/v1/timeframes', '/v1/status',
    '/v1/system/tree', '/livez', '/readyz', '/metrics', '/version', '/openapi.json',
    '/kite/user/profile', '/kite/instruments', '/kite/instruments/NSE',
    `/kite/quote?i=${encodeURIComponent(key)}&i=NSE:NOSUCH`, `/kite/quote/ohlc?i=${token}`, `/kite/quote/ltp?i=${token}`,
    `/kite/instruments/historical/${token}/minute?from=2026-11-20&to=2026-12-01&oi=1`,
    `/kite/instruments/historical/${token}/day?from=2026-11-01&to=2026-12-01`,
    '/udf/config', `/udf/symbols?symbol=${encodeURIComponent(key)}`, `/udf/symbols?symbol=${encodeURIComponent(option)}`,
    '/udf/symbols?symbol=NSE:NOSUCH', '/udf/search?query=NIF&limit=10', '/udf/search?limit=0',
    `/udf/history?symbol=${encodeURIComponent(key)}&resolution=1&from=0&to=4000000000&countback=5`,
    `/udf/history?symbol=${encodeURIComponent(key)}&resolution=1&from=0&to=1`, '/udf/history?resolution=x&to=1',
    `/udf/quotes?symbols=${encodeURIComponent(key)},NSE:NOSUCH`, '/udf/quotes', '/udf/time',
    `/udf/marks?symbol=${encodeURIComponent(key)}&resolution=1&from=0&to=4000000000`,
    `/udf/timescale_marks?symbol=${encodeURIComponent(key)}&resolution=1&from=0&to=4000000000`,
  ]) {
    await ask(target);
  }
  for (const [target, status] of [
    ['/v1/bars', 400], [`${bars}&limit=0`, 400], ['/v1/bars?instrument=NSE:NOSUCH&timeframe=1m', 404],
    [`/v1/bars/proof?${of}&timeframe=1m&start=1`, 404], ['/v1/chain/NOSUCH', 404], ['/v1/chain?x=1', 400],
    ['/v1/gaps?from=x', 400], ['/v1/timeframes?x=1', 400], ['/version?x=1', 400], ['/v1/stream', 426],
    ['/kite/quote', 400], [`/kite/instruments/historical/${token}/7minute?from=2026-11-20&to=2026-11-21`, 400],
  ]) {
    await ask(target, status);
  }
  await ask('/kite/user/profile', 403, { Authorization: 'Bearer x' });

  const call = async (method, target, body) => {
    const answer = await fetch(node.url + target, { method, body });
    const text = await answer.text();
    checker.check(target, { status: answer.status, type: answer.headers.get('content-type'), text, json: JSON.parse(text) },
      method.toLowerCase());
  };
  await call('POST', '/kite/session/token', new URLSearchParams({ api_key: 'a', request_token: 'b', checksum: 'c' }));
  await call('POST', '/kite/session/token', new URLSearchParams({ api_key: 'a' }));
  await call('DELETE', '/kite/session/token?api_key=a&access_token=b');
  await ask('/v1/session');

  const tell = async (method, target, body, expected) => {
    const answer = await fetch(node.url + target, {
      method, body: body && JSON.stringify(body), headers: body ? { 'Content-Type': 'application/json' } : {},
    });
    const text = await answer.text();
    assert.strictEqual(answer.status, expected, `${method} ${target}: ${text}`);
    const json = text ? JSON.parse(text) : null;
    checker.check(target, { status: answer.status, type: answer.headers.get('content-type'), text, json }, method.toLowerCase());
    return { headers: answer.headers, json };
  };
  const made = await tell('POST', '/v1/alerts/rules', { key: `tick:${key}`, condition: 'last_price > 0', mode: 'each' }, 201);
  const place = made.headers.get('location');
  await ask('/v1/alerts/rules');
  await ask(place);
  await tell('PUT', place, { enabled: false }, 200);
  await tell('PUT', place, { condition: 'nonsense' }, 400);
  await tell('POST', '/v1/alerts/rules', { key: `tick:${key}`, condition: 'last_price >' }, 400);
  await tell('DELETE', place, undefined, 204);
  await tell('DELETE', place, undefined, 404);
  await ask('/v1/alerts?limit=5');
  await ask('/v1/alerts?limit=0', 400);

  const replayed = await tell('POST', '/v1/replays', { from: start, to: start + 600e6, speed: 60, paused: true }, 201);
  const replay = `/v1/replays/${replayed.json.id}`;
  await ask('/v1/replays');
  await ask(replay);
  await tell('POST', replay, { op: 'speed', speed: 'max' }, 200);
  await tell('POST', replay, { op: 'seek', to: start + 1e6 }, 200);
  await tell('POST', replay, { op: 'dance' }, 400);
  await tell('DELETE', replay, undefined, 200);
  await tell('DELETE', replay, undefined, 404);
  await tell('POST', '/v1/replays', { from: 1, to: 2 }, 404);
  await tell('POST', '/v1/replays', { from: 2, to: 1 }, 400);
  assert.deepStrictEqual(checker.unasked(), ['get /v1/stream', 'post /v1/login', 'post /v1/logout', 'post /v1/session'],
    'every operation was asked, but those of people who log in');
}

/** Bars that the client has are not sent again. */
async function etags(node, key) {
  const target = `/v1/bars?instrument=${encodeURIComponent(key)}&timeframe=1m&from=0&limit=20`;
  const first = await node.get(target);
  const etag = first.headers.get('etag');
  assert.match(etag, /^"[0-9a-f]{32}"$/);
  assert.strictEqual(first.headers.get('cache-control'), 'no-cache');
  for (const known of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
    const again = await node.get(target, { 'If-None-Match': known });
    assert.strictEqual(again.status, 304, known);
    assert.strictEqual(again.text, '');
    assert.strictEqual(again.headers.get('etag'), etag);
  }
  assert.strictEqual((await node.get(target, { 'If-None-Match': '"other"' })).text, first.text);
  assert.notStrictEqual((await node.get(`${target}1`)).headers.get('etag'), etag, 'other bars, another tag');
  const csv = await node.get(target, { Accept: 'text/csv, */*;q=0.1' });
  assert.match(csv.type, /^text\/csv/);
  assert.strictEqual(csv.text, (await node.get(`${target}&format=csv`)).text);
  assert.notStrictEqual(csv.headers.get('etag'), etag);
  assert.match((await node.get(target, { Accept: 'application/x-ndjson' })).type, /ndjson/);
  assert.match((await node.get(`${target}&format=json`, { Accept: 'text/csv' })).type, /json/);
}

module.exports = { answers, etags, valid };
