#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"

// Who may write, who has read, and what is kept for whom.
namespace artham::test {
namespace {

using bridge::top;
namespace redis = bridge::redis;
using namespace std::chrono_literals;

constexpr auto ticks = "md:ticks";
constexpr auto bars = "md:bars:final.1m";
constexpr auto soon = 30 * market::second;

redis::options quick_options(const redis_server& server, const std::string& consumer = "one") {
  auto o = options_for(server);
  o.linger = 0;
  o.upkeep = 20 * market::millisecond;
  o.consumer = consumer;
  return o;
}

/// As many entries of bars, a cause each.
void write_bars(redis::redis_bridge& b, bridge::writer& w, std::uint64_t first,
                std::uint64_t last) {
  for (auto seq = first; seq <= last; ++seq) {
    REQUIRE(w.append(outputs_of(seq, seq), count_of(seq, seq), {}));
    REQUIRE(eventually([&] { return b.stream_tops(bars)->durable.seq == seq; }, 30s));
  }
}

std::uint64_t length(const redis_server& s, const std::string& stream) {
  return std::stoull(s.cli({"XLEN", stream}));
}

}  // namespace

TEST_CASE("leases: a stream is written under its own") {
  CHECK(redis::lease_of("md:ticks") == "ingest");
  CHECK(redis::lease_of("md:ticks:3") == "ingest");
  CHECK(redis::lease_of("md:bars:final.1m") == "bars:0");
  CHECK(redis::lease_of("md:bars:final.1m:3") == "bars:3");
  CHECK(redis::lease_of("md:deadletter:12") == "bars:12");
  redis_server server;
  auto b = open_or_fail(quick_options(server));
  CHECK(b->open_writer(bars, 1).error().code == errc::conflict);
  CHECK(b->put_block(ticks, tick_block({1, 1}, 1), {1, 1}).error().code == errc::conflict);
  mint(server, "bars:0", 4);
  b->hold("bars:0", 4);
  CHECK(b->open_writer(bars, 1));
  CHECK(b->open_writer("md:bars:final.1m:1", 1).error().code == errc::conflict);
  b->hold("bars:0", 0);
  CHECK(b->open_writer(bars, 1).error().message.find("bars:0") != std::string::npos);
}

TEST_CASE("a fence that was lost: nothing is written any more, under the next one it is") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 1);
  write_bars(*b, *w, 1, 3);
  put_ticks(*b, 1, 10);
  REQUIRE(b->flush(soon));
  mint(server, "bars:0", 2);
  mint(server, "ingest", 2);
  put_ticks(*b, 11, 20, 10);
  CHECK(b->flush(soon).error().message.find("fence 2") != std::string::npos);
  CHECK(eventually(
      [&, cause = std::uint64_t{4}]() mutable {
        const auto ok = w->append(outputs_of(cause, cause), count_of(cause, cause), {});
        ++cause;
        return !ok && ok.error().code == errc::conflict;
      },
      30s));
  // The writer stays broken, whatever the fence is by then.
  mint(server, "bars:0", 1);
  for (int i = 0; i < 3; ++i) {
    CHECK(w->append(outputs_of(9, 9), count_of(9, 9), {}).error().code == errc::conflict);
  }
  CHECK(b->stream_tops(bars)->durable == record::position{1, 3});
  CHECK(b->stream_tops(ticks)->durable == record::position{1, 10});
  b->hold("ingest", 2);
  put_ticks(*b, 11, 20);
  CHECK(b->flush(soon));
  CHECK(has_ticks(*b, 20));
  w.reset();
  w = *b->open_writer(bars, 1);
  write_bars(*b, *w, 4, 5);
}

TEST_CASE("a lost fence wakes who waits for room") {
  redis_server server;
  auto o = quick_options(server);
  o.queue_bytes = 20'000;
  auto b = open_with_leases(server, o);
  server.freeze();
  result<void> put;
  std::uint64_t seq = 1;
  for (; (put = b->put_block(ticks, tick_block({1, seq}, 1), {1, seq})); ++seq) {
  }
  REQUIRE(put.error().code == errc::full);
  events room;
  b->when_room(room.once());
  server.thaw();
  CHECK(room.wait());
  REQUIRE(b->flush(soon));
  mint(server, "ingest", 2);
  REQUIRE(b->put_block(ticks, tick_block({1, seq}, 1), {1, seq}));
  CHECK(b->flush(soon).error().code == errc::conflict);
  // As much as ever fits into the queue again: what was refused takes no room.
  b->hold("ingest", 2);
  put_ticks(*b, seq, seq + 2000);
  CHECK(b->flush(soon));
}

