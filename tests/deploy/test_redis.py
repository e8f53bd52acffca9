#!/usr/bin/python3
"""A real redis-server with deploy/redis/artham.conf, and what the user artham may do there."""
import subprocess
import unittest

import redis
from servers import REDIS, redis_server, scratch

PASSWORD, ADMIN = "artham's password", "the admin's password"


class Redis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = cls.enterClassContext(scratch())
        cls.port = cls.enterClassContext(redis_server(cls.place, PASSWORD, ADMIN))

    def client(self, user="artham", password=PASSWORD):
        c = redis.Redis(port=self.port, username=user, password=password)
        self.addCleanup(c.close)
        return c

    def test_settings_are_in_force(self):
        admin = self.client("admin", ADMIN)
        said = {}
        for line in (REDIS / "artham.conf").read_text().splitlines():
            if line and not line.startswith("#"):
                name, value = line.split(" ", 1)
                said[name] = value
        del said["aclfile"]
        units = {"mb": 1 << 20, "gb": 1 << 30}
        self.assertGreater(len(said), 15)
        for name, value in said.items():
            in_force = admin.config_get(name)[name]
            if value[-2:] in units and value[:-2].isdigit():
                value = str(int(value[:-2]) * units[value[-2:]])
            if name == "client-output-buffer-limit":
                self.assertIn(f"normal {128 << 20} {64 << 20} 30", in_force)
            else:
                self.assertEqual(value.strip('"'), in_force, name)

    def test_artham_may_do_what_it_needs(self):
        c = self.client()
        ticks, node = "md:ticks", "artham:test:node"
        c.ping()
        c.select(0)
        c.client_setname("bars")
        self.assertEqual(c.config_get("maxmemory-policy"), {"maxmemory-policy": "noeviction"})
        self.assertIn("used_memory", c.info("memory"))
        c.time()
        c.xadd(ticks, {"a": "1"}, id="1-1")
        self.assertEqual(c.type(ticks), b"stream")
        c.xgroup_create(ticks, "store", "0")
        self.assertEqual(len(c.xreadgroup("store", "node", {ticks: ">"})[0][1]), 1)
        c.xautoclaim(ticks, "store", "other", 0)
        c.xack(ticks, "store", "1-1")
        c.xgroup_setid(ticks, "store", "1-1")
        self.assertEqual(len(c.xread({ticks: "0"})), 1)
        self.assertEqual(len(c.xrange(ticks)), len(c.xrevrange(ticks)))
        c.xinfo_stream(ticks), c.xinfo_groups(ticks), c.xinfo_consumers(ticks, "store")
        c.xgroup_delconsumer(ticks, "store", "other")
        c.xgroup_destroy(ticks, "store")
        c.xtrim(ticks, maxlen=0)
        self.assertEqual(c.xlen(ticks), 0)
        c.hset(node, mapping={"a": "1", "b": "2"})
        self.assertEqual((c.hget(node, "a"), c.hmget(node, "a", "b"), len(c.hgetall(node)), len(c.hkeys(node))),
                         (b"1", [b"1", b"2"], 2, 2))
        c.hvals(node), c.sadd("artham:test:s", "a"), c.smembers("artham:test:s"), c.hdel(node, "a"), c.memory_usage(ticks), c.client_unblock(c.client_id())
        c.set("artham:test:n", 1), c.execute_command("INCR", "artham:test:n")
        self.assertEqual((c.get("artham:test:n"), c.exists("artham:test:n")), (b"2", 1))
        c.delete("artham:test:n", node, ticks)
        script = "redis.call('XADD', KEYS[1], ARGV[1], 'a', '1') return redis.call('TIME')"
        sha = c.script_load(script)
        self.assertEqual(c.script_exists(sha), [True])
        c.evalsha(sha, 1, "md:features", "1-1")
        c.eval(script, 1, "md:features", "1-2")

    def refused(self, *command):
        with self.assertRaises(redis.exceptions.ResponseError, msg=command) as e:
            self.client().execute_command(*command)
        self.assertRegex(str(e.exception), "(?i)permission", command)

    def test_artham_may_nothing_else(self):
        for command in ("FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "CONFIG SET maxmemory 1", "CONFIG REWRITE", "SHUTDOWN",
                        "ACL LIST", "ACL WHOAMI", "CLIENT KILL ID 1", "MEMORY PURGE", "CLIENT LIST", "MONITOR", "REPLICAOF no one",
                        "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION LIST", "BGREWRITEAOF", "SAVE", "PUBLISH md:x y", "SUBSCRIBE md:x",
                        "RENAME md:a md:b", "EXPIRE md:a 1", "MIGRATE h 1 md:a 0 1", "XDEL md:a 1-1", "SWAPDB 0 1", "SLOWLOG GET"):
            self.refused(*command.split())

    def test_artham_may_touch_no_other_keys(self):
        for command in ("GET other", "XADD other 1-1 a 1", "HSET md x 1", "DEL artham", "XREAD STREAMS md:a other 0 0"):
            self.refused(*command.split())
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "(?i)can't access|permission|acl"):
            self.client().eval("return redis.call('GET', 'other')", 0)
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "(?i)can't run|permission|acl"):
            self.client().eval("return redis.call('FLUSHALL')", 0)

    def test_nobody_else_comes_in(self):
        for user, password in ((None, None), ("default", ""), ("artham", "wrong"), ("artham", "")):
            with self.assertRaises((redis.exceptions.AuthenticationError, redis.exceptions.ResponseError), msg=user):
                redis.Redis(port=self.port, username=user, password=password).ping()

    def test_short_passwords_are_refused(self):
        for text in ("", "short\n", "long enough, surely\nshort\n"):
            r = subprocess.run([REDIS / "make-users"], input=text, capture_output=True, text=True)
            self.assertEqual((r.returncode, r.stdout), (2, ""))
            self.assertIn("16", r.stderr)


class Restart(unittest.TestCase):
    def test_streams_survive_a_kill(self):
        with scratch() as place:
            with redis_server(place) as port:
                c = redis.Redis(port=port, username="artham", password=PASSWORD)
                c.xadd("md:ticks", {"a": "1"}, id="7-9")
                pid = c.info("server")["process_id"]
                c.close()
                # Written, if not yet synced: the kernel has it.
                subprocess.run(["kill", "-KILL", str(pid)], check=True)
            with redis_server(place) as port:
                c = redis.Redis(port=port, username="artham", password=PASSWORD)
                self.assertEqual(c.xinfo_stream("md:ticks")["last-generated-id"], b"7-9")
                c.close()


if __name__ == "__main__":
    unittest.main()
