#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "market/feature/shard_map.hpp"
#include "tests/e2e/cluster.hpp"
#include "tests/e2e/final_bars_seen.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/private_network.hpp"

// A cluster whose nodes are computers of their own, and lines between them that break.

namespace artham::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// What to try: nothing, "all", or a part of names.
std::string wanted() {
  const char* value = std::getenv("ARTHAM_PARTITIONS");
  return value == nullptr ? "" : value;
}

/// Market seconds in a second: a trading day is longer than the trials.
double speed() {
  return wanted() == "all" || wanted().find(';') != std::string::npos ? 15 : 60;
}

constexpr std::uint32_t shards = 2;
const std::vector<std::string> nodes{"ingest", "compute-a", "compute-b", "store", "gateway"};
const std::vector<std::string> watched{"bar:NSE:NIFTY 50:10s", "bar:NSE:BHARGSTEEL:10s",
                                       "bar:NSE:CHETANFIN:10s"};

redis_server::options redis_on(const private_network& net) {
  return {"known-to-tests", "bind 127.0.0.1 " + net.address("redis"), net.through("redis")};
}

/// Five nodes and Redis are computers; the test and PostgreSQL are on one more.
struct network_cluster {
  private_network net;
  authority certificates;
  std::optional<test::cluster> five;

  network_cluster() {
    net.add("redis");
    five.emplace(shards, redis_on(net));
    auto& c = *five;
    c.postgres.set("listen_addresses", "127.0.0.1,10.77.0.1");
    c.postgres.stop();
    std::ofstream(c.postgres.data_dir() / "pg_hba.conf", std::ios::app)
        << "host all all 10.77.0.0/24 trust\n";
    c.postgres.start();
    ::setenv("ARTHAM_BRIDGE__REDIS__PASSWORD", "known-to-tests", 1);
    for (const auto& name : nodes) {
      const auto address = net.add(name);
      const auto proof = certificates.leaf(name);
      c.place(name, {address,
                     net.through(name),
                     {"bridge.redis.url=redis://" + net.address("redis") + ":" +
                          std::to_string(c.redis.port()),
                      "store.postgres.url=postgresql://artham@10.77.0.1:" +
                          std::to_string(c.postgres.port()) + "/artham",
                      "cluster.certificate=" + proof.certificate, "cluster.key=" + proof.key,
                      "cluster.authority=" + proof.authority},
                     [this, name](const auto& fn) { net.inside(name, fn); }});
    }
    c.start(
        "ingest", "ingest",
        {"--speed", std::to_string(static_cast<int>(speed())), "--set", "exchange.instruments=40"});
    c.start("compute-a", "bars,features");
    c.start("compute-b", "bars,features");
    c.start("store", "store");
    c.start("gateway", "gateway");
  }
  ~network_cluster() { ::unsetenv("ARTHAM_BRIDGE__REDIS__PASSWORD"); }
  network_cluster(const network_cluster&) = delete;
  network_cluster& operator=(const network_cluster&) = delete;
};

/// Market time of what is ingested, in seconds; 0 while that is not known.
double market_time(const cluster& c) {
  const auto status = c.status("ingest");
  return status.is_object() ? status["metrics"].value("artham_market_time_seconds", 0.0) : 0;
}

