#include <caf/typed_event_based_actor.hpp>
#include <numeric>

#include "messages/caf_compat.hpp"
#include "tests/actors/store_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using test::store_world;

TEST_CASE("actors that share a stream store each tick once, though their number changes") {
  store_world w;
  for (const std::uint32_t n : {3U, 1U, 8U, 2U, 5U}) {
    CAPTURE(n);
    w.append(200);
    w.append_gap();
    w.append(47);
    w.spawn_shared(n, 20);
    // One transaction each, and of the last actor none: the shards are left at different places.
    w.system.run();
    w.worker.run();
    w.system.run();
    caf::anon_send_exit(w.stores.back(), caf::exit_reason::user_shutdown);
    w.system.run();
    w.worker.run();
    w.stop();
    CHECK(w.db.ticks.size() < w.appended);
  }
  w.spawn_shared(4, 64);
  w.run();
  CHECK(w.all_stored_once());
  CHECK(w.db.strange == 0);
  CHECK(w.db.marks.size() == w.gaps);
  CHECK(std::ranges::all_of(w.db.marks, [](const auto& m) { return m.second == 1; }));
  CHECK(w.db.positions.size() == store::tick_shards);
}

TEST_CASE("without shards one actor stores all of a stream") {
  store_world w;
  w.append(100);
  w.append_gap();
  w.spawn(w.config());
  w.run();
  CHECK(w.all_stored_once());
  CHECK(w.db.marks.size() == 1);
  CHECK(w.db.positions.size() == 1);
  CHECK(w.metric("artham_store_lag") == 0);
}

TEST_CASE("a small transaction waits for more, no longer than linger after its first record") {
  store_world w;
  auto c = w.config();
  c.linger = 200ms;
  c.batch = 100;
  w.spawn(c);
  w.append(10);
  w.advance(150ms);
  w.append(10);
  w.advance(49ms);
  CHECK(w.db.sizes.empty());
  CHECK(w.metric("artham_store_lag") == 20);
  w.advance(1ms);
  CHECK(w.db.sizes == std::vector<std::size_t>{20});
  CHECK(w.metric("artham_store_lag") == 0);
  // The time of the one before is not that of the next.
  w.append(10);
  w.advance(199ms);
  CHECK(w.db.sizes.size() == 1);
  w.advance(1ms);
  CHECK(w.db.sizes == std::vector<std::size_t>{20, 10});
  // Nor when that one went because it was full.
  w.append(100);
  w.advance(100ms);
  w.append(10);
  w.advance(199ms);
  CHECK(w.db.sizes == std::vector<std::size_t>{20, 10, 100});
  w.advance(1ms);
  CHECK(w.db.sizes == std::vector<std::size_t>{20, 10, 100, 10});
}

TEST_CASE("a full transaction does not wait, and one that has waited goes when the store is free") {
  store_world w;
  auto c = w.config();
  c.linger = 200ms;
  c.batch = 100;
  w.append(250);
  w.spawn(c);
  w.run();
  CHECK(w.db.sizes == std::vector<std::size_t>{100, 100});
  // The writer's thread is busy with the rest while more comes.
  w.system.advance(200ms);
  w.append(10);
  w.system.advance(300ms);
  CHECK(w.db.sizes.size() == 2);
  w.run();
  CHECK(w.db.sizes == std::vector<std::size_t>{100, 100, 50, 10});
  CHECK(w.all_stored_once());
}

TEST_CASE("without linger what is there goes at once") {
  store_world w;
  w.spawn(w.config());
  w.append(3);
  w.run();
  w.append(4);
  w.run();
  CHECK(w.db.sizes == std::vector<std::size_t>{3, 4});
}

TEST_CASE("rows that the database refuses are counted and told, and the others go on") {
  store_world w;
  w.spawn(w.config());
  w.append(10);
  w.run();
  CHECK(w.metric("artham_store_refused_rows_total") == 0);
  CHECK(w.board->entries().empty());
  w.db.refuses = {3, "price out of range"};
  w.append(10);
  w.run();
  w.db.refuses = {};
  w.append(10);
  w.run();
  CHECK(w.metric("artham_store_refused_rows_total") == 3);
  CHECK(w.metric("artham_store_rows_total") == 27);
  REQUIRE(w.board->entries().contains("md:ticks"));
  CHECK(w.board->entries().at("md:ticks").refused == 3);
  CHECK(w.board->entries().at("md:ticks").refusal == "price out of range");
  CHECK(w.board->entries().at("md:ticks").why.empty());
}

