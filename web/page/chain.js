import { $, element, get, say, setText } from '/dom.js';
import { Stream } from '/stream.js';

// A chain as it is pushed: the page formats and places, it computes nothing.

const sides = ['oi', 'oi_change', 'volume', 'theta', 'delta', 'iv', 'price'];
const titles = { oi: 'OI', oi_change: 'Chg', volume: 'Volume', theta: 'Theta', delta: 'Delta', iv: 'IV', price: 'Price' };

const state = { chains: [], underlying: '', expiry: '', chain: null, drawing: false, rows: new Map() };

// ---- text

const count = (n) => (n === undefined ? '–' : n.toLocaleString('en-IN'));
const number = (x, digits) => (x === undefined ? '–' : x.toFixed(digits));
const percent = (x) => (x === undefined ? '–' : (100 * x).toFixed(2));
const format = {
  oi: count, oi_change: count, volume: count,
  theta: (x) => number(x, 2), delta: (x) => number(x, 3), iv: percent, price: (x) => x ?? '–',
};
const ist = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kolkata', timeStyle: 'medium' });

// ---- what is shown

function makeColumns() {
  const heads = sides.map((c) => element('th', '', titles[c]));
  const mirrored = [...sides].reverse().map((c) => element('th', '', titles[c]));
  for (const th of [...heads, ...mirrored]) th.scope = 'col';
  const strike = element('th', 'strike', 'Strike');
  strike.scope = 'col';
  $('columns').replaceChildren(...heads, strike, ...mirrored);
}

function rowOf(strike) {
  let row = state.rows.get(strike);
  if (row) return row;
  const tr = element('tr');
  const cells = { CE: {}, PE: {} };
  for (const c of sides) tr.append(cells.CE[c] = element('td', c));
  const th = element('th', 'strike', strike);
  th.scope = 'row';
  tr.append(th);
  for (const c of [...sides].reverse()) tr.append(cells.PE[c] = element('td', c));
  row = { tr, cells };
  state.rows.set(strike, row);
  return row;
}

function showOption(cells, o) {
  for (const c of sides) {
    const known = o?.[c] !== undefined;
    setText(cells[c], known ? format[c](o[c]) : o ? '·' : '');
    cells[c].title = known || !o ? '' : o.state;
  }
}

function showSummary(c) {
  const facts = [
    ['Forward', number(c.forward, 2), c.source ?? c.state],
    ['ATM', c.atm_strike ?? '–', `IV ${percent(c.atm_iv)} %`],
    ['Straddle', number(c.straddle, 2), ''],
    ['25Δ risk reversal', percent(c.risk_reversal), 'points'],
    ['25Δ butterfly', percent(c.butterfly), 'points'],
    ['PCR (OI)', number(c.pcr_oi, 3), `volume ${number(c.pcr_volume, 3)}`],
    ['Max pain', c.max_pain ?? '–', ''],
    ['GEX', c.gex === undefined ? '–' : `${(c.gex / 1e7).toFixed(1)} Cr`, 'for 1 %'],
    ['Call OI', count(c.call_oi), count(c.call_oi_change)],
    ['Put OI', count(c.put_oi), count(c.put_oi_change)],
    ['Valued', `${c.valued} of ${c.options.length}`, c.final ? 'at a clock mark' : 'live'],
  ];
  const list = $('summary');
  while (list.children.length < facts.length) {
    const item = element('div');
    item.append(element('dt'), element('dd'), element('small'));
    list.append(item);
  }
  facts.forEach(([name, value, more], i) => {
    const [dt, dd, small] = list.children[i].children;
    setText(dt, name);
    setText(dd, value);
    setText(small, more);
  });
}

