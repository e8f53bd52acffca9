#!/usr/bin/python3
"""run.py BIN_DIR WORK_DIR: the gateway's fan-out beside a bare epoll program, which is the limit, and npm's ws, which is
what is usual. Every figure's denominators are measured in the same run. A server is started for each measurement."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
rounds = 5
bin_dir, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class server:
    """A server and its ports; stopped at the end of the block."""

    def __init__(self, kind, window=1000):
        self.kind = "artham" if kind == "artham" else "plain"
        if kind == "artham":
            self.process = subprocess.Popen([bin_dir / "fanout_server", str(window)], stdout=subprocess.PIPE, text=True)
            self.port, self.publisher = self.process.stdout.readline().split()
            return
        self.port = self.publisher = str(free_port())
        command = [bin_dir / "fanout_limit", self.port]
        if kind == "ws":
            command = ["node", str(here / "node_server.js"), self.port]
        self.process = subprocess.Popen(command, env={**os.environ, "NODE_PATH": str(work / "node_modules")})
        wait_for(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def load(self, clients, what, value):
        out = subprocess.run([bin_dir / "fanout_load", self.port, self.publisher, str(clients), what, str(value),
                              str(self.process.pid), self.kind], capture_output=True, text=True, timeout=120)
        if out.returncode != 0:
            sys.exit(f"fanout_load: {out.stderr}")
        print(f"  {out.stdout.strip()}", flush=True)
        names = {"delivered": r"(\d+) delivered/s", "p50": r"p50 ([\d.]+)", "p99": r"p99 ([\d.]+)",
                 "cpu": r"server ([\d.]+)"}
        found = {name: re.search(pattern, out.stdout) for name, pattern in names.items()}
        return {name: float(m.group(1)) for name, m in found.items() if m}

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def wait_for(port):
    import socket
    import time
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"nothing listens on port {port}")


def measured(kind, clients, what, value, window=1000):
    print(f"{kind}{f', window {window} us' if kind == 'artham' else ''}:", flush=True)
    with server(kind, window) as s:
        return s.load(clients, what, value)


def not_reading(port, clients):
    """Sockets that want every message and take none."""
    import socket
    command = b'{"id":1,"op":"sub","policy":"all","keys":["bar:NSE:INFY:1m"]}'
    sockets = []
    for _ in range(clients):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", int(port)))
        s.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        while b"\r\n\r\n" not in s.recv(4096):
            pass
        s.sendall(bytes([0x81, 0x80 | len(command), 0, 0, 0, 0]) + command)
        s.recv(1)
        sockets.append(s)
    return sockets


def ratio(text, got, aim, more_is_better=True):
    good = got >= aim if more_is_better else got <= aim
    print(f"{text}: {got:.2f} (aim: {aim:g}){'' if good else '  BELOW'}", flush=True)


def have_ws():
    work.mkdir(parents=True, exist_ok=True)
    (work / "package.json").write_text((here / "package.json").read_text())
    installed = work / "node_modules" / "ws" / "package.json"
    wanted = json.loads((here / "package.json").read_text())["dependencies"]["ws"]
    if installed.exists() and json.loads(installed.read_text())["version"] == wanted:
        return True
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=work,
                          stdout=subprocess.DEVNULL)
    return done.returncode == 0


def main():
    subprocess.run([bin_dir / "encode_bench"], check=True)
    usual = have_ws()
    print("== saturated", flush=True)
    limit = measured("limit", 100, "thr", 1)["delivered"]
    ours = measured("artham", 100, "thr", 1)["delivered"]
    ratio("100 clients, share of the limit program", ours / limit, 0.5)
    if usual:
        ratio("100 clients, times npm's ws", ours / measured("ws", 100, "thr", 1)["delivered"], 20)
    ratio("1,000 clients, share of the limit program",
          measured("artham", 1000, "thr", 1)["delivered"] / measured("limit", 1000, "thr", 1)["delivered"], 1)
    print("== 100 clients, 2,000 messages a second", flush=True)
    each = measured("limit", 100, "lat", 2000)
    paced = measured("artham", 100, "lat", 2000)
    ratio("CPU seconds per million", paced["cpu"], 1, False)
    print(f"  of the limit program, which sends each message by itself: {paced['cpu'] / each['cpu']:.2f}", flush=True)
    ratio("p99, ms", paced["p99"] / 1000, 2, False)
    print(f"  of the limit program, without the window: {(paced['p99'] - 1000) / each['p99']:.2f}", flush=True)
    print(f"== lone messages, no window, median of {rounds} runs", flush=True)
    for clients in (1, 100):
        # In turn: what the machine does else is the same for both.
        runs = [(measured("limit", clients, "lat", 100)["p50"], measured("artham", clients, "lat", 100, 0)["p50"])
                for _ in range(rounds)]
        bare, own = (statistics.median(r[i] for r in runs) for i in (0, 1))
        if clients == 1:
            ratio("1 client, us above the limit program's p50", own - bare, 15, False)
        else:
            ratio("100 clients, times the limit program's p50", own / bare, 1.2, False)
    print("== 900 clients, 200 messages a second, and 100 that do not read", flush=True)
    without = measured("artham", 900, "lat", 200)[-2]
    with server("artham") as s:
        stopped = not_reading(s.port, 100)
        beside = s.load(900, "lat", 200)[-2]
        for one in stopped:
            one.close()
    ratio("p99, ms more than without them", (beside - without) / 1000, max(1, without / 1000 * 0.05), False)
    print("== 8,000 idle clients", flush=True)
    with server("artham") as s:
        before = s.resident()
        holder = subprocess.Popen([bin_dir / "fanout_load", s.port, s.publisher, "8000", "hold", "0",
                                   str(s.process.pid), "artham"], stdout=subprocess.PIPE, text=True)
        holder.stdout.readline()
        ratio("KiB each", (s.resident() - before) / 8000, 20, False)
        holder.kill()
        holder.wait()


main()
