import { Chart, local } from '/chart.js';
import { $, element, get, say, setText } from '/dom.js';
import { Stream } from '/stream.js';

const historyBars = 600;
const mostBars = 20_000;
const mostGaps = 1_000;

const state = {
  instrument: null,   // {key, name, ...}
  timeframe: '',
  timeframes: [],
  offsetSeconds: 19800,
  bars: new Map(),    // by start
  gaps: [],
  lastText: '',
  oldestReached: false,
  loadingOlder: false,
  selection: 0,       // grows with each choice of instrument or timeframe
};

// ---- text

function priceText(text) {
  if (text === undefined || text === null) return '–';
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return text;
  return `${sign}${BigInt(whole).toLocaleString('en-IN')}.${fraction.padEnd(2, '0')}`;
}
const countText = (n) => (n === undefined || n === null ? '–' : n.toLocaleString('en-IN'));
const clockText = (micros) => local(micros, state.offsetSeconds).clockSeconds;

function lengthText(micros) {
  const s = micros / 1e6;
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}

// ---- bars

const chart = new Chart($('canvas'), {
  onHover: (bar) => showLegend(bar),
  onRange: () => loadOlder(),
  onFollow: (following) => { $('to-live').hidden = following; },
});
$('to-live').addEventListener('click', () => chart.toLive());

/// Numbers are for pixels only; what is read stays text.
function withPixels(bar) {
  return { ...bar, o: Number(bar.open), h: Number(bar.high), l: Number(bar.low), c: Number(bar.close), v: bar.volume };
}

/// Bars become final in their order: an unfinished one in front of a final one has another start now.
function dropMoved(bars) {
  const newest = Math.max(...bars.filter((b) => b.final).map((b) => b.start));
  if (newest === -Infinity) return;
  for (const [start, b] of state.bars) if (!b.final && start < newest) state.bars.delete(start);
}

function merge(bars) {
  for (const b of bars) {
    const known = state.bars.get(b.start);
    if (known && (b.final ? known.revision > b.revision : known.final && known.ticks > 0)) continue;
    state.bars.set(b.start, withPixels(b));
  }
  dropMoved(bars);
}

function showBars() {
  // One without ticks was withdrawn; it stays known, so that an older answer does not bring it back.
  const bars = [...state.bars.values()].filter((b) => b.ticks > 0).sort((a, b) => a.start - b.start);
  if (bars.length > mostBars) {
    for (const b of bars.splice(0, bars.length - mostBars)) state.bars.delete(b.start);
    state.oldestReached = true;
  }
  chart.setBars(bars);
  setText($('bars'), countText(bars.length));
  if (bars.length > 0) {
    say('');
    const b = bars.at(-1);
    $('canvas').setAttribute('aria-label', `${state.instrument.key} ${state.timeframe}, ${bars.length} bars; the newest from ` +
      `${local(b.start, state.offsetSeconds).clock}: open ${b.open}, high ${b.high}, low ${b.low}, close ${b.close}`);
  }
  showQuality();
}

/// Bars come faster than a screen can show: what depends on all of them is done once a frame.
let showRequested = false;
function showBarsSoon() {
  if (showRequested) return;
  showRequested = true;
  requestAnimationFrame(() => { showRequested = false; showBars(); });
}

function barsPath(extra) {
  return `/v1/bars?instrument=${encodeURIComponent(state.instrument.key)}&timeframe=${state.timeframe}${extra}`;
}

async function loadHistory() {
  const selection = state.selection;
  try {
    const answer = await get(barsPath(`&limit=${historyBars}`));
    if (selection !== state.selection) return;
    merge(answer.bars);
    state.oldestReached = !answer.more;
    showBars();
    if (state.bars.size === 0) say('No bars yet. They appear with the first ticks.');
  } catch (e) {
    if (selection === state.selection) say(`The bars could not be loaded: ${e.message}`);
  }
}