function draw() {
  state.drawing = false;
  const c = state.chain;
  if (!c) return;
  say(c.state === 'ok' ? '' : `This chain is not valued: ${c.state.replace('_', ' ')}.`);
  showSummary(c);
  const strikes = new Map();
  for (const o of c.options) {
    if (!strikes.has(o.strike)) strikes.set(o.strike, {});
    strikes.get(o.strike)[o.type] = o;
  }
  const wanted = [];
  for (const [strike, pair] of strikes) {
    const row = rowOf(strike);
    showOption(row.cells.CE, pair.CE);
    showOption(row.cells.PE, pair.PE);
    const above = c.forward !== undefined && Number(strike) > c.forward;
    row.tr.className = `${above ? 'above' : 'below'}${strike === c.atm_strike ? ' atm' : ''}`;
    wanted.push(row.tr);
  }
  const body = $('rows');
  if (wanted.length !== body.children.length || wanted.some((tr, i) => body.children[i] !== tr)) body.replaceChildren(...wanted);
  setText($('clock'), ist.format(c.t / 1000));
}

function show(chain) {
  if (chain.underlying !== state.underlying || chain.expiry !== state.expiry) return;
  state.chain = chain;
  if (state.drawing) return;
  state.drawing = true;
  requestAnimationFrame(draw);
}

// ---- the stream

const dataStates = {
  live: ['good', 'Live'], waiting_feed: ['warn', 'Waiting for the feed'], market_closed: ['', 'Market closed'],
  no_ticks_since: ['warn', 'No ticks yet'],
};
function showState(name) {
  const [kind, text] = dataStates[name] ?? ['', name];
  $('data-state').className = `badge ${kind}`;
  setText($('data-state'), text);
}

const stream = new Stream({
  onState: (name, detail) => {
    const shown = {
      connecting: ['warn', 'Connecting'], open: ['good', 'Connected'],
      waiting: ['bad', `Again in ${detail} s`], refused: ['bad', `Refused: ${detail}`],
    }[name];
    $('connection').className = `badge ${shown[0]}`;
    setText($('connection'), shown[1]);
  },
  onSnapshot: ([sub]) => {
    showState(sub.state);
    if (sub.snapshot.chain) show(sub.snapshot.chain);
  },
  onError: (e) => say(e.message ?? String(e)),
  onEvent: (m) => {
    if (m.ev === 'chain') show(m.chain);
    if (m.ev === 'state') showState(m.state);
  },
});

function choose(underlying, expiry) {
  const known = state.chains.find((c) => c.underlying === underlying) ?? state.chains[0];
  state.underlying = known.underlying;
  state.expiry = known.expiries.includes(expiry) ? expiry : known.nearest;
  state.chain = null;
  state.rows.clear();
  $('rows').replaceChildren();
  $('underlying').value = state.underlying;
  $('expiry').replaceChildren(...known.expiries.map((e) => {
    const option = element('option', '', e);
    option.value = e;
    return option;
  }));
  $('expiry').value = state.expiry;
  location.replace(`#${encodeURIComponent(state.underlying)}/${state.expiry}`);
  document.title = `${state.underlying} ${state.expiry} · artham`;
  stream.subscribe([`chain:${state.underlying}:${state.expiry}`], 0);
}
$('underlying').addEventListener('change', () => choose($('underlying').value, state.expiry));
$('expiry').addEventListener('change', () => choose(state.underlying, $('expiry').value));

async function start() {
  try {
    const { chains } = await get('/v1/chain');
    if (chains.length === 0) throw new Error('no option has ticked yet');
    // Which expiry is next is for the server to say.
    for (const c of chains) c.nearest = (await get(`/v1/chain/${encodeURIComponent(c.underlying)}`)).chain.expiry;
    state.chains = chains;
    $('underlying').replaceChildren(...chains.map((c) => {
      const option = element('option', '', c.underlying);
      option.value = c.underlying;
      return option;
    }));
    makeColumns();
    say('');
    const [, wanted, expiry] = /^#([^/]+)\/([\d-]+)$/.exec(location.hash) ?? [];
    choose(wanted ? decodeURIComponent(wanted) : 'NIFTY', expiry);
    stream.connect();
  } catch (e) {
    say(`Waiting for artham: ${e.message}`);
    setTimeout(start, 2000);
  }
}
start();
