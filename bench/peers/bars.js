// ClickHouse and DuckDB inside this process, one thread, build the bars of DIR/ticks.csv; says whether they are those
// of DIR/bars.csv, and how artham's figures of the same run (DIR/artham.json) compare.
// node bars.js DIR [rounds]
const fs = require('fs');
const path = require('path');
const { DuckDBInstance } = require('@duckdb/node-api');
const { Session } = require('chdb');

const dir = path.resolve(process.argv[2]);
const rounds = Number(process.argv[3] || 5);
const ours = JSON.parse(fs.readFileSync(path.join(dir, 'artham.json'), 'utf8'));
const ticksFile = path.join(dir, 'ticks.csv');
const minute = 60e6;
const day = 375 * minute;
// In artham's order; 1m comes out of the ticks, the others out of 1m.
const lengths = [1, 3, 5, 15, 25, 30, 60].map((m) => m * minute).concat(day);

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Median wall and CPU seconds of fn, after a warm-up. */
async function measure(fn, times = rounds) {
  await fn();
  const wall = [];
  const cpu = [];
  for (let i = 0; i < times; i++) {
    const cpuBefore = process.cpuUsage();
    const begun = process.hrtime.bigint();
    await fn();
    wall.push(Number(process.hrtime.bigint() - begun) / 1e9);
    const used = process.cpuUsage(cpuBefore);
    cpu.push((used.user + used.system) / 1e6);
  }
  return { wall: median(wall), cpu: median(cpu) };
}

let differences = 0;

/** `rows`: text of all bars in artham's columns, any order. */
function compare(name, rows) {
  const sorted = (text) => text.trim().split('\n').sort();
  const theirs = sorted(rows);
  const own = sorted(fs.readFileSync(path.join(dir, 'bars.csv'), 'utf8'));
  const at = own.findIndex((row, i) => row !== theirs[i]);
  if (own.length === theirs.length && at < 0) {
    console.log(`${name}: ${own.length} bars, equal to artham's`);
    return;
  }
  differences++;
  console.log(`${name}: DIFFERENT from artham's: ${theirs.length} bars against ${own.length}; first ${theirs[at]} against ${own[at]}`);
}

function tell(name, all, answer) {
  const millions = ours.ticks / 1e6;
  const show = (label, rest) => console.log(`${label.padEnd(44)} ${rest}`);
  show(`${name}, 8 timeframes`, `${(millions / all.wall).toFixed(2).padStart(7)} M ticks/s of wall time ` +
    `${(millions / all.cpu).toFixed(2).padStart(7)} of CPU time | artham ${(ours.wall * all.wall / millions).toFixed(2)} times as fast ` +
    `(CPU time: ${(ours.cpu * all.cpu / millions).toFixed(2)}, partitioning included ` +
    `${(ours.cpu_with_partitioning * all.cpu / millions).toFixed(2)})`);
  show(`${name}, fresh answer after 1,000 ticks`, `${(answer.wall * 1e3).toFixed(3).padStart(10)} ms | artham ` +
    `${(answer.wall / ours.answer_seconds).toFixed(0)} times as fast`);
}

async function duckdb() {
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  await db.run('set threads=1');
  await db.run(`create table t as select column0::int i, column1::bigint us, column2::int p, column3::int q
                from read_csv('${ticksFile}', header=false)`);
  const rollup = (n) => `select ${n}, i, us // ${lengths[n]} * ${lengths[n]} s, arg_min(o, us), max(h), min(l), arg_max(c, us),
                         sum(v)::bigint, sum(n)::bigint from m group by 2, 3`;
  const query = `create or replace temp table b as
    with m as (select 0 f, i, us // ${minute} * ${minute} us, arg_min(p, us) o, max(p) h, min(p) l, arg_max(p, us) c,
               sum(q)::bigint v, count(*) n from t group by 2, 3)
    select * from m union all ${lengths.map((_, n) => n).slice(1).map(rollup).join(' union all ')}`;
  const all = await measure(() => db.run(query));
  await db.run(`copy b to '${dir}/duckdb.csv' (header false)`);
  compare('DuckDB', fs.readFileSync(path.join(dir, 'duckdb.csv'), 'utf8'));
  // The rows come in as values, a thousand at a time; what they say does not matter here.
  const thousand = `insert into t select i, us + 1, p, 0 from t limit 1000`;
  const answer = await measure(async () => { await db.run(thousand); await db.run(query); }, 3);
  tell('DuckDB', all, answer);
}

async function clickhouse() {
  const session = new Session();
  const run = (sql) => session.query(sql, 'CSV');
  run('create database d engine=Atomic');
  const columns = 'i Int32, us Int64, p Int32, q Int32';
  run(`create table d.t (${columns}) engine=Memory`);
  run(`insert into d.t select * from file('${ticksFile}', 'CSV', '${columns}')`);
  const one = 'settings max_threads=1';
  const base = `create or replace table d.m engine=Memory as select i, intDiv(us, ${minute}) * ${minute} s, argMin(p, us) o, max(p) h,
                min(p) l, argMax(p, us) c, sum(q) v, count() n from d.t group by i, s ${one}`;
  const rollup = (n) => `select ${n} f, i, intDiv(s, ${lengths[n]}) * ${lengths[n]} b, argMin(o, s), max(h), min(l), argMax(c, s), sum(v),
                         sum(n) from d.m group by i, b`;
  const query = () => {
    run(base);
    for (let n = 1; n < lengths.length; n++) run(`${rollup(n)} format Null ${one}`);
  };
  const all = await measure(query);
  let rows = run('select 0, * from d.m');
  for (let n = 1; n < lengths.length; n++) rows += run(rollup(n));
  compare('ClickHouse', rows);
  const thousand = 'insert into d.t select i, us + 1, p, 0 from d.t limit 1000';
  const answer = await measure(() => { run(thousand); query(); }, 3);
  tell('ClickHouse', all, answer);
  session.cleanup();
}

(async () => {
  await clickhouse();
  await duckdb();
  process.exit(differences === 0 ? 0 : 1);
})();
