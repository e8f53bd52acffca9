#include <doctest/doctest.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/tcp_proxy.hpp"

// What becomes of entries when Redis or the line to it fails: each is there once, or its writer is
// told.
namespace artham::test {
namespace {

using bridge::top;
using namespace std::chrono_literals;

constexpr auto ticks = "md:ticks";
constexpr auto bars = "md:bars:final.1m";
constexpr auto soon = 30 * market::second;

/// Writes ticks and what follows from them, and follows both, from the beginning.
struct world {
  redis_server server;
  health_log health;
  runtime::metrics metrics;
  std::unique_ptr<bridge::redis::redis_bridge> bridge;
  std::unique_ptr<bridge::writer> writer;
  std::unique_ptr<bridge::reader> reader;
  std::unique_ptr<bridge::reader> consumer;
  std::uint64_t last = 0;

  world() : world([](bridge::redis::options&) {}) {}
  explicit world(const std::function<void(bridge::redis::options&)>& change) {
    auto o = options_for(server);
    o.on_health = health.callback();
    o.metrics = &metrics;
    change(o);
    bridge = open_with_leases(server, o);
    writer = *bridge->open_writer(bars, 1);
    reader = *bridge->open_reader(ticks, {}, top::durable, {});
    consumer = *bridge->open_consumer(bars, {}, "store");
  }
  void write(std::uint64_t upto) {
    put_ticks(*bridge, last + 1, upto);
    for (auto seq = last + 1; seq <= upto; ++seq)
      REQUIRE(writer->append(outputs_of(seq, seq), 1 + seq % 3, {}));
    last = upto;
  }
  /// Everything arrives, and lies in Redis once.
  void check() {
    const auto flushed = bridge->flush(soon);
    REQUIRE_MESSAGE(flushed, flushed.error().message);
    CHECK(are_ticks(pull_to(*reader, last), 1, last));
    CHECK(are_outputs(pull_to(*consumer, last), 1, last));
    CHECK(has_ticks(*bridge, last));
    auto again = *bridge->open_reader(bars, {}, top::durable, {});
    CHECK(are_outputs(pull_to(*again, last), 1, last));
  }
};

/// A world whose line goes through a proxy.
struct far_world {
  redis_server server;
  tcp_proxy line{server.port()};
  health_log health;
  std::unique_ptr<bridge::redis::redis_bridge> bridge;
  std::unique_ptr<bridge::reader> reader;

