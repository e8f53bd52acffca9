#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/e2e/cluster.hpp"

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
    {"Redis is emptied", [](cluster& c) { c.redis.cli({"FLUSHALL"}); }},
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

}  // namespace artham::test