/// Until when bars of every shard are stored, in market seconds; nothing while one has none. A
/// shard is as far as the newest bar of its shares: many of them are not traded for a while.
std::optional<double> stored_until(const cluster& c, double market) {
  std::array<double, shards> newest{};
  try {
    std::istringstream rows(c.postgres.sql(
        "SELECT extract(epoch FROM max(bar_end_ts)), exchange || ':' || tradingsymbol FROM "
        "artham.bars_10s JOIN artham.instruments USING (instrument_id) WHERE segment = 'NSE' AND "
        "bar_end_ts > to_timestamp(" +
        std::to_string(market - 6 * 3600) + ") GROUP BY 2"));
    double until = 0;
    for (std::string name; rows >> until && rows.get() && std::getline(rows, name);) {
      auto& shard = newest.at(market::feature::shard_of_group(name, shards));
      shard = std::max(shard, until);
    }
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  const auto least = std::ranges::min(newest);
  if (least == 0) return std::nullopt;
  return least;
}

/// Seconds until what comes now is stored, and less than two seconds of what came since are not;
/// nothing if that is not within a minute.
std::optional<double> time_to_flow(const cluster& c) {
  const auto begun = steady_clock::now();
  double from = 0;
  const bool flows = eventually(
      [&] {
        const auto market = market_time(c);
        if (from == 0) from = market;
        const auto stored = stored_until(c, market);
        return from != 0 && stored && *stored >= from && market - *stored < 2 * speed();
      },
      60s);
  if (!flows) return std::nullopt;
  return std::chrono::duration<double>(steady_clock::now() - begun).count();
}

void wait(std::chrono::seconds time) {
  std::this_thread::sleep_for(time);
}

struct blow {
  std::string name;
  std::function<void(network_cluster&, std::chrono::seconds)> happens;
};

blow line_cut(const std::string& a, const std::string& b) {
  return {a + " and " + b + " hear nothing of each other", [a, b](network_cluster& n, auto time) {
            n.net.lose(a, b);
            n.net.lose(b, a);
            wait(time);
            n.net.find(a, b);
            n.net.find(b, a);
          }};
}

blow line_deaf(const std::string& from, const std::string& to) {
  return {to + " hears nothing of " + from, [from, to](network_cluster& n, auto time) {
            n.net.lose(from, to);
            wait(time);
            n.net.find(from, to);
          }};
}

/// One that stands still does not hold what others took meanwhile, and does not think so.
void stand_still(network_cluster& n, std::chrono::seconds time) {
  auto& c = *n.five;
  c.process("compute-a").signal(SIGSTOP);
  if (time >= 5s) {
    CHECK_MESSAGE(eventually(
                      [&] {
                        return c.holder("gateway", "bars:0") == "compute-b" &&
                               c.holder("gateway", "bars:1") == "compute-b";
                      },
                      15s),
                  c.log());
  }
  wait(time);
  c.process("compute-a").signal(SIGCONT);
  if (time < 5s) return;
  CHECK_MESSAGE(
      c.wait_for(
          "compute-a",
          [](const auto& s) { return s["metrics"].value("artham_leases_lost_total", 0) > 0; }, 15),
      c.log());
}

const std::vector<blow>& blows() {
  static const std::vector<blow> all = [] {
    std::vector<blow> b;
    for (const auto& [one, other] : std::vector<std::pair<std::string, std::string>>{
             {"compute-a", "redis"}, {"compute-b", "redis"}, {"compute-a", "compute-b"}}) {
      b.push_back(line_cut(one, other));
      b.push_back(line_deaf(one, other));
      b.push_back(line_deaf(other, one));
    }
    for (const auto* name : {"ingest", "store", "gateway"}) b.push_back(line_cut(name, "redis"));
    b.push_back({"compute-a's cable is out", [](network_cluster& n, auto time) {
                   n.net.unplug("compute-a");
                   wait(time);
                   n.net.plug("compute-a");
                 }});
    b.push_back({"compute-b's line is slow and loses", [](network_cluster& n, auto time) {
                   n.net.slow_down("compute-b", 256);
                   wait(time);
                   n.net.speed_up("compute-b");
                 }});
    b.push_back({"compute-a stands still", stand_still});
    b.push_back({"compute-a is killed", [](network_cluster& n, auto) {
                   auto& c = *n.five;
                   c.kill("compute-a");
                   const auto time = time_to_flow(c);
                   REQUIRE_MESSAGE(time, c.log());
                   MESSAGE("without it data flows after " << *time << " s");
                   c.start_again("compute-a");
                 }});
    b.push_back({"Redis stands still", [](network_cluster& n, auto time) {
                   n.five->redis.freeze();
                   wait(time);
                   n.five->redis.thaw();
                 }});
    b.push_back({"Redis is killed", [](network_cluster& n, auto time) {
                   n.five->redis.kill();
                   wait(time);
                   n.five->redis.start();
                 }});
    b.push_back({"Redis has no memory left", [](network_cluster& n, auto time) {
                   n.five->redis.set("maxmemory", "1mb");
                   wait(time);
                   n.five->redis.set("maxmemory", "0");
                 }});
    return b;
  }();
  return all;
}

/// What a client saw is what is stored, but for breaks that it was told of.
void check_seen(const final_bars_seen& seen, const cluster& c) {
  for (const auto& [key, runs] : seen.runs()) {
    const auto symbol = key.substr(8, key.rfind(':') - 8);
    std::istringstream rows(c.postgres.sql(
        "SELECT (extract(epoch FROM bar_start_ts) * 1000000)::bigint FROM artham.bars_10s WHERE "
        "revision = 0 AND instrument_id = (SELECT DISTINCT instrument_id FROM artham.instruments "
        "WHERE exchange = 'NSE' AND tradingsymbol = '" +
        symbol + "') ORDER BY 1"));
    final_bars_seen::run stored;
    for (std::int64_t at = 0; rows >> at;) stored.push_back(at);
    for (const auto& run : runs) {
      if (run.empty()) continue;
      const auto first = std::ranges::lower_bound(stored, run.front());
      const auto end = std::ranges::upper_bound(stored, run.back());
      std::ostringstream missed;
      std::set_difference(first, end, run.begin(), run.end(),
                          std::ostream_iterator<std::int64_t>(missed, " "));
      INFO(key << ": " << run.size() << " bars seen of " << (end - first) << "; not seen "
               << missed.str());
      CHECK(std::ranges::equal(run, std::ranges::subrange(first, end)));
    }
    REQUIRE_FALSE(runs.empty());
    REQUIRE_FALSE(runs.back().empty());
    // To the end.
    CHECK_MESSAGE(runs.back().back() == stored.back(), key);
  }
}

struct trial {
  const blow* what;
  std::chrono::seconds time;
};

/// In CI each fault once, for 1 or 5 seconds; ARTHAM_PARTITIONS=all: each for 1, 5 and 30, and
/// Redis for 60. Other values: those whose name has it, for 5 seconds; or some one after the other,
/// `NAME:SECONDS;…`.
std::vector<trial> trials() {
  std::vector<trial> all;
  const auto which = wanted();
  for (std::size_t i = 0; i < blows().size(); ++i) {
    const auto& b = blows()[i];
    if (which.empty()) {
      all.push_back({&b, i % 2 == 0 ? 5s : 1s});
    } else if (which == "all") {
      for (const auto time : {1s, 5s, 30s}) all.push_back({&b, time});
      if (b.name.starts_with("Redis")) all.push_back({&b, 60s});
    } else if (b.name.find(which) != std::string::npos) {
      all.push_back({&b, 5s});
    }
  }
  if (which.find(';') != std::string::npos) {
    std::istringstream list(which);
    for (std::string part; std::getline(list, part, ';');) {
      const auto colon = part.find(':');
      for (const auto& b : blows())
        if (b.name == part.substr(0, colon))
          all.push_back({&b, std::chrono::seconds(std::stoi(part.substr(colon + 1)))});
    }
    return all;
  }
  std::mt19937 random(static_cast<unsigned>(number("ARTHAM_CLUSTER_SEED", 1)));
  std::ranges::shuffle(all, random);
  return all;
}

std::string links() {
  return run_to_end({"/bin/sh", "-c", "PATH=$PATH:/usr/sbin ip -o link | cut -d: -f2"}).out;
}

}  // namespace