TEST_CASE("two writers of one stream: whoever comes second is told") {
  redis_server server;
  auto one = open_with_leases(server, quick_options(server));
  auto two = open_with_leases(server, quick_options(server, "two"));
  put_ticks(*one, 1, 10);
  REQUIRE(one->flush(soon));
  put_ticks(*two, 11, 20);
  REQUIRE(two->flush(soon));
  put_ticks(*one, 11, 20, 10);
  const auto refused = one->flush(soon);
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().message.find("1-20") != std::string::npos);
  put_ticks(*one, 21, 30);
  REQUIRE(one->flush(soon));
  // A start that leaves something out is no start.
  REQUIRE(two->put_block(ticks, tick_block({1, 21}, 5), {1, 21}));
  CHECK(two->flush(soon).error().code == errc::conflict);
  REQUIRE(two->put_block(ticks, tick_block({1, 35}, 5), {1, 35}));
  CHECK(two->flush(soon).error().code == errc::conflict);
  CHECK(has_ticks(*one, 30));
}

TEST_CASE("neighbours in the queue share an entry; nothing is split, no entry has two epochs") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 3);
  server.freeze();
  // The first is on its way; those behind it wait.
  for (std::uint64_t seq = 1; seq <= 500; ++seq)
    REQUIRE(w->append(outputs_of(seq, seq), count_of(seq, seq), {}));
  REQUIRE(w->append(derived_record({2, 501}, 0, "next epoch"), 1, {}));
  CHECK(w->append(outputs_of(500, 500), count_of(500, 500), {}).error().code == errc::bad_input);
  CHECK(w->append(derived_record({2, 501}, 1, "late"), 1, {}).error().code == errc::bad_input);
  CHECK(w->append(derived_record({2, 503}, 0, "") + derived_record({2, 502}, 0, ""), 2, {})
            .error()
            .code == errc::bad_input);
  for (std::uint64_t seq = 1; seq <= 500; ++seq)
    REQUIRE(b->put_block(ticks, tick_block({1, seq}, 1), {1, seq}));
  REQUIRE(b->put_block(ticks, tick_block({2, 501}, 1), {2, 501}));
  REQUIRE(b->put_block(ticks, tick_block({2, 512}, 1), {2, 502}));
  server.thaw();
  REQUIRE(b->flush(soon));
  CHECK(length(server, ticks) < 20);
  CHECK(is_dense(pull_to(**b->open_reader(ticks, {}, top::durable, {}), 512), 1));
  auto r = *b->open_reader(bars, {}, top::durable, {});
  auto blocks = pull_to(*r, 501);
  CHECK(blocks.back()->epoch == 2);
  blocks.pop_back();
  CHECK(are_outputs(blocks, 1, 500));
  CHECK(length(server, bars) < 20);
}

TEST_CASE("dead letters have their own count") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer("md:deadletter", 2);
  CHECK(w->append(derived_record({1, 50}, 0, "a"), 1, {}) == record::position{2, 1});
  CHECK(w->append(derived_record({1, 20}, 0, "b"), 1, {}) == record::position{2, 2});
  auto r = *b->open_reader("md:deadletter", {2, 1}, top::durable, {});
  const auto records = records_of(pull_to(*r, 2));
  REQUIRE(records.size() == 1);
  CHECK(records[0].body == "b");
  w.reset();
  w = *b->open_writer("md:deadletter", 3);
  CHECK(w->next() == record::position{3, 3});
}

TEST_CASE("a new bridge goes on where the stream ends") {
  redis_server server;
  {
    auto b = open_with_leases(server, quick_options(server));
    auto w = *b->open_writer(bars, 1);
    REQUIRE(w->append(outputs_of(1, 20), count_of(1, 20), {}));
    put_ticks(*b, 1, 20, 3);
    b->stop();  // waits for what was appended
    CHECK(b->stream_tops(bars)->durable == record::position{1, 20});
  }
  auto b = open_with_leases(server, quick_options(server));
  CHECK(b->last_epoch() == 1);
  CHECK(b->streams() == std::vector<std::string>{bars, ticks});
  auto w = *b->open_writer(bars, 1);
  CHECK(w->append(outputs_of(20, 20), 1, {}).error().code == errc::bad_input);
  REQUIRE(w->append(outputs_of(21, 30), count_of(21, 30), {}));
  put_ticks(*b, 21, 30, 3);
  auto r = *b->open_reader(bars, {}, top::durable, {});
  CHECK(are_outputs(pull_to(*r, 30), 1, 30));
  CHECK(has_ticks(*b, 30));
  const auto dense = *b->open_writer("md:ticks:1", 5);
  CHECK(b->last_epoch() == 5);
}