async function loadOlder() {
  if (state.loadingOlder || state.oldestReached || state.bars.size === 0) return;
  state.loadingOlder = true;
  const selection = state.selection;
  try {
    const oldest = Math.min(...state.bars.keys());
    const answer = await get(barsPath(`&to=${oldest}&limit=${historyBars}`));
    if (selection !== state.selection) return;
    merge(answer.bars);
    state.oldestReached = !answer.more;
    showBars();
  } catch {
    state.oldestReached = true;  // until the next choice
  } finally {
    state.loadingOlder = false;
  }
}

/// Those of the feed, and those of the chosen instrument alone.
function gapsHere() {
  const token = state.instrument?.token;
  return state.gaps.filter((g) => (g.instrument_token === undefined || g.instrument_token === token)
    && (g.instrument_tokens === undefined || g.instrument_tokens.includes(token)));
}

async function loadGaps() {
  try {
    state.gaps = (await get('/v1/gaps')).gaps.map((g) => ({ ...g, to: g.to ?? Infinity }));
    chart.setGaps(gapsHere());
    showQuality();
  } catch { /* the next connection asks again */ }
}

let hovered = null;
function showLegend(bar) {
  hovered = bar;
  const shown = bar ?? chart.bars?.at(-1);
  const legend = $('legend');
  if (!shown) return legend.replaceChildren();
  const t = local(shown.start, state.offsetSeconds);
  const parts = [
    ['', state.timeframe === '1D' ? `${t.date} ${t.year}` : `${t.date} ${t.clock}`], ['O', priceText(shown.open), 'price'], ['H', priceText(shown.high), 'price'],
    ['L', priceText(shown.low), 'price'], ['C', priceText(shown.close), 'price'],
  ];
  if (shown.volume !== undefined) parts.push(['Vol', countText(shown.volume)]);
  if (shown.oi !== undefined) parts.push(['OI', countText(shown.oi)]);
  if (shown.vwap !== undefined) parts.push(['VWAP', Number(shown.vwap).toFixed(2)]);
  parts.push(['Ticks', countText(shown.ticks)]);
  const key = JSON.stringify([parts, shown.flags]);
  if (legend.dataset.key === key) return;
  legend.dataset.key = key;
  legend.className = `legend ${shown.c >= shown.o ? 'up' : 'down'}`;
  legend.replaceChildren(...parts.map(([term, text, className]) => {
    const pair = element('div');
    if (term) pair.append(element('dt', '', term));
    pair.append(element('dd', className, text));
    return pair;
  }));
  if (shown.flags.length > 0) legend.append(element('div', 'flags', shown.flags.join(', ')));
}

const flagNames = {
  partial: 'Volume incomplete', gap: 'Feed lost', late: 'Late tick', reset: 'Volume fell back',
  short_session: 'Short session', backfilled: 'Backfilled',
};
const causeNames = {
  disconnected: 'Feed disconnected', stalled: 'Feed silent', restart: 'artham was not running',
  token_expired: 'Access token expired', rate_limited: 'Rate limited', journal_damaged: 'Journal damaged',
  disk_full: 'Disk full', feed_error: 'Feed broke its protocol', quarantined: 'Bars of this instrument stopped',
};

