#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/e2e/cluster.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace artham::test {
namespace {

using namespace std::chrono_literals;

/// A minute in a second.
const std::vector<std::string> plays{"--speed", "60", "--set", "exchange.instruments=40"};

void start_five(cluster& c) {
  c.start("ingest", "ingest", plays);
  c.start("compute-a", "bars,features");
  c.start("compute-b", "bars,features");
  c.start("store", "store");
  c.start("gateway", "gateway");
}

std::int64_t stored_bars(const cluster& c) {
  try {
    return static_cast<std::int64_t>(stored(c.db(), {"10s"}).bars.at("10s"));
  } catch (const std::exception&) {
    return 0;
  }
}

/// Bars flow into the database: more than there were.
bool flows(const cluster& c) {
  const auto before = stored_bars(c);
  return eventually([&] { return stored_bars(c) > before + 100; }, 60s);
}

struct fault {
  const char* name;
  std::function<void(cluster&)> happens;
};

const std::vector<fault> faults{
    {"a compute node is killed, its shards move, it comes back",
     [](cluster& c) {
       c.kill("compute-a");
       CHECK(eventually(
           [&] {
             return c.holder("gateway", "bars:0") == "compute-b" &&
                    c.holder("gateway", "bars:1") == "compute-b";
           },
           10s));
       CHECK(flows(c));
       c.start_again("compute-a");
     }},
    {"the store is killed and comes back",
     [](cluster& c) {
       c.kill("store");
       c.start_again("store");
     }},
    {"the gateway is killed and comes back",
     [](cluster& c) {
       c.kill("gateway");
       c.start_again("gateway");
       CHECK(c.wait_for(
           "gateway", [](const auto&) { return true; }, 30));
     }},
    {"Redis is killed and comes back",
     [](cluster& c) {
       c.redis.kill();
       c.redis.start();
     }},
    {"Redis is emptied",
     [](cluster& c) {
       c.redis.cli({"FLUSHALL"});
       // For nodes that come when nobody ingests.
       CHECK(eventually(
           [&] {
             return c.redis.cli({"HEXISTS", "artham:kept:ingest", "rules"}) == "1";
           },
           10s));
     }},
    {"Redis loses the end of what it wrote",
     [](cluster& c) {
       c.redis.kill();
       c.redis.cut_append_only_file(20'000);
       c.redis.start();
     }},
    {"Redis stands still for a while",
     [](cluster& c) {
       c.redis.freeze();
       CHECK(c.wait_for(
           "gateway", [](const auto& s) { return !s["redis"].value("up", true); }, 30));
       c.redis.thaw();
     }},
    {"a compute node stands still until others have its shards, and wakes up",
     [](cluster& c) {
       c.process("compute-a").signal(SIGSTOP);
       CHECK(eventually(
           [&] {
             return c.holder("gateway", "bars:0") == "compute-b" &&
                    c.holder("gateway", "bars:1") == "compute-b";
           },
           15s));
       c.process("compute-a").signal(SIGCONT);
     }},
    {"Redis takes nothing for want of memory",
     [](cluster& c) {
       c.redis.set("maxmemory", "1mb");
       CHECK(c.wait_for(
           "ingest", [](const auto& s) { return !s["redis"].value("suffers", "").empty(); }, 30));
       c.redis.set("maxmemory", "0");
     }},
};

}  // namespace

TEST_CASE("whatever fails, nothing is missing and nothing is there twice") {
  for (const auto& f : faults) {
    SUBCASE(f.name) {
      cluster c(2);
      start_five(c);
      REQUIRE_MESSAGE(eventually([&] { return stored_bars(c) > 100; }, 60s), c.log());
      f.happens(c);
      CHECK_MESSAGE(flows(c), c.log());
      CHECK(c.stop("ingest") == 0);
      c.prove("ingest");
    }
  }
}

TEST_CASE("of two ingest nodes one follows; it takes over with a gap of the true length") {
  const auto port = free_port();
  process exchange({artham::test::program(), "exchange", "--synthetic", "40", "--speed", "60",
                    "--port", std::to_string(port), "--start", "now"});
  REQUIRE_MESSAGE(exchange.line(), exchange.errors());
  const std::vector<std::string> feed{"--set", "feed.url=ws://127.0.0.1:" + std::to_string(port),
                                      "--set", "feed.clock=exchange",
                                      "--set", "feed.backoff_min=100ms"};
  cluster c(2);
  c.start("ingest-a", "ingest", feed);
  REQUIRE(
      c.wait_for("ingest-a", [](const auto& s) { return s["ingest"].value("ingests", false); }));
  c.start("ingest-b", "ingest", feed);
  c.start("compute-a", "bars,features");
  c.start("compute-b", "bars,features");
  c.start("store", "store");
  c.start("gateway", "gateway");
  REQUIRE_MESSAGE(eventually([&] { return stored_bars(c) > 100; }, 60s), c.log());
  const auto follows = [&](const std::string& name) {
    return c.wait_for(name, [](const auto& s) {
      return s["ingest"].contains("follows") && s["ingest"]["follows"].value("seq", 0) > 0;
    });
  };
  REQUIRE(follows("ingest-b"));

  c.kill("ingest-a");
  REQUIRE_MESSAGE(eventually([&] { return c.holder("gateway", "ingest") == "ingest-b"; }, 15s),
                  c.log());
  CHECK_MESSAGE(flows(c), c.log());
  c.start_again("ingest-a");
  CHECK_MESSAGE(follows("ingest-a"), c.log());
  CHECK(flows(c));

  CHECK(c.stop("ingest-b") == 0);
  REQUIRE_MESSAGE(eventually([&] { return c.holder("gateway", "ingest") == "ingest-a"; }, 15s),
                  c.log());
  CHECK_MESSAGE(flows(c), c.log());
  CHECK(c.stop("ingest-a") == 0);
  c.prove("ingest-a");
  // Twice nobody listened, and the journal says so.
  const auto gaps = c.postgres.sql("SELECT count(*) FROM artham.gaps WHERE cause = 3");
  CHECK(gaps == "2\n");
}

namespace {

/// An exchange that outlives its ingest nodes, and two of these, of which `ingest-a` ingests.
struct two_ingests {
  std::uint16_t port = free_port();
  process exchange{{artham::test::program(), "exchange", "--synthetic", "40", "--speed", "60",
                    "--port", std::to_string(port), "--start", "now"}};
  cluster c{2};