TEST_CASE("lines between computers break, and nothing is missing and nothing is there twice") {
  if (!networks_or_say_why()) return;
  const auto links_before = links();
  {
    network_cluster n;
    auto& c = *n.five;
    REQUIRE_MESSAGE(time_to_flow(c), c.log());
    final_bars_seen client(c.web("gateway"),
                           {.inside = [&n](const auto& fn) { n.net.inside("gateway", fn); }},
                           watched);
    REQUIRE(eventually([&] { return client.bars() > 10; }, 60s));
    std::vector<double> times;
    for (const auto& t : trials()) {
      CAPTURE(t.what->name);
      t.what->happens(n, t.time);
      const auto time = time_to_flow(c);
      REQUIRE_MESSAGE(time, c.log());
      CHECK_MESSAGE(*time < 10, c.log());
      times.push_back(*time);
      MESSAGE(t.what->name << " for " << t.time.count() << " s: flows again after " << *time
                           << " s; the client saw " << client.bars() << " bars, " << client.breaks()
                           << " breaks");
    }
    std::ranges::sort(times);
    MESSAGE(times.size() << " faults; flows again after " << times[times.size() / 2]
                         << " s (median), " << times.back() << " s (longest)");
    CHECK(c.stop("ingest") == 0);
    c.prove("ingest");
    client.stop();
    check_seen(client, c);
  }
  CHECK(links() == links_before);
}

}  // namespace artham::test