function showQuality() {
  const entries = [];
  for (const g of gapsHere()) {
    const t = local(g.from, state.offsetSeconds);
    const over = Number.isFinite(g.to);
    entries.push({
      at: g.from, cause: causeNames[g.cause] ?? g.cause, length: over ? lengthText(g.to - g.from) : '',
      when: over ? `${t.date} ${t.clockSeconds} to ${clockText(g.to)}` : `since ${t.date} ${t.clockSeconds}`,
    });
  }
  for (const b of state.bars.values()) {
    if (b.flags.length === 0 || b.ticks === 0) continue;
    const t = local(b.start, state.offsetSeconds);
    entries.push({
      at: b.start, cause: b.flags.map((f) => flagNames[f] ?? f).join(', '), length: state.timeframe,
      when: `bar of ${t.date} ${t.clock}`,
    });
  }
  entries.sort((a, b) => b.at - a.at);
  const key = JSON.stringify(entries.slice(0, 12));
  const list = $('quality');
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  if (entries.length === 0) return list.replaceChildren(element('li', 'none', 'No gaps, no flagged bars.'));
  list.replaceChildren(...entries.slice(0, 12).map((e) => {
    const item = element('li');
    item.append(element('span', 'cause', e.cause), element('span', 'length', e.length), element('span', 'when', e.when));
    return item;
  }));
  if (entries.length > 12) list.append(element('li', 'none', `and ${countText(entries.length - 12)} more`));
}

// ---- ticks

function showTick(tick) {
  const last = $('last');
  if (state.lastText && tick.last !== state.lastText) {
    last.classList.remove('up', 'down');
    last.classList.add(Number(tick.last) > Number(state.lastText) ? 'up' : 'down');
    clearTimeout(showTick.fade);
    showTick.fade = setTimeout(() => last.classList.remove('up', 'down'), 250);
  }
  state.lastText = tick.last;
  last.textContent = priceText(tick.last);
  document.title = `${priceText(tick.last)} ${state.instrument.symbol ?? state.instrument.key} – artham`;
  chart.setLast(tick.last);
  const time = tick.t_ex ?? tick.t_rx;
  if (time) setText($('clock'), `${local(time, state.offsetSeconds).date} ${clockText(time)}`);

  const facts = [
    ['Open', priceText(tick.open), tick.open], ['High', priceText(tick.high), tick.high],
    ['Low', priceText(tick.low), tick.low], ['Previous close', priceText(tick.close), tick.close],
    ['Average', priceText(tick.average), tick.average], ['Volume', countText(tick.volume), tick.volume],
    ['Open interest', countText(tick.oi), tick.oi || undefined],
    ['Last quantity', countText(tick.last_quantity), tick.last_quantity],
  ].filter(([, , present]) => present !== undefined);
  $('day').replaceChildren(...facts.flatMap(([term, text]) => [element('dt', '', term), element('dd', '', text)]));

  const bids = tick.bids ?? [];
  const offers = tick.offers ?? [];
  const depth = Math.max(bids.length, offers.length);
  $('depth-section').hidden = depth === 0;
  $('depth').replaceChildren(...Array.from({ length: depth }, (_, i) => {
    const row = element('tr');
    const cell = (text) => row.append(element('td', '', text));
    cell(bids[i] ? countText(bids[i].quantity) : '');
    cell(bids[i] ? priceText(bids[i].price) : '');
    cell(offers[i] ? priceText(offers[i].price) : '');
    cell(offers[i] ? countText(offers[i].quantity) : '');
    return row;
  }));
}

let tickWaiting = null;
function showTickSoon(tick) {
  if (!tickWaiting) requestAnimationFrame(() => { showTick(tickWaiting); tickWaiting = null; });
  tickWaiting = tick;
}

// ---- the stream

const dataStates = {
  live: ['good', 'Live'], waiting_feed: ['wait', 'Waiting for the feed'], replaying: ['wait', 'Replaying'],
  market_closed: ['', 'Market closed'], no_ticks_since: ['wait', 'No ticks yet'], token_expired: ['bad', 'Access token expired'],
};
function showDataState(name) {
  const [className, text] = dataStates[name] ?? ['', name ?? ''];
  $('data-state').className = `badge ${className}`;
  setText($('data-state'), text);
}

const keys = () => [`bar:${state.instrument.key}:${state.timeframe}`, `tick:${state.instrument.key}`];