  far_world() : far_world(300 * market::millisecond) {}
  explicit far_world(market::duration timeout) {
    auto o = options_for(server);
    o.server.socket.clear();
    o.server.port = line.port();
    o.server.timeout = timeout;
    o.on_health = health.callback();
    bridge = open_with_leases(server, o);
    reader = *bridge->open_reader(ticks, {}, top::durable, {});
  }
  void check(std::uint64_t last) {
    const auto flushed = bridge->flush(soon);
    REQUIRE_MESSAGE(flushed, flushed.error().message);
    CHECK(are_ticks(pull_to(*reader, last), 1, last));
    CHECK(has_ticks(*bridge, last));
  }
};

/// Until an append of the next cause tells that the writer is broken.
bool broke(bridge::writer& w, std::uint64_t cause) {
  return eventually(
      [&] {
        const auto ok = w.append(outputs_of(cause, cause), count_of(cause, cause), {});
        ++cause;
        return !ok && ok.error().code == errc::conflict;
      },
      30s);
}

}  // namespace

TEST_CASE("killed in mid-stream and started again, three times") {
  world w;
  for (int i = 0; i < 3; ++i) {
    w.write(w.last + 300);
    w.server.kill();
    w.write(w.last + 300);
    CHECK(w.health.wait(errc::unavailable));
    CHECK(!w.bridge->is_up());
    CHECK(!w.bridge->status().is_up);
    w.server.start();
    w.write(w.last + 300);
  }
  w.check();
  CHECK(w.health.wait(std::nullopt));
  CHECK(w.bridge->is_up());
}

TEST_CASE("killed while a thread writes without pause") {
  world w;
  std::atomic<bool> enough{false};
  auto& queue = w.metrics.gauge("artham_redis_queue_bytes", "");
  std::thread writer([&] {
    while (!enough) {
      w.write(w.last + 10);
      static_cast<void>(eventually([&] { return queue.value() < 20'000; }, 30s));
    }
  });
  for (int i = 0; i < 5; ++i) {
    const auto before = w.metrics.counter("artham_redis_entries_total", "").value();
    CHECK(eventually(
        [&] { return w.metrics.counter("artham_redis_entries_total", "").value() > before + 200; },
        30s));
    w.server.kill();
    w.server.start();
  }
  enough = true;
  writer.join();
  w.check();
}

TEST_CASE("frozen: the time is noticed, and what was sent twice is there once") {
  world w;
  w.write(100);
  w.server.freeze();
  w.write(400);
  CHECK(w.health.wait(errc::unavailable));
  // Calls that wait say so in time.
  CHECK(w.bridge->stream_tops(ticks).error().code == errc::unavailable);
  CHECK(w.bridge->flush(market::millisecond).error().code == errc::unavailable);
  w.write(500);
  w.server.thaw();
  w.check();
  CHECK(w.health.wait(std::nullopt));
}

TEST_CASE("a server that forgot its scripts is taught them again") {
  world w;
  w.write(50);
  REQUIRE(w.bridge->flush(soon));
  w.server.cli({"SCRIPT", "FLUSH"});
  w.write(200);
  w.check();
}

TEST_CASE("emptied: writers are refused, and ticks start afresh") {
  world w;
  w.write(100);
  REQUIRE(w.bridge->flush(soon));
  REQUIRE(!pull_to(*w.consumer, 100).empty());
  SUBCASE("all, the fences too") {
    w.server.cli({"FLUSHALL"});
    REQUIRE(w.bridge->put_block(ticks, tick_block({1, 101}, 1), {1, 101}));
    const auto refused = w.bridge->flush(soon);
    CHECK(refused.error().code == errc::conflict);
    CHECK(refused.error().message.find("fence none") != std::string::npos);
    mint(w.server, "ingest", 1);
    mint(w.server, "bars:0", 1);
  }
  SUBCASE("the stream only") {
    w.server.cli({"DEL", ticks, bars});
    REQUIRE(w.bridge->put_block(ticks, tick_block({1, 101}, 1), {1, 101}));
    CHECK(w.bridge->flush(soon).error().message.find("EMPTIED") != std::string::npos);
  }
  // Once only; then from wherever the stream ends.
  CHECK(w.bridge->stream_tops(ticks)->appended == record::position{});
  put_ticks(*w.bridge, 50, 150, 10);
  REQUIRE(w.bridge->flush(soon));
  REQUIRE(w.writer->append(outputs_of(101, 101), count_of(101, 101), {}));
  CHECK(broke(*w.writer, 102));
  w.writer.reset();
  w.writer = *w.bridge->open_writer(bars, 1);
  CHECK(w.writer->next() == record::position{1, 1});
  REQUIRE(w.writer->append(outputs_of(1, 150), count_of(1, 150), {}));
  // Readers go on behind what they had.
  CHECK(are_ticks(pull_to(*w.reader, 150), 1, 150));
  CHECK(are_outputs(pull_to(*w.consumer, 150), 101, 150));
  auto fresh = *w.bridge->open_reader(ticks, {}, top::durable, {});
  CHECK(are_ticks(pull_to(*fresh, 150), 50, 150));
}

TEST_CASE("a server that lost the end of its file: the writer is told, and goes on from there") {
  world w;
  for (std::uint64_t seq = 1; seq <= 100; ++seq) {
    put_ticks(*w.bridge, seq, seq);
    REQUIRE(w.bridge->flush(soon));
  }
  w.server.kill();
  w.server.cut_append_only_file(400);
  w.server.start();
  const auto cut_at = w.bridge->stream_tops(ticks)->durable;
  CHECK(cut_at.seq < 100);
  CHECK(cut_at.seq > 50);
  // What the hash of ends says is what the stream holds.
  CHECK(w.server.cli({"XREVRANGE", ticks, "+", "-", "COUNT", "1"})
            .starts_with("1-" + std::to_string(cut_at.seq)));
  REQUIRE(w.bridge->put_block(ticks, tick_block({1, 101}, 1), {1, 101}));
  const auto refused = w.bridge->flush(soon);
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().message.find("1-" + std::to_string(cut_at.seq)) != std::string::npos);
  put_ticks(*w.bridge, cut_at.seq + 1, 200);
  REQUIRE(w.bridge->flush(soon));
  CHECK(has_ticks(*w.bridge, 200));
}

TEST_CASE("out of memory: nothing is lost, the queue fills, and it goes on") {
  world w([](bridge::redis::options& o) {
    o.queue_bytes = 200'000;
    o.compress = false;
  });
  w.write(100);
  REQUIRE(w.bridge->flush(soon));
  w.server.set("maxmemory", "1");
  put_ticks(*w.bridge, 101, 600);
  CHECK(w.health.wait(errc::full));
  CHECK(w.health.last().find("maxmemory") != std::string::npos);
  auto seq = std::uint64_t{601};
  result<void> put;
  while ((put = w.bridge->put_block(ticks, tick_block({1, seq}, 10), {1, seq}))) seq += 10;
  CHECK(put.error().code == errc::full);
  events room;
  w.bridge->when_room(room.once());
  CHECK(room.count() == 0);
  w.server.set("maxmemory", "0");
  CHECK(room.wait());
  REQUIRE(w.bridge->flush(soon));
  CHECK(w.health.wait(std::nullopt));
  CHECK(are_ticks(pull_to(*w.reader, seq - 1), 1, seq - 1));
  CHECK(has_ticks(*w.bridge, seq - 1));
}

TEST_CASE("who is not let in is told the way out, without the password") {
  redis_server server({.password = "known-to-tests", .config = {}});
  auto o = options_for(server);
  auto opened = bridge::redis::open(o);
  CHECK(opened.error().code == errc::refused);
  CHECK(opened.error().message.find("bridge.redis.password") != std::string::npos);
  o.server.password = runtime::secret("wrong-to-tests");
  opened = bridge::redis::open(o);
  CHECK(opened.error().code == errc::refused);
  CHECK(opened.error().message.find("wrong-to-tests") == std::string::npos);
  o.server.password = runtime::secret("known-to-tests");
  CHECK(bridge::redis::open(o));
  server.cli({"ACL", "SETUSER", "node", "on", ">its-own", "~*", "+@all", "-eval", "-evalsha"});
  o.server.user = "node";
  o.server.password = runtime::secret("its-own");
  auto limited = bridge::redis::open(o);
  REQUIRE(limited);
  CHECK((*limited)->stream_tops(ticks).error().code == errc::refused);
  o.server.socket = "/nowhere/redis.sock";
  CHECK(bridge::redis::open(o).error().code == errc::unavailable);
}

TEST_CASE("a server that would evict is refused, with the remedy") {
  redis_server server({.password = {}, .config = "maxmemory-policy allkeys-lru"});
  const auto opened = bridge::redis::open(options_for(server));
  CHECK(opened.error().code == errc::refused);
  CHECK(opened.error().message.find("noeviction") != std::string::npos);
}

TEST_CASE("cut in the middle of commands and of answers") {
  far_world w;
  std::uint64_t last = 0;
  for (const auto direction : {tcp_proxy::way::to_server, tcp_proxy::way::to_client}) {
    for (std::size_t bytes = 1; bytes < 20'000; bytes = bytes * 3 + 7) {
      w.line.cut_after(direction, bytes);
      put_ticks(*w.bridge, last + 1, last + 100);
      last += 100;
    }
  }
  w.line.cut();
  put_ticks(*w.bridge, last + 1, last + 100);
  w.check(last + 100);
}

TEST_CASE("a line that goes silent, in either direction or both, and comes back") {
  for (const auto direction :
       {tcp_proxy::way::to_server, tcp_proxy::way::to_client, tcp_proxy::way::both}) {
    far_world w;
    put_ticks(*w.bridge, 1, 100);
    REQUIRE(w.bridge->flush(soon));
    w.line.hold(direction);
    put_ticks(*w.bridge, 101, 300);
    CHECK(w.health.wait(errc::unavailable));
    put_ticks(*w.bridge, 301, 400);
    w.line.release();
    w.check(400);
    CHECK(w.health.wait(std::nullopt));
  }
}

TEST_CASE("what an old connection carried comes late, behind what was sent again") {
  far_world w;
  put_ticks(*w.bridge, 1, 100);
  REQUIRE(w.bridge->flush(soon));
  w.line.hold_present(tcp_proxy::way::to_server);
  put_ticks(*w.bridge, 101, 300);
  REQUIRE(w.bridge->flush(soon));  // by a new connection
  w.line.release();
  put_ticks(*w.bridge, 301, 400);
  w.check(400);
  CHECK(w.server.cli({"XLEN", ticks}) != "0");
}

TEST_CASE("what an old connection carried comes between the look at the end and the sending") {
  far_world w(market::second);
  put_ticks(*w.bridge, 1, 100);
  REQUIRE(w.bridge->flush(soon));
  // Both have evaluated a script last: the new one the look at the end.
  const auto has_looked = [&] {
    std::istringstream clients(w.server.cli({"CLIENT", "LIST"}));
    int writing = 0;
    for (std::string line; std::getline(clients, line);) {
      if (line.find("name=artham-write ") != std::string::npos &&
          line.find("cmd=evalsha ") != std::string::npos)
        ++writing;
    }
    return writing == 2;
  };
  w.line.hold_present(tcp_proxy::way::to_server);
  w.line.delay(100ms);
  put_ticks(*w.bridge, 101, 300);
  CHECK(eventually(has_looked, 30s));
  w.line.release();
  put_ticks(*w.bridge, 301, 400);
  w.line.delay(0ms);
  w.check(400);
}

TEST_CASE("a slow line: many entries are under way at once") {
  far_world w;
  w.line.delay(20ms);
  put_ticks(*w.bridge, 1, 2000);
  // One at a time they would take 80 s.
  REQUIRE(w.bridge->flush(soon));
  w.check(2000);
}

TEST_CASE("a bridge whose server is away stops in time, and readers do not hold their owners up") {
  world w;
  w.write(10);
  REQUIRE(w.bridge->flush(soon));
  w.server.kill();
  w.write(20);
  w.reader.reset();
  w.consumer.reset();
  w.bridge->stop();
  CHECK(w.writer->append(outputs_of(21, 21), count_of(21, 21), {}).error().code ==
        errc::unavailable);
  CHECK(w.bridge->put_block(ticks, tick_block({1, 21}, 1), {1, 21}).error().code ==
        errc::unavailable);
}

}  // namespace artham::test
