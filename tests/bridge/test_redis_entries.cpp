#include <doctest/doctest.h>

#include "bridge/redis/connection.hpp"
#include "bridge/redis/entry_codec.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"

// What entries hold, and what becomes of those that are not as they should be.
namespace artham::test {
namespace {

using bridge::top;
namespace redis = bridge::redis;

constexpr auto ticks = "md:ticks";
constexpr auto bars = "md:bars:final.1m";
constexpr auto soon = 30 * market::second;

using entry_text = std::vector<std::string>;

/// A server, a bridge that writes, and a connection to meddle with.
struct world {
  redis_server server;
  runtime::metrics metrics;
  std::unique_ptr<redis::redis_bridge> bridge;
  std::unique_ptr<redis::connection> hands;

  explicit world(redis::encoding how = redis::encoding::packed) {
    auto o = options_for(server);
    o.metrics = &metrics;
    o.encoding = how;
    o.linger = 0;
    bridge = open_with_leases(server, o);
    auto c = redis::connection::open(o.server, "hands");
    REQUIRE(c);
    hands = std::move(*c);
  }
  redis::reply ask(const std::vector<std::string>& command) {
    const std::vector<std::string_view> args(command.begin(), command.end());
    auto r = hands->command(redis::connection::args(args));
    REQUIRE_MESSAGE(r, r.error().message);
    return std::move(*r);
  }
  /// The fields of all entries, each with its ID in front.
  std::vector<entry_text> entries(const std::string& stream) {
    const auto r = ask({"XRANGE", stream, "-", "+"});
    std::vector<entry_text> all;
    for (std::size_t i = 0; i < r.size(); ++i) {
      all.push_back({std::string(r[i][0].text())});
      for (std::size_t f = 0; f < r[i][1].size(); ++f) all.back().emplace_back(r[i][1][f].text());
    }
    return all;
  }
  void add(const std::string& stream, const entry_text& entry) {
    std::vector<std::string> command{"XADD", stream};
    command.insert(command.end(), entry.begin(), entry.end());
    static_cast<void>(ask(command));
  }
  /// Adds all of md:ticks to md:ticks:1, one of them changed.
  void copy(std::size_t changed, const std::function<void(entry_text&)>& change) {
    auto all = entries(ticks);
    change(all[changed]);
    for (const auto& e : all) add("md:ticks:1", e);
  }
  std::uint64_t refused(const std::string& stream) {
    return metrics.counter("artham_redis_refused_entries_total", "", {{"stream", stream}}).value();
  }
};

/// Three entries of ten ticks.
void write_three(world& w) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    put_ticks(*w.bridge, 10 * i + 1, 10 * i + 10, 10);
    REQUIRE(w.bridge->flush(soon));
  }
  REQUIRE(w.entries(ticks).size() == 3);
}

}  // namespace

TEST_CASE("a packed entry: few fields, the ID of its last position, smaller than its records") {
  world w;
  write_three(w);
  const auto e = w.entries(ticks)[1];
  REQUIRE(e.size() == 13);
  CHECK(e[0] == "1-20");
  CHECK(entry_text(e.begin() + 1, e.begin() + 9) ==
        entry_text{"v", "1", "f", "1-11", "n", "10", "c", "zstd"});
  CHECK(e[9] == "x");
  CHECK(e[10].size() == 16);
  CHECK(e[11] == "p");
  CHECK(e[12].size() < tick_block({1, 11}, 10)->payload.size() / 2);
  CHECK(w.server.cli({"HGET", "artham:tops", ticks}) == "1-30");
}