const stream = new Stream({
  onState: (name, detail) => {
    const shown = {
      connecting: ['wait', 'Connecting'], open: ['good', 'Connected'],
      waiting: ['bad', `Offline, retrying in ${detail} s`], refused: ['bad', `Refused: ${detail}`],
    }[name];
    $('connection').className = `badge ${shown[0]}`;
    setText($('connection'), shown[1]);
    $('reconnect').hidden = name !== 'refused' && name !== 'waiting';
    if (name !== 'open') showDataState('');
    // What was missed while away is in the store by now.
    if (name === 'open' && detail === 'again') { loadHistory(); loadGaps(); }
  },
  onSnapshot: (subs) => {
    for (const sub of subs) {
      if (!keys().includes(sub.key)) continue;
      if (sub.snapshot?.bars) { merge(sub.snapshot.bars); showBars(); }
      if (sub.snapshot?.tick) showTickSoon(sub.snapshot.tick);
      showDataState(sub.state);
    }
  },
  onError: (error) => say(error.message),
  onEvent: (m) => {
    if (m.ev === 'gap') {
      if (m.key && !keys().includes(m.key)) return;
      const token = m.key && state.instrument.token;
      if (m.key && state.gaps.some((g) => g.instrument_token === token && g.to === Infinity)) return;
      state.gaps.push({ from: m.from, to: m.to ?? Infinity, cause: m.cause, instrument_token: token });
      state.gaps = state.gaps.slice(-mostGaps);
      chart.setGaps(gapsHere());
      return showQuality();
    }
    if (!keys().includes(m.key)) return;
    if (m.ev === 'bar') { merge([m.bar]); showBarsSoon(); if (!hovered) chart.paintSoon(); }
    if (m.ev === 'tick') showTickSoon(m.tick);
    if (m.ev === 'state') showDataState(m.state);
  },
});
$('reconnect').addEventListener('click', () => stream.connect());

// ---- choosing

function choose(instrument, timeframe) {
  state.selection += 1;
  state.instrument = instrument;
  state.timeframe = timeframe;
  state.bars = new Map();
  state.lastText = '';
  state.oldestReached = false;
  chart.clear();
  chart.setGaps(gapsHere());
  setText($('symbol'), instrument.key);
  setText($('name'), instrument.name && instrument.name !== instrument.symbol ? instrument.name : '');
  $('last').textContent = '–';
  $('day').replaceChildren();
  $('depth-section').hidden = true;
  for (const b of $('timeframes').children) {
    b.setAttribute('aria-checked', String(b.textContent === timeframe));
    b.tabIndex = b.textContent === timeframe ? 0 : -1;
  }
  history.replaceState(null, '', `#${encodeURIComponent(instrument.key)}/${timeframe}`);
  say('Loading');
  stream.subscribe(keys(), historyBars);
  loadHistory();
}

function makeTimeframes() {
  $('timeframes').replaceChildren(...state.timeframes.map((name) => {
    const b = element('button', '', name);
    b.type = 'button';
    b.setAttribute('role', 'radio');
    b.addEventListener('click', () => choose(state.instrument, name));
    return b;
  }));
  $('timeframes').addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const n = state.timeframes.length;
    const i = (state.timeframes.indexOf(state.timeframe) + step + n) % n;
    choose(state.instrument, state.timeframes[i]);
    $('timeframes').children[i].focus();
  });
}

// ---- search

const search = { found: [], at: 0, asked: 0 };

function closeSearch() {
  $('results').hidden = true;
  $('search').setAttribute('aria-expanded', 'false');
  $('search').removeAttribute('aria-activedescendant');
}

function pick(i) {
  const found = search.found[i];
  if (!found) return;
  $('search').value = '';
  $('search').blur();
  closeSearch();
  choose(found, state.timeframe);
}

