#!/usr/bin/python3
"""Reads artham's stream, in JSON or binary, and goes on where it was when the connection ends.

    stream_client.py PORT json|binary KEY...        prints one line for each tick and bar

Debian's python3-websockets does the WebSocket; decode() is all that the binary format takes.
"""
import json
import struct
import sys

KINDS = {1: "tick", 2: "bar", 3: "chain", 4: "greeks"}


def decode(data):
    """A binary message: its kind, the handle of its key, whether it is final, and its values."""
    version, kind, flags, handle = struct.unpack_from("<BBB5xQ", data)
    if version != 1:
        raise ValueError(f"version {version} is not known")
    at = 16
    value = {}
    if flags & 2:
        value["t_ex"], value["t_rx"], value["t_tx"] = struct.unpack_from("<3q", data, at)
        at += 24
    if kind == 2:
        value["fields"], value["flags"], value["ticks"], value["revision"] = struct.unpack_from("<BxHII4x", data, at)
        names = ("start", "end", "open", "high", "low", "close", "volume", "oi", "oi_change", "vwap")
        value.update(zip(names, struct.unpack_from("<10q", data, at + 16)))
    elif kind == 1:
        mode, levels = struct.unpack_from("<BB6x", data, at)
        value["t_rx"], value["t_ex"], value["last"] = struct.unpack_from("<3q", data, at + 8)
        if mode != 0:
            value.update(zip(("open", "high", "low", "close"), struct.unpack_from("<4q", data, at + 32)))
        if mode >= 3:
            names = ("last_quantity", "average", "volume", "buy_quantity", "sell_quantity")
            value.update(zip(names, struct.unpack_from("<5q", data, at + 64)))
        if levels:
            names = ("t_trade", "oi", "oi_day_high", "oi_day_low")
            value.update(zip(names, struct.unpack_from("<4q", data, at + 104)))
            sides = list(struct.iter_unpack("<qII", data[at + 136:at + 136 + 32 * levels]))
            value["bids"], value["offers"] = sides[:levels], sides[levels:]
    else:
        value["record"] = data[at:]
    return KINDS[kind], handle, bool(flags & 1), value


async def follow(port, form, keys):
    import websockets
    token = None
    while True:
        names = {}
        try:
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/stream", max_size=None,
                                          subprotocols=["artham.v1.bin" if form == "binary" else "artham.v1.json"]) as ws:
                command = {"id": 1, "op": "sub", "keys": keys, "policy": "all", "tokens": 1000}
                if token:
                    command["from"] = token
                await ws.send(json.dumps(command))
                async for message in ws:
                    if isinstance(message, bytes):
                        kind, handle, final, value = decode(message)
                        print(names.get(handle, handle), kind, "final" if final else "", value, flush=True)
                        continue
                    told = json.loads(message)
                    # What comes behind a token, and before the next one, comes again when we go on.
                    token = told.get("token", token)
                    for sub in told.get("subs", []):
                        if "handle" in sub:
                            names[int(sub["handle"])] = sub["key"]
                    print(message, flush=True)
        except (OSError, websockets.ConnectionClosed):
            import asyncio
            await asyncio.sleep(1)


if __name__ == "__main__":
    import asyncio
    asyncio.run(follow(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