  explicit two_ingests(bool standby, const std::vector<std::string>& more = {}) {
    REQUIRE_MESSAGE(exchange.line(), exchange.errors());
    std::vector<std::string> feed{"--set", "feed.url=ws://127.0.0.1:" + std::to_string(port),
                                  "--set", "feed.clock=exchange",
                                  "--set", "feed.backoff_min=100ms"};
    feed.insert(feed.end(), more.begin(), more.end());
    c.start("ingest-b", "ingest", feed);
    REQUIRE(ingests("ingest-b"));
    if (standby) {
      c.start("ingest-a", "ingest", feed);
      CHECK(c.wait_for("ingest-a", [](const auto& s) {
        return s["ingest"].contains("follows") && s["ingest"]["follows"].value("seq", 0) > 0;
      }));
    }
    c.start("compute", "bars,features");
    c.start("store", "store");
    REQUIRE_MESSAGE(eventually([&] { return stored_bars(c) > 100; }, 60s), c.log());
  }
  [[nodiscard]] bool ingests(const std::string& name) const {
    return c.wait_for(name, [](const auto& s) { return s["ingest"].value("ingests", false); });
  }
  /// Journals more and more, without Redis.
  [[nodiscard]] bool journals_alone(const std::string& name) const {
    std::int64_t first = -1;
    return c.wait_for(name, [&](const auto& s) {
      if (!s["ingest"].value("alone", false) || s["redis"].value("up", true)) return false;
      const auto ticks = s["metrics"].value("artham_ticks_received_total", std::int64_t{0});
      if (first < 0) first = ticks;
      return ticks > first + 1000;
    });
  }
};

}  // namespace

TEST_CASE("an ingest node that starts without Redis journals alone, and all of it arrives") {
  bool empty = false;
  bool standby = false;
  SUBCASE("Redis comes back as it was") {}
  SUBCASE("Redis comes back empty") {
    empty = true;
  }
  SUBCASE("another stands by") {
    standby = true;
  }
  SUBCASE("Redis comes back empty, and another stands by") {
    empty = standby = true;
  }
  two_ingests t(standby);
  t.c.redis.kill();
  t.c.kill("ingest-b");
  t.c.start_again("ingest-b");
  REQUIRE_MESSAGE(t.journals_alone("ingest-b"), t.c.log());
  // Once more: each start has an epoch of its own.
  t.c.kill("ingest-b");
  t.c.start_again("ingest-b");
  REQUIRE_MESSAGE(t.journals_alone("ingest-b"), t.c.log());
  if (empty) std::filesystem::remove_all(t.c.redis.data_dir() / "appendonlydir");
  t.c.redis.start();
  REQUIRE_MESSAGE(t.ingests("ingest-b"), t.c.log());
  CHECK_MESSAGE(flows(t.c), t.c.log());
  CHECK(!std::filesystem::exists(t.c.data("ingest-b") + "/orphans"));
  // What was made meanwhile is no gap, but the time of each start is.
  CHECK(eventually(
      [&] { return t.c.postgres.sql("SELECT count(*) FROM artham.gaps WHERE cause = 3") == "2\n"; },
      30s));
  if (standby) CHECK(t.c.stop("ingest-a") == 0);
  CHECK(t.c.stop("ingest-b") == 0);
  t.c.prove("ingest-b");
  // The lease was given back: without Redis it may not start.
  CHECK(!std::filesystem::exists(t.c.data("ingest-b") + "/ingest-fence"));
}

TEST_CASE("who was overtaken by a forced trim is refilled from the ingest node's journal") {
  // Of the ingest node alone: what is derived is kept.
  two_ingests t(false, {"--set", "bridge.redis.max_bytes=3MiB"});
  // Who has stored nothing of a stream yet begins with what Redis has.
  REQUIRE_MESSAGE(eventually(
                      [&] {
                        return t.c.postgres.sql(
                                   "SELECT count(*) FROM artham.positions WHERE consumer LIKE "
                                   "'tick_store%' AND seq > 0") == "16\n";
                      },
                      90s),
                  t.c.postgres.sql("SELECT * FROM artham.positions"));
  t.c.kill("compute");
  t.c.kill("store");
  const auto stored_before = stored_bars(t.c);
  const auto trims = [&] {
    const auto s = t.c.status("ingest-b");
    return s.is_object() ? s["metrics"].value("artham_redis_forced_trims_total", 0) : 0;
  };
  REQUIRE_MESSAGE(eventually([&] { return trims() >= 8; }, 120s), t.c.log());
  t.c.start_again("store");
  t.c.start_again("compute");
  CHECK_MESSAGE(eventually([&] { return stored_bars(t.c) > stored_before + 500; }, 120s),
                t.c.log());
  for (const auto* name : {"compute", "store"}) {
    CHECK_MESSAGE(t.c.wait_for(name,
                               [](const auto& s) {
                                 std::int64_t refilled = 0;
                                 for (const auto& [metric, value] : s["metrics"].items()) {
                                   if (metric.starts_with("artham_redis_refilled_positions_total"))
                                     refilled += value.template get<std::int64_t>();
                                 }
                                 return refilled > 1000;
                               }),
                  t.c.log());
  }
  // Whoever asks is answered, before the node that can goes.
  const auto said = [&](std::string_view what) {
    const auto log = t.c.log();
    std::size_t times = 0;
    for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) ++times;
    return times;
  };
  CHECK_MESSAGE(
      eventually(
          [&] { return said("it goes on from Redis") == said("asking the ingest node's journal"); },
          120s),
      t.c.log());
  CHECK(t.c.stop("ingest-b") == 0);
  t.c.prove("ingest-b");
}

