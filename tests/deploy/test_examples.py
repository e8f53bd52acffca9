#!/usr/bin/python3
"""The example's nodes are ones that artham takes, and fit together."""
import json
import os
import pathlib
import re
import subprocess
import tomllib
import unittest

from servers import PROGRAM, TOP

EXAMPLES = sorted((TOP / "deploy" / "example").glob("*.toml"))
# What the nodes must agree in.
COMMON = ["cluster.name", "cluster.shards", "cluster.authority", "bridge.redis.url", "store.kind", "store.postgres.url", "feed.url",
          "ingest.instruments", "bars.timeframes", "features.enabled"]


def settings_of(file):
    """What doctor says, without the environment of whoever runs this."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ARTHAM_")}
    r = subprocess.run([PROGRAM, "doctor", "--print-settings", "--json", "--config", file], capture_output=True, text=True, env=clean)
    return r, {s["key"]: s for s in json.loads(r.stdout)} if r.returncode == 0 else None


class Examples(unittest.TestCase):
    def test_are_accepted(self):
        self.assertEqual([f.stem for f in EXAMPLES], ["a", "b", "c"])
        for file in EXAMPLES:
            r, settings = settings_of(file)
            self.assertEqual(r.returncode, 0, f"{file}: {r.stderr}")
            written = tomllib.loads(file.read_text())
            self.assertEqual(settings["cluster.node"]["value"].strip('"'), file.stem)
            self.assertIn(file.name, settings["cluster.roles"]["origin"])
            self.assertCountEqual(json.loads(settings["cluster.roles"]["value"]), written["cluster"]["roles"])

    def test_a_wrong_key_would_be_noticed(self):
        wrong = subprocess.run([PROGRAM, "doctor", "--print-settings", "--config", "/dev/stdin"], input="[cluster]\nshard = 2\n",
                               capture_output=True, text=True)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("shard", wrong.stderr)

    def test_fit_together(self):
        nodes = [settings_of(f)[1] for f in EXAMPLES]
        for key in COMMON:
            self.assertEqual(len({n[key]["value"] for n in nodes}), 1, key)
        addresses = ["{}:{}".format(n["cluster.address"]["value"].strip('"'), n["cluster.port"]["value"]) for n in nodes]
        self.assertEqual(len(set(addresses)), len(nodes))
        for n, own in zip(nodes, addresses):
            self.assertEqual(sorted([own, *json.loads(n["cluster.seeds"]["value"])]), sorted(addresses))
        roles = [json.loads(n["cluster.roles"]["value"]) for n in nodes]
        self.assertEqual({r for some in roles for r in some}, {"ingest", "bars", "features", "store", "gateway"})

    def test_have_no_secrets(self):
        for file in EXAMPLES:
            self.assertNotRegex(file.read_text(), r"(?m)^\s*(password|api_secret)\s*=")


class Image(unittest.TestCase):
    @unittest.skipUnless(pathlib.Path("/usr/bin/dpkg").exists(), "no Debian")
    def test_has_what_the_program_is_linked_with(self):
        """By DT_NEEDED; what those need in turn is apt's business."""
        needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout)
        self.assertGreater(len(needed), 8)
        docker = (TOP / "deploy" / "Dockerfile").read_text().split("bookworm-slim")[1]
        for library in needed:
            lines = subprocess.run(["dpkg", "-S", "*/" + library], capture_output=True, text=True).stdout.splitlines()
            owners = {line.split(":")[0] for line in lines}
            if not {"libc6", "libgcc-s1"} & owners:
                self.assertTrue(owners & set(docker.split()), f"{library} (of {owners}) is not in the image")


if __name__ == "__main__":
    unittest.main()