TEST_CASE("a store that is away at the start is asked less and less often until it answers") {
  store_world w;
  const std::string why = "postgresql://db.example: no connection";
  w.db.failure = error{errc::unavailable, why};
  w.append(10);
  w.spawn(w.config());
  std::vector<int> times;
  for (int ms = 0; ms <= 17'000; ms += 100) {
    const auto before = w.db.asked;
    w.run();
    w.advance(ms == 0 ? 0ms : 100ms);
    if (w.db.asked != before) times.push_back(ms);
  }
  CHECK(times == std::vector<int>{0, 200, 600, 1400, 3000, 6200, 11'200, 16'200});
  CHECK(w.metric("artham_store_waiting") == 1);
  REQUIRE(w.board->entries().contains("md:ticks"));
  CHECK(w.board->entries().at("md:ticks").why == why);
  CHECK(w.board->entries().at("md:ticks").since > 0);

  w.db.failure.reset();
  w.advance(5s);
  CHECK(w.all_stored_once());
  CHECK(w.metric("artham_store_waiting") == 0);
  CHECK(w.board->entries().empty());
}

TEST_CASE("while the store is away no more than two transactions are held, and none is lost") {
  store_world w;
  auto c = w.config();
  c.batch = 100;
  std::size_t made = 0;
  c.make_rows = [&made, make = c.make_rows](std::span<const record::block_ptr> blocks,
                                            const actors::owned_shards& after) {
    auto rows = make(blocks, after);
    made += rows->ticks.size();
    return rows;
  };
  w.append(50);
  w.spawn(c);
  w.run();
  CHECK(w.all_stored_once());
  made = 0;
  w.db.failure = error{errc::unavailable, "no connection"};
  for (int i = 0; i < 20; ++i) {
    w.append(200);
    w.advance(100ms);
  }
  w.advance(5s);
  CHECK(made == 200);
  CHECK(w.metric("artham_store_lag") == 4000);
  CHECK(w.metric("artham_store_waiting") == 1);
  w.db.failure.reset();
  w.advance(5s);
  CHECK(w.all_stored_once());
  CHECK(w.metric("artham_store_lag") == 0);
  CHECK(w.metric("artham_store_waiting") == 0);
  // A trouble that is over does not make the next one wait longer.
  w.db.failure = error{errc::unavailable, "no connection"};
  w.append(10);
  w.advance(100ms);
  w.db.failure.reset();
  w.advance(200ms);
  CHECK(w.all_stored_once());
}

TEST_CASE("an actor that has ended asks the store for nothing more") {
  store_world w;
  w.append(10);
  w.spawn(w.config());
  w.system.run();
  caf::anon_send_exit(w.stores.front(), caf::exit_reason::user_shutdown);
  w.system.run();
  w.run();
  CHECK(w.db.asked == 0);
}

TEST_CASE("a reason that many wait for is news once, and so is its end") {
  actors::store_board board;
  CHECK(board.waits("a", "no connection"));
  CHECK_FALSE(board.waits("b", "no connection"));
  CHECK_FALSE(board.waits("a", "no connection"));
  CHECK(board.waits("b", "starting up"));
  CHECK_FALSE(board.goes_on("a"));
  CHECK_FALSE(board.goes_on("a"));
  CHECK(board.goes_on("b"));
  CHECK(board.waits("a", "no connection"));
}

TEST_CASE("an actor whose positions somebody else has moved ends, and stores nothing") {
  store_world w;
  w.spawn(w.config());
  w.append(10);
  w.run();
  w.db.positions.begin()->second = {1, 7};
  caf::error reason;
  w.system.self->monitor(w.stores.front());
  w.append(10);
  w.run();
  w.system.self->receive([&](const caf::down_msg& m) { reason = m.reason; },
                         caf::after(0ms) >> [] {});
  CHECK(messages::is_crash(reason));
  CHECK(messages::error_text(reason).find("somebody else has stored") != std::string::npos);
  CHECK(w.db.ticks.size() == 10);
}