TEST_CASE("an ingest node removes days that everybody has passed") {
  cluster c(2);
  const std::vector<std::string> days{
      "--set", "exchange.instruments=3", "--set", "ingest.clock_interval=10s",
      "--set", "features.enabled=false", "--set", "journal.retention=1d"};
  auto market = days;
  market.insert(market.end(), {"--speed", "5000"});
  c.start("ingest", "ingest", market);
  c.start("compute", "bars,features", days);
  const auto kept_from = [](const nlohmann::json& s) {
    return s["ingest"].contains("journal") && s["ingest"]["journal"].contains("kept_from");
  };
  const auto day_of = [](const nlohmann::json& s) {
    return s["metrics"].value("artham_market_time_seconds", std::int64_t{0}) / 86'400;
  };
  // Nothing is stored yet: all is kept, however old.
  std::int64_t first = 0;
  REQUIRE(c.wait_for("ingest", [&](const auto& s) {
    if (first == 0) first = day_of(s);
    return first != 0 && day_of(s) >= first + 4;
  }));
  CHECK_FALSE(kept_from(c.status("ingest")));
  c.start("store", "store", days);
  REQUIRE_MESSAGE(c.wait_for("ingest", kept_from, 180), c.log());
  CHECK(c.stop("ingest") == 0);
  CHECK_MESSAGE(eventually([&] { return c.is_idle(); }, 240s), c.log());
  CHECK(c.stop("compute") == 0);
  CHECK(c.stop("store") == 0);
  const auto verified =
      artham::test::artham({"verify", "--data", c.data("ingest"), "--postgres", c.db().url()});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out.find("differences 0\n") != std::string::npos);
  CHECK(verified.out.find("md:ticks is not kept any more before (") != std::string::npos);
}