TEST_CASE("spelled out: an entry a record, with what it says") {
  world w(redis::encoding::fields);
  auto block = std::make_shared<record::block>();
  block->epoch = 3;
  block->first_seq = 5;
  block->payload = frame_record({8, 9}, 42) + clock_record(open_time + 7);
  block->count = 3;
  REQUIRE(w.bridge->put_block(ticks, block, {3, 4}));
  REQUIRE(w.bridge->flush(soon));
  const auto all = w.entries(ticks);
  REQUIRE(all.size() == 2);
  CHECK(all[0][0] == "3-6");
  CHECK(all[0][4] == "3-4");  // what is before it is elsewhere
  CHECK(all[1][0] == "3-7");
  CHECK(all[1][4] == "3-7");
  CHECK(entry_text(all[0].begin() + 11, all[0].end()) ==
        entry_text{"kind", "kite_frame", "count", "2", "flags", "0", "receive",
                   std::to_string(open_time), "wall", std::to_string(open_time), "tokens", "8 9",
                   "body", frame({8, 9}, 42)});
  CHECK(all[1][12] == "mark");
  auto r = *w.bridge->open_reader(ticks, {}, top::durable, {});
  const auto blocks = pull_to(*r, 7);
  CHECK(is_dense(blocks, 4));
  CHECK(blocks.back()->marks.at(0).time == open_time + 7);

  auto writer = *w.bridge->open_writer(bars, 3);
  REQUIRE(writer->append(outputs_of(1, 5), count_of(1, 5), {}));
  auto derived = *w.bridge->open_reader(bars, {}, top::durable, {});
  CHECK(are_outputs(pull_to(*derived, 5), 1, 5));
  const auto outputs = w.entries(bars);
  REQUIRE(outputs.size() == 5);  // an entry a cause
  CHECK(outputs[1][0] == "1-2");
  CHECK(entry_text(outputs[1].begin() + 11, outputs[1].begin() + 23) ==
        entry_text{"kind", "dead_letter", "count", "1", "flags", "0", "cause", "1-2", "ordinal",
                   "0", "body", "2"});
  CHECK(outputs[1][23] == "kind.2");
}

TEST_CASE("records of thousands of fields do not fit a script: they are packed") {
  world w(redis::encoding::fields);
  auto writer = *w.bridge->open_writer(bars, 1);
  std::string many;
  for (std::uint32_t i = 0; i < 3000; ++i) many += derived_record({1, 1}, i, "x");
  REQUIRE(writer->append(many, 3000, {}));
  auto r = *w.bridge->open_reader(bars, {}, top::durable, {});
  CHECK(pull_to(*r, 1).front()->payload == many);
}

TEST_CASE("an entry that is damaged, or newer, is left out and named; the others are read") {
  world w;
  write_three(w);
  std::string expected;
  SUBCASE("payload") {
    w.copy(1, [](entry_text& e) { e[12][e[12].size() / 2] ^= 1; });
  }
  SUBCASE("checksum") {
    w.copy(1, [](entry_text& e) { e[10] = "0000000000000000"; });
  }
  SUBCASE("count") {
    w.copy(1, [](entry_text& e) { e[6] = "9"; });
  }
  SUBCASE("a newer version") {
    w.copy(1, [](entry_text& e) { e[2] = "2"; });
  }
  SUBCASE("another way of lying") {
    w.copy(1, [](entry_text& e) { e[8] = "lz4"; });
  }
  SUBCASE("the payload is gone") {
    w.copy(1, [](entry_text& e) { e.resize(11); });
  }
  auto r = *w.bridge->open_reader("md:ticks:1", {}, top::durable, {});
  const auto blocks = pull_to(*r, 30);
  REQUIRE(is_dense(blocks, 1));
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[1]->damaged);
  CHECK(blocks[1]->first() == record::position{1, 11});
  CHECK(blocks[1]->last() == record::position{1, 20});
  REQUIRE(blocks[1]->marks.size() == 1);
  CHECK(blocks[1]->marks[0].cause == market::gap_cause::journal_damaged);
  CHECK(blocks[1]->marks[0].position == record::position{1, 11});
  CHECK(blocks[1]->marks[0].from == open_time + 10);
  CHECK(records_of({blocks[2]}).size() == 10);
  CHECK(w.refused("md:ticks:1") == 1);
  // A reader from inside it gets the rest.
  auto inside = *w.bridge->open_reader("md:ticks:1", {1, 15}, top::durable, {});
  const auto rest = pull_to(*inside, 30);
  CHECK(rest.front()->damaged);
  CHECK(is_dense(rest, 16));
}

