#!/usr/bin/env python3
"""Fails on an #include that goes the wrong way through the layers (docs/architecture.md)."""
import pathlib
import re
import subprocess
import sys

PORTS = {"feed", "bridge", "store"}  # headers at the top of the folder

# folder -> folders that it may include besides itself; the longest match of a path decides.
MAY = {
    "market": set(),
    "market/option": {"market"},
    "market/feature": {"market", "market/option"},
    "market/formula": {"market", "market/feature", "market/option"},
    "market/alert": {"market", "market/feature", "market/option"},
    "market/indicator": {"market"},
    "runtime": set(),
    "net": {"market"},
    "messages/record": {"market"},
    "messages/protocol": {"market"},
    "messages": {"market", "messages/record", "messages/protocol", "runtime"},
    "config": {"market", "runtime"},
    "feed": {"market", "messages/record"},
    "feed/kite": {"market", "messages/record", "feed", "runtime", "net"},
    "feed/recording": {"market", "messages/record", "feed", "feed/kite", "runtime"},
    "feed/synthetic": {"market", "messages/record", "feed", "runtime"},
    "bridge": {"market", "messages/record"},
    "bridge/local": {"market", "messages/record", "bridge", "runtime"},
    "bridge/redis": {"market", "messages/record", "bridge", "runtime"},
    "bridge/memory": {"market", "messages/record", "bridge", "runtime"},
    "store": {"market", "messages/record"},
    "store/sqlite": {"market", "messages/record", "store", "runtime"},
    "store/postgres": {"market", "messages/record", "store", "runtime"},
    "exchange": {"market", "runtime", "feed", "feed/kite", "feed/recording", "feed/synthetic"},
    "actors": {"market", "messages", "messages/record", "messages/protocol", "runtime", "feed", "bridge", "store"},
    "supervisors": {"market", "messages", "messages/record", "runtime", "actors"},
    "web": {"market", "messages", "messages/record", "messages/protocol", "runtime", "net", "store"},
}
for layer_name, allowed in MAY.items():
    if not layer_name.startswith("market") and "market" in allowed:
        allowed.update(name for name in MAY if name.startswith("market/"))
# Libraries that must not be seen in these folders.
FORBIDDEN = {
    "market": r"<(caf|boost|spdlog|nlohmann|fmt|thread|mutex|fstream|iostream|chrono|ctime|sqlite3|libpq|pqxx|toml)",
    "messages/record": r"<(caf|boost|spdlog|thread|fstream|sqlite3)",
    "feed": r"<caf/",
    "bridge": r"<caf/",
    "store": r"<caf/",
    "config": r"<caf/",
    "runtime": r"<caf/",
    "net": r"<caf/",
    "exchange": r"<caf/",
    "web": r"<caf/",
}
UNBOUND = {"app", "tests", "bench", "cmake"}


def layer(path: str) -> str:
    parts = path.split("/")[:-1]
    for n in range(len(parts), 0, -1):
        name = "/".join(parts[:n])
        if name in MAY:
            return name
    return parts[0] if parts else ""


def main() -> int:
    files = subprocess.run(["git", "ls-files", "*.cpp", "*.hpp"], capture_output=True, text=True, check=True).stdout.split()
    found = []
    for name in files:
        if name.split("/")[0] in UNBOUND:
            continue
        own = layer(name)
        allowed = MAY.get(own)
        if allowed is None:
            found.append(f"{name}: folder {own!r} is not in script/layers.py")
            continue
        for number, line in enumerate(pathlib.Path(name).read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+(["<][^">]+)', line)
            if not match:
                continue
            include = match.group(1)
            for folder, pattern in FORBIDDEN.items():
                if (own == folder or own.startswith(folder + "/")) and re.match(pattern, include):
                    found.append(f"{name}:{number}: {own} must not include {include}>")
            if include.startswith('"'):
                target = layer(include[1:])
                if target != own and target not in allowed:
                    found.append(f'{name}:{number}: {own} must not include {include}" ({target})')
    for line in found:
        print("lint:", line, file=sys.stderr)
    if not found:
        print(f"lint: layers ok ({len(files)} files)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