TEST_CASE("what was journaled alone while another had taken over is an orphan") {
  two_ingests t(true);
  t.c.kill("ingest-b");
  REQUIRE(t.ingests("ingest-a"));
  CHECK(flows(t.c));
  t.c.redis.kill();
  t.c.start_again("ingest-b");
  REQUIRE_MESSAGE(t.journals_alone("ingest-b"), t.c.log());
  t.c.redis.start();
  CHECK_MESSAGE(t.c.wait_for("ingest-b",
                             [](const auto& s) {
                               return s["ingest"].contains("follows") &&
                                      !s["ingest"].value("alone", true);
                             }),
                t.c.log());
  CHECK(flows(t.c));
  CHECK(std::filesystem::exists(t.c.data("ingest-b") + "/orphans"));
  CHECK(!std::filesystem::exists(t.c.data("ingest-b") + "/ingest-fence"));
  // Who only follows does not journal alone.
  t.c.redis.kill();
  t.c.kill("ingest-a");
  CHECK(t.c.wait_for("ingest-b", [](const auto& s) { return !s["redis"].value("up", true); }));
  CHECK(!t.c.status("ingest-b")["ingest"].value("alone", true));
  t.c.redis.start();
  REQUIRE_MESSAGE(t.ingests("ingest-b"), t.c.log());
  CHECK_MESSAGE(flows(t.c), t.c.log());
  CHECK(t.c.stop("ingest-b") == 0);
  t.c.prove("ingest-b");
}

