"""pandas builds the bars of DIR/ticks.csv, first each timeframe by resample of the ticks, then 1m alone and the others out
of 1m; says whether they are those of DIR/bars.csv and how artham's figures of the same run (DIR/artham.json) compare.
python3 pandas_bars.py DIR [ticks that are enough]"""
import json
import sys
import time

import pandas as pd

folder = sys.argv[1]
enough = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
ours = json.load(open(f"{folder}/artham.json", encoding="utf-8"))
names = ["i", "us", "p", "q"]
# All ticks of some instruments: resample's time grows with instruments and ticks alike.
ticks = pd.read_csv(f"{folder}/ticks.csv", header=None, names=names)
kept = max(1, ticks.i.nunique() * enough // len(ticks))
ticks = ticks[ticks.i < kept].reset_index(drop=True)
ticks["time"] = pd.to_datetime(ticks.us, unit="us")
ticks = ticks.set_index("time")
lengths = ["1min", "3min", "5min", "15min", "25min", "30min", "60min", "375min"]
merge = {"o": "first", "h": "max", "l": "min", "c": "last", "v": "sum", "n": "sum"}


def resampled(length):
    by = ticks.groupby("i")
    base = by.p.resample(length, origin="epoch").ohlc()
    base.columns = ["o", "h", "l", "c"]
    sizes = by.q.resample(length, origin="epoch")
    base["v"] = sizes.sum().to_numpy()
    base["n"] = sizes.count().to_numpy()
    return base[base.n > 0]


def each_resampled():
    return [resampled(length) for length in lengths]


def out_of_minutes():
    base = resampled(lengths[0])
    made = [base]
    flat = base.reset_index("i")
    for length in lengths[1:]:
        b = flat.groupby(["i", pd.Grouper(freq=length, origin="epoch")]).agg(merge)
        made.append(b[b.n > 0])
    return made


def rows(made):
    found = set()
    for number, b in enumerate(made):
        for (i, start), r in zip(b.index, b[list(merge)].itertuples(index=False)):
            fields = [number, i, start.value // 1000, r.o, r.h, r.l, r.c, r.v, r.n]
            found.add(",".join(str(int(x)) for x in fields))
    return found


own = {row.strip() for row in open(f"{folder}/bars.csv", encoding="utf-8") if int(row.split(",")[1]) < kept}
all_equal = True
for name, make in [("each resampled", each_resampled), ("1m resampled, the rest out of it", out_of_minutes)]:
    made = make()
    walls = []
    for _ in range(3):
        begun = time.perf_counter()
        made = make()
        walls.append(time.perf_counter() - begun)
    rate = len(ticks) / sorted(walls)[1] / 1e6
    theirs = rows(made)
    equal = theirs == own
    all_equal = all_equal and equal
    print(f"pandas {pd.__version__}: {len(theirs)} bars, {'equal to' if equal else 'DIFFERENT from'} artham's")
    print(f"{'pandas, ' + name:44} {rate:7.2f} M ticks/s of wall time | artham {ours['wall'] / rate:.0f} times as fast")
sys.exit(0 if all_equal else 1)