TEST_CASE("a reader reads ahead within its bound, and all in the end; others are not held up") {
  redis_server server;
  auto o = quick_options(server);
  o.read_bytes = 10'000;
  o.compress = false;
  auto b = open_with_leases(server, o);
  auto slow = *b->open_reader(ticks, {}, top::durable, {});
  auto quick = *b->open_reader(ticks, {}, top::durable, {});
  put_ticks(*b, 1, 20'000, 100);
  CHECK(are_ticks(pull_to(*quick, 20'000), 1, 20'000));
  CHECK(eventually([&] { return slow->lag() == 20'000; }, 30s));
  CHECK(eventually([&] { return quick->lag() == 0; }, 30s));
  CHECK(are_ticks(pull_to(*slow, 20'000, 1), 1, 20'000));
}

TEST_CASE("readers come and go while others wait, without waiting for them") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  put_ticks(*b, 1, 10);
  REQUIRE(b->flush(soon));
  auto idle = *b->open_reader("md:features", {}, top::durable, {});
  auto idle_consumer = *b->open_consumer("md:features", {}, "store");
  const auto begin = std::chrono::steady_clock::now();
  constexpr int times = 60;
  for (int i = 0; i < times; ++i) {
    auto r = *b->open_reader(ticks, {}, top::durable, {});
    CHECK(are_ticks(pull_to(*r, 10), 1, 10));
  }
  // Each would wait for half of a blocking read's 250 ms.
  CHECK(std::chrono::steady_clock::now() - begin < times * 60ms);
}

TEST_CASE("a consumer is taken over: the database's position decides, nothing is missed") {
  redis_server server;
  auto one = open_with_leases(server, quick_options(server));
  auto two = open_or_fail(quick_options(server, "two"));
  auto w = *one->open_writer(bars, 1);
  auto first = *one->open_consumer(bars, {}, "store");
  write_bars(*one, *w, 1, 20);
  REQUIRE(!pull_to(*first, 20).empty());
  one->passed(bars, "store", {1, 8});
  CHECK(eventually(
      [&] {
        return server.cli({"XPENDING", bars, "store"}).starts_with("12\n1-9\n1-20");
      },
      30s));
  // Two takes over; the database had got to 10.
  auto second = *two->open_consumer(bars, {1, 10}, "store");
  CHECK(are_outputs(pull_to(*second, 20), 11, 20));
  CHECK(server.cli({"XPENDING", bars, "store"}) == "10\n1-11\n1-20\ntwo\n10");
  // The first does not know yet, and reads on: the second misses nothing.
  write_bars(*one, *w, 21, 120);
  CHECK(are_outputs(pull_to(*second, 120), 21, 120));
  first.reset();
  two->passed(bars, "store", {1, 120});
  write_bars(*one, *w, 121, 125);
  CHECK(are_outputs(pull_to(*second, 125), 121, 125));
  // Behind a crash of both: from where the database is.
  second.reset();
  auto third = *one->open_consumer(bars, {1, 60}, "store");
  const auto rest = pull_to(*third, 125);
  CHECK(rest.back()->last() == record::position{1, 125});
}

TEST_CASE("a consumer that is opened twice: the first ends") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto first = *b->open_consumer(bars, {}, "store");
  auto second = *b->open_consumer(bars, {}, "store");
  CHECK(first->pull(1).error().code == errc::conflict);
  auto w = *b->open_writer(bars, 1);
  write_bars(*b, *w, 1, 3);
  CHECK(are_outputs(pull_to(*second, 3), 1, 3));
}

TEST_CASE("trimming passes no consumer and no cursor, and leaves what nobody has asked about") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 1);
  auto consumer = *b->open_consumer(bars, {}, "store");
  write_bars(*b, *w, 1, 100);
  put_ticks(*b, 1, 100);
  REQUIRE(b->flush(soon));
  const auto unasked = length(server, ticks);
  REQUIRE(!pull_to(*consumer, 100).empty());
  CHECK(length(server, bars) == 100);

  b->passed(bars, "store", {1, 60});
  CHECK(eventually([&] { return length(server, bars) == 40; }, 30s));
  // A cursor holds it, too. Who has to begin further back than it said says so.
  const auto cursor = [&] {
    return server.cli({"HGET", "artham:cursors:md:bars:final.1m", "builders"});
  };
  b->passed(bars, "builders", {1, 85});
  b->passed(bars, "builders", {1, 70});
  CHECK(eventually([&] { return cursor() == "1-70"; }, 30s));
  b->passed(bars, "store", {1, 90});
  CHECK(eventually([&] { return length(server, bars) == 31; }, 30s));
  auto r = *b->open_reader(bars, {1, 70}, top::durable, {});
  CHECK(are_outputs(pull_to(*r, 100), 71, 100));
  // All is passed: the last entry stays.
  b->passed(bars, "builders", {1, 5000});
  b->passed(bars, "store", {1, 5000});
  CHECK(eventually([&] { return length(server, bars) == 1; }, 30s));
  write_bars(*b, *w, 101, 110);
  CHECK(are_outputs(pull_to(*consumer, 110), 101, 110));
  CHECK(length(server, ticks) == unasked);
  // Opened as a consumer, it needs its cursor no longer.
  auto builders = *b->open_consumer(bars, {1, 105}, "builders");
  CHECK(are_outputs(pull_to(*builders, 110), 106, 110));
  CHECK(server.cli({"HLEN", "artham:cursors:md:bars:final.1m"}) == "0");
}

TEST_CASE("what everybody has passed is kept for a while") {
  redis_server server;
  auto o = quick_options(server);
  o.keep = 1500 * market::millisecond;
  auto b = open_with_leases(server, o);
  auto w = *b->open_writer(bars, 1);
  auto consumer = *b->open_consumer(bars, {}, "store");
  write_bars(*b, *w, 1, 100);
  REQUIRE(!pull_to(*consumer, 100).empty());
  const auto begun = std::chrono::steady_clock::now();
  b->passed(bars, "store", {1, 100});
  CHECK(eventually([&] { return length(server, bars) == 1; }, 30s));
  CHECK(std::chrono::steady_clock::now() - begun > 1s);
}

TEST_CASE("a consumer that lost its line still holds what it has not passed") {
  redis_server server;
  auto b = open_with_leases(server, quick_options(server));
  auto w = *b->open_writer(bars, 1);
  auto consumer = *b->open_consumer(bars, {}, "store");
  write_bars(*b, *w, 1, 50);
  REQUIRE(!pull_to(*consumer, 50).empty());
  server.kill();
  server.start();
  write_bars(*b, *w, 51, 60);
  CHECK(are_outputs(pull_to(*consumer, 60), 51, 60));
  b->passed(bars, "store", {1, 10});
  CHECK(eventually([&] { return length(server, bars) == 50; }, 30s));
  auto r = *b->open_reader(bars, {1, 10}, top::durable, {});
  CHECK(are_outputs(pull_to(*r, 60), 11, 60));
}

TEST_CASE("too much memory: the longest stream is trimmed all the same, and the alarm rings") {
  redis_server server;
  health_log health;
  runtime::metrics metrics;
  auto o = quick_options(server);
  o.on_health = health.callback();
  o.metrics = &metrics;
  o.max_bytes = 1;
  auto b = open_with_leases(server, o);
  auto consumer = *b->open_consumer(ticks, {}, "store");
  for (std::uint64_t seq = 1; seq <= 200; ++seq) {
    put_ticks(*b, seq, seq);
    REQUIRE(b->flush(soon));
  }
  CHECK(health.wait(errc::full));
  CHECK(health.last().find("bridge.redis.max_bytes") != std::string::npos);
  CHECK(eventually([&] { return length(server, ticks) < 100; }, 30s));
  CHECK(metrics.counter("artham_redis_forced_trims_total", "").value() > 0);
  CHECK(metrics.gauge("artham_redis_memory_alarm", "").value() == 1);
  CHECK(b->is_up());
  CHECK(b->status().suffers);
  CHECK(b->status().used_memory > 0);
  CHECK(eventually([&] { return length(server, ticks) == 1; }, 30s));
  // A reader of what is gone is told so.
  auto r = *b->open_reader(ticks, {1, 5}, top::durable, {});
  const auto blocks = pull_to(*r, 200);
  CHECK(is_dense(blocks, 6));
  CHECK(blocks.front()->damaged);
}

}  // namespace artham::test
