#include <doctest/doctest.h>

#include "bridge/redis/stream_kind.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"

// Streams of live values: counted by their writer, short, and never missed.
namespace artham::test {
namespace {

using bridge::top;
namespace redis = bridge::redis;
using namespace std::chrono_literals;

constexpr auto bars = "md:bars:live.1m";
/// Redis trims whole nodes of its stream, of a hundred entries at most.
constexpr std::uint64_t node_entries = 100;

redis::options quick_options(const redis_server& server) {
  auto o = options_for(server);
  o.linger = 0;
  o.upkeep = 20 * market::millisecond;
  return o;
}

/// An entry each, of causes that say nothing.
void write_entries(bridge::bridge& b, bridge::writer& w, std::uint64_t first, std::uint64_t last) {
  for (auto seq = first; seq <= last; ++seq) {
    REQUIRE(w.append(derived_record({1, 7}, 0, std::to_string(seq)), 1, {}));
    REQUIRE(eventually([&] { return b.stream_tops(bars)->appended.seq == seq; }, 30s));
  }
}

std::uint64_t length(const redis_server& s) {
  return std::stoull(s.cli({"XLEN", bars}));
}

}  // namespace

TEST_CASE("live values: their streams are those of the shard's lease") {
  CHECK(redis::lease_of("md:bars:live.5m") == "bars:0");
  CHECK(redis::lease_of("md:bars:live.5m:3") == "bars:3");
  CHECK(redis::lease_of("md:features:live") == "features:0");
  CHECK(redis::lease_of("md:features:live:3") == "features:3");
  CHECK(redis::numbering_of("md:bars:live.5m:3") == redis::numbering::live);
  CHECK(redis::numbering_of("md:features:live:3") == redis::numbering::live);
  CHECK(redis::numbering_of("md:features:3") == redis::numbering::by_cause);
  CHECK(redis::numbering_of("md:bars:final.5m") == redis::numbering::by_cause);
}

TEST_CASE("live values: the newest are kept, and nobody is told of what is missing") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 5);
  write_entries(*b, *w, 1, 10);
  auto early = *b->open_reader(bars, {}, top::appended, {});
  REQUIRE(records_of(pull_to(*early, 10)).size() == 10);
  auto small = quick_options(server);
  small.read_bytes = 1;
  auto other = open_or_fail(small);
  auto slow = *other->open_reader(bars, {}, top::appended, {});
  REQUIRE(eventually([&] { return slow->lag() == 10; }, 30s));
  // What a consumer has passed, or still needs, trims nothing and keeps nothing.
  b->passed(bars, "somebody", {5, 8});
  write_entries(*b, *w, 11, redis::live_entries);
  CHECK(length(server) == redis::live_entries);
  write_entries(*b, *w, redis::live_entries + 1, 3 * redis::live_entries);
  CHECK(length(server) >= redis::live_entries);
  CHECK(length(server) <= redis::live_entries + node_entries);
  for (auto* r : {&early, &slow}) {
    const auto blocks = pull_to(**r, 3 * redis::live_entries);
    REQUIRE(!blocks.empty());
    for (const auto& block : blocks) {
      CHECK(!block->damaged);
      CHECK(!block->by_cause);
    }
    const auto records = records_of(blocks);
    CHECK(records.back().body == std::to_string(3 * redis::live_entries));
    CHECK(records.back().at == record::position{5, 3 * redis::live_entries});
  }
}

TEST_CASE("live values: another fence ends the writer, the next one counts on") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 5);
  write_entries(*b, *w, 1, 3);
  mint(server, "bars:0", 2);
  static_cast<void>(w->append(derived_record({1, 1}, 0, "late"), 1, {}));
  CHECK(eventually(
      [&] {
        const auto at = w->append(derived_record({1, 1}, 0, "late"), 1, {});
        return !at && at.error().code == errc::conflict;
      },
      30s));
  CHECK(b->stream_tops(bars)->appended == record::position{5, 3});
  w.reset();
  b->hold("bars:0", 2);
  auto next = *b->open_writer(bars, 9);
  CHECK(next->next() == record::position{9, 4});
  write_entries(*b, *next, 4, 4);
}

TEST_CASE("live values: a reader goes on when Redis has lost them all") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 5);
  write_entries(*b, *w, 1, 40);
  auto r = *b->open_reader(bars, b->stream_tops(bars)->appended, top::appended, {});
  static_cast<void>(server.cli({"FLUSHALL"}));
  mint(server, "bars:0", 1);
  w.reset();
  auto again = *b->open_writer(bars, 6);
  write_entries(*b, *again, 1, 2);
  const auto records = records_of(pull_to(*r, 2));
  REQUIRE(records.size() == 2);
  CHECK(records[0].at == record::position{6, 1});
}

}  // namespace artham::test