function showResults() {
  const list = $('results');
  list.replaceChildren(...search.found.map((f, i) => {
    const item = element('li');
    item.id = `result-${i}`;
    item.setAttribute('role', 'option');
    item.setAttribute('aria-selected', String(i === search.at));
    item.append(element('span', 'key', f.key), element('span', 'what', f.name), element('span', 'kind', f.expiry ?? f.type));
    // The press, not the click: the field loses its focus in between.
    item.addEventListener('pointerdown', (e) => { e.preventDefault(); pick(i); });
    return item;
  }));
  if (search.found.length === 0) list.append(element('li', 'none', 'Nothing found'));
  list.hidden = false;
  list.children[search.at]?.scrollIntoView({ block: 'nearest' });
  $('search').setAttribute('aria-expanded', 'true');
  $('search').setAttribute('aria-activedescendant', `result-${search.at}`);
}

async function find() {
  const asked = ++search.asked;
  try {
    const answer = await get(`/v1/instruments?limit=40&query=${encodeURIComponent($('search').value.trim())}`);
    if (asked !== search.asked || document.activeElement !== $('search')) return;
    search.found = answer.instruments;
    search.at = 0;
    showResults();
  } catch { closeSearch(); }
}

$('search').addEventListener('input', () => { clearTimeout(find.timer); find.timer = setTimeout(find, 90); });
$('search').addEventListener('focus', find);
$('search').addEventListener('blur', closeSearch);
$('search').addEventListener('keydown', (e) => {
  if (e.key === 'Escape') { $('search').value = ''; $('search').blur(); }
  if (e.key === 'Enter') pick(search.at);
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
  e.preventDefault();
  if (search.found.length === 0) return;
  search.at = (search.at + (e.key === 'ArrowDown' ? 1 : -1) + search.found.length) % search.found.length;
  showResults();
});
document.addEventListener('keydown', (e) => {
  if (e.key !== '/' || e.target === $('search')) return;
  e.preventDefault();
  $('search').focus();
});

// ---- the status line

const rate = { count: null, at: 0 };
async function showRate() {
  try {
    const text = await (await fetch('/metrics')).text();
    let count = 0;
    for (const m of text.matchAll(/^artham_ticks_received_total(?:\{[^}]*\})? (\S+)/gm)) count += Number(m[1]);
    const now = performance.now();
    if (rate.count !== null && count >= rate.count) {
      setText($('rate'), countText(Math.round((count - rate.count) / (now - rate.at) * 1000)));
    }
    setText($('total'), countText(count));
    rate.count = count;
    rate.at = now;
  } catch { setText($('rate'), '–'); }
}

// ---- start

async function start() {
  try {
    const [frames, version] = await Promise.all([get('/v1/timeframes'), get('/version')]);
    state.timeframes = frames.timeframes;
    state.offsetSeconds = chart.offsetSeconds = frames.utc_offset_seconds;
    setText($('version'), `${version.name} ${version.version}`);
    const minutesEast = frames.utc_offset_seconds / 60;
    setText($('zone'), minutesEast === 330 ? 'IST' : `UTC${minutesEast < 0 ? '−' : '+'}${Math.floor(Math.abs(minutesEast) / 60)}:${String(Math.abs(minutesEast) % 60).padStart(2, '0')}`);
    makeTimeframes();
    const [, wantedKey, wantedFrame] = /^#([^/]+)\/(\w+)$/.exec(location.hash) ?? [];
    const timeframe = state.timeframes.includes(wantedFrame) ? wantedFrame : state.timeframes[0];
    const key = wantedKey ? decodeURIComponent(wantedKey) : '';
    const { instruments } = await get(`/v1/instruments?limit=20&query=${encodeURIComponent(key)}`);
    const instrument = instruments.find((i) => i.key === key) ?? instruments[0] ?? (key ? { key, symbol: key } : null);
    if (!instrument) throw new Error('no instruments are known yet');
    choose(instrument, timeframe);
    stream.connect();
    loadGaps();
    showRate();
    setInterval(showRate, 2000);
  } catch (e) {
    say(`Waiting for artham: ${e.message}`);
    setTimeout(start, 2000);
  }
}
start();