TEST_CASE("an entry that another program added is passed over") {
  world w;
  write_three(w);
  auto all = w.entries(ticks);
  w.add("md:ticks:1", all[0]);
  w.add("md:ticks:1", {"1-15", "temperature", "21"});
  w.add("md:ticks:1", all[1]);
  w.add("md:ticks:1", all[2]);
  w.add("md:ticks:1", {"*", "temperature", "22"});
  auto r = *w.bridge->open_reader("md:ticks:1", {}, top::durable, {});
  CHECK(are_ticks(pull_to(*r, 30), 1, 30));
  CHECK(eventually([&] { return w.refused("md:ticks:1") == 2; }, std::chrono::seconds(30)));
  // That one's ID is behind all that could be written: whoever writes is told.
  CHECK(w.bridge->open_writer("md:ticks:1", 2).error().code == errc::corrupt);
  REQUIRE(w.bridge->put_block("md:ticks:1", tick_block({1, 31}, 1), {1, 31}));
  const auto refused = w.bridge->flush(soon);
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().message.find("another program") != std::string::npos);
}

TEST_CASE("a key that is no stream: its readers and writers are told, others go on") {
  world w;
  static_cast<void>(w.ask({"SET", "md:ticks:1", "mine"}));
  auto bad = *w.bridge->open_reader("md:ticks:1", {}, top::durable, {});
  auto good = *w.bridge->open_reader(ticks, {}, top::durable, {});
  auto consumer = *w.bridge->open_consumer("md:ticks:1", {}, "store");
  events ready;
  bad->when_ready(ready.once());
  REQUIRE(ready.wait());
  const auto pulled = bad->pull(1);
  CHECK(pulled.error().code == errc::corrupt);
  CHECK(pulled.error().message.find("own database") != std::string::npos);
  consumer->when_ready(ready.once());
  REQUIRE(ready.wait());
  CHECK(consumer->pull(1).error().code == errc::corrupt);
  write_three(w);
  CHECK(are_ticks(pull_to(*good, 30), 1, 30));
  CHECK(w.bridge->open_writer("md:ticks:1", 1).error().code == errc::corrupt);
  REQUIRE(w.bridge->put_block("md:ticks:1", tick_block({1, 1}, 1), {1, 1}));
  CHECK(w.bridge->flush(soon).error().code == errc::conflict);
  // Once the key is gone, all is well.
  static_cast<void>(w.ask({"DEL", "md:ticks:1"}));
  put_ticks(*w.bridge, 1, 10, 10, "md:ticks:1");
  REQUIRE(w.bridge->flush(soon));
  CHECK(eventually(
      [&] {
        const auto now = bad->pull(100);
        return now && !now->empty();
      },
      std::chrono::seconds(30)));
}

TEST_CASE("entries that were taken out of a stream leave a damaged block") {
  world w;
  write_three(w);
  auto writer = *w.bridge->open_writer(bars, 1);
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    REQUIRE(writer->append(outputs_of(seq, seq), count_of(seq, seq), {}));
    auto r = *w.bridge->open_reader(bars, {1, seq - 1}, top::durable, {});
    REQUIRE(!pull_to(*r, seq).empty());
  }
  REQUIRE(w.entries(bars).size() == 3);
  static_cast<void>(w.ask({"XDEL", ticks, "1-20"}));
  static_cast<void>(w.ask({"XDEL", bars, "1-2"}));
  auto r = *w.bridge->open_reader(ticks, {1, 3}, top::durable, {});
  const auto blocks = pull_to(*r, 30);
  CHECK(is_dense(blocks, 4));
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[1]->damaged);
  CHECK(blocks[1]->first_seq == 11);
  auto derived = *w.bridge->open_reader(bars, {1, 1}, top::durable, {});
  const auto outputs = pull_to(*derived, 3);
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0]->damaged);
  CHECK(outputs[0]->last() == record::position{1, 2});
  CHECK(outputs[1]->payload == outputs_of(3, 3));
  // Who begins at the beginning begins where the stream does.
  static_cast<void>(w.ask({"XTRIM", ticks, "MINID", "1-25"}));
  auto late = *w.bridge->open_reader(ticks, {}, top::durable, {});
  CHECK(are_ticks(pull_to(*late, 30), 21, 30));
}

