#!/usr/bin/env python3
"""Runs clang-tidy-14 (.clang-tidy) over the project's sources, two at a time; a file whose content and headers are
unchanged since it last passed is not checked again (build/tidy-cache)."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
top = pathlib.Path.cwd()
cache = top / "build" / "tidy-cache"
cache.mkdir(parents=True, exist_ok=True)

headers = hashlib.sha256()
for name in sorted(subprocess.run(["git", "ls-files", "*.hpp", ".clang-tidy"], capture_output=True, text=True, check=True).stdout.split()):
    headers.update(pathlib.Path(name).read_bytes())

tracked = set(subprocess.run(["git", "ls-files", "*.cpp"], capture_output=True, text=True, check=True).stdout.split())
commands = []
for entry in json.loads((build / "compile_commands.json").read_text()):
    path = os.path.relpath(entry["file"], top)
    if path in tracked and not path.startswith(("tests/", "bench/")):
        commands.append(path)


def check(path: str) -> tuple[str, int, str]:
    key = hashlib.sha256(headers.digest() + path.encode() + pathlib.Path(path).read_bytes()).hexdigest()
    mark = cache / key
    if mark.exists():
        return path, 0, ""
    run = subprocess.run(
        ["clang-tidy-14", "-p", str(build), "--quiet", "--extra-arg=-Wno-everything", "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-ignored-optimization-argument", path],
        capture_output=True, text=True)
    if run.returncode == 0:
        mark.touch()
    return path, run.returncode, run.stdout + (run.stderr if run.returncode else "")


failed = 0
with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
    for path, code, text in pool.map(check, sorted(set(commands))):
        if code:
            failed += 1
            print(text, file=sys.stderr)
            print(f"lint: clang-tidy: {path}", file=sys.stderr)
if failed:
    sys.exit(1)
print(f"lint: clang-tidy ok ({len(set(commands))} files)")
