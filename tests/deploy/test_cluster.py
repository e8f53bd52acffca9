#!/usr/bin/python3
"""script/cluster with real servers. The program is a stand-in that asks the real one whether it takes the arguments, says that
it runs, and writes down when it is stopped."""
import os
import pathlib
import re
import signal
import subprocess
import unittest

from servers import PROGRAM, TOP, eventually, scratch

NODES = ["ingest", "compute", "store", "gateway"]
STAND_IN = """#!/bin/bash
shift
for a in "$@"; do [[ $a != cluster.node=* ]] || node=${a#*=}; done
trap 'echo "$node" >>"$STOPPED"; exit 0' TERM
"$REAL_PROGRAM" doctor --print-settings "$@" >&2 || exit 2
echo "node $node"
while true; do sleep 60 & wait $!; done
"""


class Cluster(unittest.TestCase):
    def setUp(self):
        # PostgreSQL's user must reach it.
        self.place = self.enterContext(scratch())
        self.place.chmod(0o755)
        self.dir = self.place / "cluster"
        program = self.place / "stand-in"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        self.stopped = self.place / "stopped"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ARTHAM_")}
        self.environment = clean | {"ARTHAM_PROGRAM": str(program), "REAL_PROGRAM": str(PROGRAM), "STOPPED": str(self.stopped)}
        self.out = self.place / "out"

    def command(self, *arguments):
        return [TOP / "script" / "cluster", "--dir", self.dir, *arguments]

    def call(self, *arguments):
        return subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=60)

    def up(self, *arguments):
        with open(self.out, "w") as out:
            p = subprocess.Popen(self.command("up", *arguments), env=self.environment, stdout=out, stderr=out, start_new_session=True)
        self.addCleanup(p.wait)
        self.addCleanup(self.call, "stop")

        def runs():
            self.assertIsNone(p.poll(), self.out.read_text())
            return "Ctrl-C" in self.out.read_text()
        eventually(runs, 60)
        return p

    def status(self):
        """Name to process id, of what runs."""
        lines = self.call("status").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], [*NODES, "redis", "postgres"])
        return {line.split()[0]: int(line.split()[1]) for line in lines if "stopped" not in line}

    def test_comes_up_and_stops_in_order(self):
        p = self.up("--set", "exchange.instruments=20")
        first = self.status()
        self.assertEqual(len(first), 6)
        settings = {n: (self.dir / n / "log").read_text() for n in NODES}
        for name, roles in zip(NODES, ('["ingest"]', '["bars", "features"]', '["store"]', '["gateway"]')):
            self.assertIn(f"cluster.roles = {roles}  # --set", settings[name])
            self.assertIn(f'cluster.node = "{name}"', settings[name])
            for line in ("exchange.instruments = 20  # --set", "cluster.shards = 2", 'store.kind = "postgres"', "bridge.redis.password = (set"):
                self.assertIn(line, settings[name])
        seeds = {re.search(r"cluster.seeds = (.*?) *#", s)[1] for s in settings.values()}
        self.assertEqual(len(seeds), 1)
        ports = [re.search(r"cluster.port = (\d+)", s)[1] for s in settings.values()]
        self.assertEqual(re.findall(r"\d{4,5}", seeds.pop()), ports)
        ports = {line.split()[0]: line.split()[1] for line in (self.dir / "ports").read_text().splitlines()}
        self.assertIn(f"open http://127.0.0.1:{ports['gateway']};", self.out.read_text())

        refused = self.call("up")
        self.assertEqual((refused.returncode, len(self.status())), (2, 6), refused.stderr)
        self.assertIn("already", refused.stderr)

        # As a terminal's Ctrl-C does it: to the group.
        os.killpg(p.pid, signal.SIGINT)
        p.wait(60)
        self.assertEqual(self.stopped.read_text().split(), NODES)
        self.assertEqual(self.status(), {})
        for pid in first.values():
            # Its parent may be one that never asks for it: then it is there, without a command.
            self.assertFalse(pathlib.Path(f"/proc/{pid}").exists() and pathlib.Path(f"/proc/{pid}/cmdline").read_text())

    def test_parts_are_killed_and_started(self):
        self.up()
        before = self.status()
        for name in ("ingest", "redis", "postgres"):
            r = self.call("kill", name)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(sorted(self.status()), sorted(set(before) - {name}))
            self.assertEqual(self.call("kill", name).returncode, 2)
            r = self.call("start", name)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(self.call("start", name).returncode, 2)
        after = self.status()
        for name in before:
            (self.assertNotEqual if name in ("ingest", "redis", "postgres") else self.assertEqual)(before[name], after[name], name)
        self.assertEqual(self.call("kill", "all").returncode, 2)
        self.assertEqual(self.call("stop").returncode, 0)
        self.assertEqual(self.stopped.read_text().split(), NODES)
        self.assertEqual(self.status(), {})
        self.assertEqual(self.call("start", "ingest").returncode, 2)

    def test_what_a_killed_script_left_is_stopped(self):
        p = self.up()
        before = self.status()
        for pid in (p.pid, *children(p.pid)):
            os.kill(pid, signal.SIGKILL)
        p.wait(10)
        self.assertEqual(self.status(), before)
        refused = self.call("up")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("script/cluster stop", refused.stderr)
        self.assertEqual(self.call("stop").returncode, 0)
        self.assertEqual(self.stopped.read_text().split(), NODES)
        self.assertEqual(self.status(), {})
        # And the next one has the same data.
        (self.dir / "redis" / "password").stat()
        self.up()
        self.assertEqual(len(self.status()), 6)

    def test_a_node_that_does_not_start_ends_it_all(self):
        with open(self.out, "w") as out:
            r = subprocess.run(self.command("up", "--set", "cluster.no_such=1"), env=self.environment, stdout=out, stderr=out, timeout=60)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("no_such", self.out.read_text())
        self.assertEqual(self.status(), {})


def children(pid):
    """The scripts below it; neither servers nor nodes."""
    found = []
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        if re.search("script/(private-postgres|cluster) ", pathlib.Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")):
            found += [int(child), *children(child)]
    return found


if __name__ == "__main__":
    unittest.main()
