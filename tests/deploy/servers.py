"""Real servers for tests, on free ports of 127.0.0.1, with their data in scratch directories; each ends with its test."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import redis

TOP = pathlib.Path(__file__).resolve().parents[2]
REDIS = TOP / "deploy" / "redis"
PROGRAM = os.environ.get("ARTHAM_PROGRAM", TOP / "build" / "release" / "bin" / "artham")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(what, limit=20.0):
    """Asks until `what` gives something true; what it threw last is thrown when the time is over."""
    end = time.monotonic() + limit
    while True:
        try:
            if answer := what():
                return answer
            error = AssertionError(f"not within {limit} s")
        except OSError as e:
            error = e
        if time.monotonic() > end:
            raise error
        time.sleep(0.01)


def answers(port):
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True


@contextlib.contextmanager
def scratch():
    place = tempfile.mkdtemp(prefix="artham-deploy-")
    try:
        yield pathlib.Path(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def process(*command, port=None, **options):
    """Runs until the block ends; it dies with this process, too. With a port: until somebody answers there."""
    p = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], **options)
    try:
        if port:
            def up():
                if p.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {p.returncode}")
                return answers(port)
            eventually(up)
        yield p
    finally:
        p.terminate()
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def users(artham, admin):
    return subprocess.run([REDIS / "make-users"], input=f"{artham}\n{admin}\n", capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def redis_server(place, artham="artham's password", admin="the admin's password"):
    """A Redis with deploy/redis/artham.conf, but for where its files are; gives its port."""
    (place / "artham.acl").write_text(users(artham, admin))
    text = (REDIS / "artham.conf").read_text()
    assert "/etc/redis/artham.acl" in text
    (place / "redis.conf").write_text(text.replace("/etc/redis/artham.acl", str(place / "artham.acl")))
    port = free_port()
    with open(place / "redis.log", "wb") as log:
        with process("redis-server", place / "redis.conf", "--port", port, "--dir", place, port=port, stdout=log):
            def loaded():
                try:
                    with redis.Redis(port=port, username="artham", password=artham) as c:
                        return c.ping()
                except redis.exceptions.BusyLoadingError:
                    return False
            eventually(loaded)
            yield port