namespace {

/// Where the streams of both shards end: changed in all of them means that everything flows.
std::map<std::string, std::string> ends(const cluster& c) {
  std::map<std::string, std::string> all;
  for (const auto* stream : {"md:ticks:", "md:bars:final.10s:", "md:features:"}) {
    for (const auto* shard : {"0", "1"}) {
      const auto name = std::string(stream) + shard;
      try {
        all[name] = c.redis.cli({"HGET", "artham:tops", name});
      } catch (const std::exception&) {
        all[name] = "";
      }
    }
  }
  return all;
}

/// Seconds until all streams and the store have moved on.
std::optional<double> time_to_flow(const cluster& c) {
  const auto begun = std::chrono::steady_clock::now();
  const auto before = ends(c);
  const auto stored_before = stored_bars(c);
  const bool flows = eventually(
      [&] {
        const auto now = ends(c);
        return std::ranges::all_of(now,
                                   [&](const auto& e) {
                                     return !e.second.empty() && e.second != before.at(e.first);
                                   }) &&
               stored_bars(c) > stored_before;
      },
      60s);
  if (!flows) return std::nullopt;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// One fault, from its beginning to its end.
using blow = std::function<void(cluster&, tcp_proxy&, std::mt19937&)>;

void wait_a_moment(std::mt19937& random, int most_ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(random() % most_ms));
}

blow killed(std::string node) {
  return [node](cluster& c, tcp_proxy&, std::mt19937& random) {
    c.kill(node);
    wait_a_moment(random, 3000);
    c.start_again(node);
  };
}

/// In good order: what the node has moves to others first.
blow stopped(std::string node) {
  return [node](cluster& c, tcp_proxy&, std::mt19937&) {
    CHECK(c.stop(node) == 0);
    c.start_again(node);
  };
}

blow link_held(tcp_proxy::way direction) {
  return [direction](cluster&, tcp_proxy& link, std::mt19937& random) {
    link.hold(direction);
    wait_a_moment(random, 6000);
    link.release();
  };
}

const std::vector<std::pair<std::string, blow>> blows{
    {"compute-a killed", killed("compute-a")},
    {"compute-b killed", killed("compute-b")},
    {"store killed", killed("store")},
    {"gateway killed", killed("gateway")},
    {"compute-a stopped", stopped("compute-a")},
    {"compute-b stopped", stopped("compute-b")},
    {"store stopped", stopped("store")},
    {"Redis killed",
     [](cluster& c, tcp_proxy&, std::mt19937& random) {
       c.redis.kill();
       wait_a_moment(random, 4000);
       c.redis.start();
     }},
    {"Redis emptied", [](cluster& c, tcp_proxy&, std::mt19937&) { c.redis.cli({"FLUSHALL"}); }},
    {"Redis's end cut",
     [](cluster& c, tcp_proxy&, std::mt19937& random) {
       c.redis.kill();
       c.redis.cut_append_only_file(1 + random() % 50'000);
       c.redis.start();
     }},
    {"Redis frozen",
     [](cluster& c, tcp_proxy&, std::mt19937& random) {
       c.redis.freeze();
       wait_a_moment(random, 5000);
       c.redis.thaw();
     }},
    {"compute-a frozen",
     [](cluster& c, tcp_proxy&, std::mt19937& random) {
       c.process("compute-a").signal(SIGSTOP);
       wait_a_moment(random, 5000);
       c.process("compute-a").signal(SIGCONT);
     }},
    {"compute-a's line to Redis held", link_held(tcp_proxy::way::both)},
    {"... to Redis only", link_held(tcp_proxy::way::to_server)},
    {"... from Redis only", link_held(tcp_proxy::way::to_client)},
    {"... cut in the middle of something",
     [](cluster&, tcp_proxy& link, std::mt19937& random) {
       link.cut_after(tcp_proxy::way::to_server, 1 + random() % 5000);
     }},
    {"PostgreSQL killed",
     [](cluster& c, tcp_proxy&, std::mt19937& random) {
       c.postgres.kill();
       wait_a_moment(random, 2000);
       c.postgres.start();
     }},
};

}  // namespace

TEST_CASE("one fault after the other") {
  std::mt19937 random(static_cast<unsigned>(number("ARTHAM_CLUSTER_SEED", 1)));
  const auto count = number("ARTHAM_CLUSTER_FAULTS", 8);
  cluster c(2);
  tcp_proxy link(c.redis.port());
  c.start("ingest", "ingest", plays);
  c.start("compute-b", "bars,features");
  c.start("store", "store");
  c.start("gateway", "gateway");
  c.reach_redis_at(link.port());
  c.start("compute-a", "bars,features");
  c.reach_redis_at(0);
  REQUIRE_MESSAGE(eventually([&] { return stored_bars(c) > 100; }, 60s), c.log());
  std::vector<double> times;
  std::vector<std::size_t> order(blows.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i % blows.size() == 0) {
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::shuffle(order, random);
    }
    const auto& [name, happens] = blows[order[i % blows.size()]];
    CAPTURE(name);
    if (name.starts_with("compute-a")) c.reach_redis_at(link.port());
    happens(c, link, random);
    c.reach_redis_at(0);
    const auto time = time_to_flow(c);
    REQUIRE_MESSAGE(time, c.log());
    times.push_back(*time);
    MESSAGE(name << ": flows again after " << *time << " s");
  }
  std::ranges::sort(times);
  MESSAGE(times.size() << " faults; flows again after " << times[times.size() / 2]
                       << " s (median), " << times.back() << " s (longest)");
  CHECK(c.stop("ingest") == 0);
  c.prove("ingest");
}

}  // namespace artham::test
