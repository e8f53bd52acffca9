#!/usr/bin/python3
"""Redis behind stunnel with deploy/redis/stunnel-*.conf and certificates of deploy/make-certificates, on both sides."""
import contextlib
import os
import re
import subprocess
import unittest

from servers import REDIS, TOP, free_port, process, redis_server, scratch

PASSWORD = "artham's password"


def certificates(place, *names):
    subprocess.run([TOP / "deploy" / "make-certificates", place, *names], check=True)
    return place


@contextlib.contextmanager
def tunnel(place, config, **settings):
    """stunnel with that file, but for ports, files and who it runs as; gives the port that it listens on."""
    port = free_port()
    settings["accept"] = f"127.0.0.1:{port}"
    text = (REDIS / config).read_text()
    for name, value in settings.items():
        text, n = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert n == 1, f"{name} is {n} times in {config}"
    if os.geteuid() != 0:
        text = re.sub(r"(?m)^set[ug]id = .*$", "", text)
    own = place / f"{port}-{config}"
    own.write_text(text)
    with open(place / f"{port}.log", "wb") as log:
        with process("stunnel4", own, port=port, stdout=log, stderr=log):
            yield port


class Stunnel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = cls.enterClassContext(scratch())
        cls.ours = certificates(cls.place / "ours", "redis=redis.example,127.0.0.1", "node")
        cls.others = certificates(cls.place / "others", "redis=redis.example", "node")
        redis = cls.enterClassContext(redis_server(cls.place))
        cls.server = cls.enterClassContext(tunnel(cls.place, "stunnel-server.conf", connect=f"127.0.0.1:{redis}",
                                                  cert=cls.ours / "redis.pem", key=cls.ours / "redis.key",
                                                  CAfile=cls.ours / "authority.pem"))

    def client(self, own=None, authority=None, **settings):
        own, authority = own or self.ours, authority or self.ours
        return tunnel(self.place, "stunnel-client.conf", connect=f"127.0.0.1:{self.server}", cert=own / "node.pem",
                      key=own / "node.key", CAfile=authority / "authority.pem", **settings)

    def ask(self, port):
        """What redis-cli gets through the tunnel."""
        r = subprocess.run(["redis-cli", "-p", str(port), "--user", "artham", "--no-auth-warning", "PING"], text=True,
                           capture_output=True, env=os.environ | {"REDISCLI_AUTH": PASSWORD}, timeout=30)
        return r.stdout + r.stderr

    def test_node_with_our_certificate(self):
        with self.client() as port:
            self.assertEqual(self.ask(port), "PONG\n")

    def test_large_entries_come_through_whole(self):
        import redis
        with self.client() as port:
            c = redis.Redis(port=port, username="artham", password=PASSWORD)
            entry = os.urandom(8 << 20)
            c.xadd("md:ticks", {"b": entry})
            self.assertEqual(c.xrange("md:ticks")[0][1][b"b"], entry)
            c.close()

    def test_node_of_another_authority_is_refused(self):
        with self.client(own=self.others) as port:
            self.assertNotIn("PONG", self.ask(port))

    def test_server_of_another_authority_is_refused(self):
        with self.client(authority=self.others) as port:
            self.assertNotIn("PONG", self.ask(port))

    def test_server_of_another_name_is_refused(self):
        with self.client(checkHost="other.example") as port:
            self.assertNotIn("PONG", self.ask(port))

    def test_no_certificate_is_refused(self):
        r = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.server}", "-CAfile", self.ours / "authority.pem",
                            "-quiet", "-verify_quiet"], input=b"PING\r\n", capture_output=True, timeout=30)
        self.assertEqual(b"", r.stdout)
        # Closed before its reason was read, when writing comes first.
        self.assertRegex(r.stderr, b"certificate required|write:errno=")

    def test_no_tls_is_refused(self):
        self.assertNotRegex(self.ask(self.server), "PONG|NOAUTH|WRONGPASS")

    def test_certificates_stay_and_keys_are_private(self):
        before = {f.name: f.read_bytes() for f in self.ours.iterdir()}
        certificates(self.ours, "redis=redis.example", "node")
        self.assertEqual(before, {f.name: f.read_bytes() for f in self.ours.iterdir()})
        self.assertEqual(self.ours.stat().st_mode & 0o777, 0o700)
        for f in self.ours.glob("*.key"):
            self.assertEqual(f.stat().st_mode & 0o777, 0o600, f)
        text = subprocess.run(["openssl", "x509", "-in", self.ours / "redis.pem", "-noout", "-text"], capture_output=True, text=True).stdout
        self.assertIn("DNS:redis.example, IP Address:127.0.0.1", text)


if __name__ == "__main__":
    unittest.main()
