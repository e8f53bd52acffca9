#!/usr/bin/python3
"""Prints final bars of one minute, and ticks' last prices, as a cluster makes them (docs/streams.md).
read_streams.py redis://artham@127.0.0.1:6379/0 [all]     password: ARTHAM_BRIDGE__REDIS__PASSWORD; all: from the beginning"""
import os, struct, sys, time
from datetime import datetime, timezone
from decimal import Decimal
import redis, tick_columns, zstandard  # python3-redis, python3-zstandard; the file beside this one

def records(entry):  # kind and body of each
    if entry[b"c"] == b"fields":
        kinds = [v for k, v in entry.items() if k.partition(b".")[0] == b"kind"]
        yield from zip(kinds, (v for k, v in entry.items() if k.partition(b".")[0] == b"body"))
        return
    data = entry[b"p"]
    if entry[b"c"] == b"zstd":
        data = zstandard.decompress(data)
    elif entry[b"c"] == b"columns":
        size = 4 + struct.unpack_from("<I", data)[0]
        data = tick_columns.records(zstandard.decompress(data[4:size]), data[size:])
    while data:
        size, _, kind = struct.unpack_from("<IHB", data)
        yield {1: b"kite_frame", 2: b"packed_ticks", 4: b"bar"}.get(kind), data[24:24 + size]
        data = data[24 + size:]

def lines(kind, body):
    if kind == b"bar":
        _, _, _, token, start, _, *prices, volume = struct.unpack_from("<BBHI7q", body)
        start = datetime.fromtimestamp(start // 10**9, timezone.utc)
        yield f"bar {token} {start:%Y-%m-%dT%H:%MZ} {' '.join(str(Decimal(p) / 10**9) for p in prices)} {volume}"
    elif kind == b"kite_frame":  # a packet's price counts 0.01, of currencies less
        at = 2
        for _ in range(struct.unpack_from(">H", body)[0]):
            size, token, price = struct.unpack_from(">HIi", body, at)
            yield f"tick {token} {Decimal(price) / {3: 10**7, 6: 10**4}.get(token & 255, 100)}"
            at += 2 + size

server = redis.Redis.from_url(sys.argv[1], password=os.environ.get("ARTHAM_BRIDGE__REDIS__PASSWORD"))
at, begins = {}, "0-0" if sys.argv[2:] else None
while True:
    for stream, top in server.hgetall("artham:tops").items():  # each stream's last entry
        if stream.startswith((b"md:ticks", b"md:bars:final.1m")):
            at.setdefault(stream, begins or top)
    begins = "0-0"  # of streams that come later
    for stream, entries in server.xread(at, block=1000, count=100) if at else time.sleep(1) or []:
        for at[stream], entry in entries:
            for line in (text for record in records(entry) for text in lines(*record)):
                print(line, flush=True)
