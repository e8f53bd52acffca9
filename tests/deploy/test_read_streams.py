#!/usr/bin/python3
"""docs/examples/read_streams.py beside a running cluster prints the bars and ticks that the gateway tells."""
import collections
import datetime
import json
import os
import re
import subprocess
import unittest
import urllib.request

from servers import PROGRAM, TOP, eventually, process, scratch

PRICES = ("open", "high", "low", "close")
MARKET = ["--set", "exchange.speed=60", "--set", "exchange.instruments=8", "--set", "exchange.chains=false"]


class ReadStreams(unittest.TestCase):
    def setUp(self):
        # PostgreSQL's user must reach it.
        self.place = self.enterContext(scratch())
        self.place.chmod(0o755)
        self.dir = self.place / "cluster"
        self.out = self.place / "out"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ARTHAM_")}
        self.environment = clean | {"ARTHAM_PROGRAM": str(PROGRAM)}
        command = [TOP / "script" / "cluster", "--dir", self.dir]
        with open(self.out, "w") as out:
            self.cluster = subprocess.Popen([*command, "up", *MARKET], env=self.environment, stdout=out, stderr=out, start_new_session=True)
        self.addCleanup(self.cluster.wait)
        self.addCleanup(subprocess.run, [*command, "stop"], env=self.environment, capture_output=True, timeout=300)
        eventually(self.runs, 120)
        self.url = re.search(r"open (http://[^;]+);", self.out.read_text())[1]

    def runs(self):
        self.assertIsNone(self.cluster.poll(), self.out.read_text())
        return "Ctrl-C" in self.out.read_text()

    def stored(self, token, first, last):
        """By start, minutes from `first` to `last`."""
        target = f"{self.url}/v1/bars?instrument={token}&timeframe=1m&from={first}&to={last + 1}&order=asc&limit=10000"
        with urllib.request.urlopen(target) as answer:
            return {b["start"]: b for b in json.load(answer)["bars"]}

    def test_it_prints_what_rest_says(self):
        redis = f"redis://artham@127.0.0.1:{(self.dir / 'redis' / 'port').read_text().strip()}/0"
        environment = self.environment | {"ARTHAM_BRIDGE__REDIS__PASSWORD": (self.dir / "redis" / "password").read_text().strip()}
        printed = self.place / "printed"
        with open(printed, "w") as out:
            with process("/usr/bin/python3", TOP / "docs" / "examples" / "read_streams.py", redis, "all", stdout=out, env=environment) as p:
                def enough():
                    self.assertIsNone(p.poll())
                    return printed.read_text().count("\nbar ") > 60
                eventually(enough, 60)
        bars, ticks = collections.defaultdict(list), collections.defaultdict(list)
        for line in printed.read_text().splitlines()[:-1]:
            what, token, *rest = line.split()
            (bars if what == "bar" else ticks)[token].append(rest)
        self.assertGreaterEqual(len(bars), 5)
        for token, all_of_it in bars.items():
            starts = [minute(when) for when, *_ in all_of_it]
            self.assertEqual(starts, sorted(set(starts)))
            eventually(lambda: len(self.stored(token, starts[0], starts[-1])) == len(starts), 60)
            told = self.stored(token, starts[0], starts[-1])
            left = iter(ticks[token])
            for start, (_, *values) in zip(starts, all_of_it):
                bar = told[start]
                self.assertEqual([*map(float, values)], [*map(float, (bar[k] for k in PRICES)), bar.get("volume", 0)], bar)
                prices = [float(price) for _, (price,) in zip(range(bar["ticks"]), left)]
                self.assertEqual([prices[0], max(prices), min(prices), prices[-1]], [float(bar[k]) for k in PRICES], bar)


def minute(text):
    """Of 2026-11-27T03:45Z, in microseconds."""
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000


if __name__ == "__main__":
    unittest.main()