TEST_CASE("an object with another content than its name says is refused") {
  world w;
  const auto hash = *w.bridge->put_object("settings = 1\n");
  const auto r = w.ask({"HKEYS", "artham:objects"});
  static_cast<void>(w.ask({"HSET", "artham:objects", std::string(r[0].text()), "settings = 2\n"}));
  CHECK(w.bridge->get_object(hash).error().code == errc::corrupt);
}

TEST_CASE("blocks of a shard: what other shards have is elsewhere, damage stays damage") {
  world w;
  REQUIRE(w.bridge->put_block(ticks, tick_block({1, 100}, 5), {1, 1}));
  auto damaged = std::make_shared<record::block>();
  damaged->epoch = 2;
  damaged->first_seq = 120;
  damaged->count = 10;
  damaged->damaged = true;
  market::mark gap;
  gap.kind = market::mark_kind::gap;
  gap.cause = market::gap_cause::journal_damaged;
  gap.position = {2, 120};
  gap.time = gap.from = open_time;
  damaged->marks.push_back(gap);
  REQUIRE(w.bridge->put_block(ticks, damaged, {1, 105}));
  REQUIRE(w.bridge->flush(soon));
  REQUIRE(w.bridge->put_block(ticks, tick_block({2, 130}, 5), {2, 130}));
  // With entries under way a hole is refused at once, else by Redis.
  const auto hole = w.bridge->put_block(ticks, tick_block({2, 140}, 5), {2, 140});
  if (hole) {
    CHECK(w.bridge->flush(soon).error().code == errc::conflict);
  } else {
    CHECK(hole.error().code == errc::bad_input);
  }
  CHECK(w.bridge->put_block(bars, tick_block({2, 140}, 5), {2, 140}).error().code ==
        errc::bad_input);
  REQUIRE(w.bridge->flush(soon));
  auto r = *w.bridge->open_reader(ticks, {}, top::durable, {});
  const auto blocks = pull_to(*r, 134);
  CHECK(is_dense(blocks, 1));
  REQUIRE(blocks.size() == 3);
  CHECK(records_of({blocks[0]}).size() == 6);
  CHECK(records_of({blocks[0]})[0].header.kind == record::kind::elsewhere);
  REQUIRE(blocks[1]->marks.size() == 1);
  CHECK(blocks[1]->marks[0].position == record::position{2, 120});
  CHECK(blocks[1]->marks[0].cause == market::gap_cause::journal_damaged);
  // From inside what is elsewhere that comes whole, whose epoch is not known; from behind it, no
  // more than the rest.
  auto inside = *w.bridge->open_reader(ticks, {1, 110}, top::durable, {});
  CHECK(pull_to(*inside, 134).front()->first() == record::position{2, 105});
  auto behind = *w.bridge->open_reader(ticks, {1, 119}, top::durable, {});
  CHECK(pull_to(*behind, 134).front()->first() == record::position{2, 120});
}

TEST_CASE("of a stream by cause: reading from any cause gives the outputs of all later ones") {
  for (const auto how : {redis::encoding::packed, redis::encoding::fields}) {
    world w(how);
    auto writer = *w.bridge->open_writer(bars, 2);
    std::string all;
    for (const std::uint64_t seq : {3, 5, 6, 9}) all += outputs_of(seq, seq);
    const auto later = derived_record({2, 10}, 0, "next epoch");
    REQUIRE(writer->append(all + later, 7, {}) == record::position{1, 3});
    CHECK(writer->next() == record::position{2, 11});
    for (std::uint64_t after = 0; after < 10; ++after) {
      std::string expected;
      for (const std::uint64_t seq : {3, 5, 6, 9}) {
        if (seq > after) expected += outputs_of(seq, seq);
      }
      auto r = *w.bridge->open_reader(bars, {after == 0 ? 0U : 1U, after}, top::durable, {});
      const auto blocks = pull_to(*r, 10);
      std::string got;
      for (const auto& b : blocks) {
        got += b->payload;
        CHECK(b->by_cause);
        const auto records = records_of({b});
        CHECK(b->first() == records.front().at);
        CHECK(b->last() == records.back().at);
      }
      CHECK(got == expected + later);
    }
    CHECK(w.bridge->stream_tops(bars)->durable == record::position{2, 10});
  }
}

}  // namespace artham::test
