#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "bridge/common/marks_in_force.hpp"
#include "bridge/common/paced_journal.hpp"
#include "bridge/memory/memory.hpp"
#include "messages/record/mark_codec.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)

namespace {

struct paced_world {
  explicit paced_world(std::uint64_t block, record::position after = {},
                       record::block_ptr preamble = nullptr)
      : journal(bridge::memory::make({.max_block_records = block})) {
    for (const std::uint32_t epoch : {1U, 2U}) {
      auto w = journal->open_writer(record::ticks_stream(), epoch);
      REQUIRE(w);
      for (int i = 0; i < 50; ++i) {
        std::string bytes;
        market::mark m;
        m.time = epoch * 1000 + i;
        record::append(bytes, record::with_times(record::kind::mark, 1, m.time, m.time),
                       record::encode(m));
        // Records of three positions between the marks.
        record::append(bytes, record::with_times(record::kind::elsewhere, 3, m.time, m.time), {});
        REQUIRE((*w)->append(bytes, 4, {}));
      }
    }
    bridge::paced_journal::options o;
    o.from = journal.get();
    o.after = after;
    o.preamble = std::move(preamble);
    o.epoch = 2;
    o.make_outputs = [] { return std::shared_ptr<bridge::bridge>(bridge::memory::make()); };
    paced.emplace(std::move(o));
  }

  std::unique_ptr<bridge::memory::memory_bridge> journal;
  std::optional<bridge::paced_journal> paced;
};

struct seen {
  std::string bytes;
  std::vector<market::timestamp> marks;
  record::position last;
};

/// What a cursor gives now; its blocks must follow each other.
seen all_of(bridge::reader& r, std::uint64_t at_once = 7) {
  seen s;
  for (;;) {
    const auto blocks = r.pull(at_once);
    REQUIRE(blocks);
    if (blocks->empty()) return s;
    for (const auto& b : *blocks) {
      if (s.last.seq != 0) CHECK(b->first_seq == s.last.seq + 1);
      CHECK(record::check_payload(b->payload, b->count));
      s.last = b->last();
      s.bytes += b->payload;
      for (const auto& m : b->marks) {
        CHECK(m.position >= b->first());
        CHECK(m.position <= b->last());
        s.marks.push_back(m.time);
      }
    }
  }
}

std::unique_ptr<bridge::reader> ticks_of(bridge::bridge& b) {
  auto r = b.open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
  REQUIRE(r);
  return std::move(*r);
}

}  // namespace

TEST_CASE("a journal that is let out in pieces has the same records in the same places") {
  for (const std::uint64_t block : {4U, 12U, 1000U}) {
    CAPTURE(block);
    paced_world w(block);
    const auto whole = all_of(*ticks_of(*w.journal));
    for (const std::uint64_t step : {1U, 3U, 40U}) {
      w.paced->rewind();
      const auto reader = ticks_of(w.paced->work());
      seen got;
      for (std::uint64_t n = 0; n < 100; n += step) {
        const auto at = std::min<std::uint64_t>(n + step, 100);
        w.paced->release({at <= 50 ? 1U : 2U, at * 4});
        const auto piece = all_of(*reader);
        CHECK(piece.last == record::position{at <= 50 ? 1U : 2U, at * 4});
        got.bytes += piece.bytes;
        got.marks.insert(got.marks.end(), piece.marks.begin(), piece.marks.end());
      }
      CHECK(got.bytes == whole.bytes);
      CHECK(got.marks == whole.marks);
      CHECK(reader->lag() == 0);
    }
  }
}

TEST_CASE("who works is woken by what is released, who tells by what is shown, each once") {
  paced_world w(8);
  const auto work = ticks_of(w.paced->work());
  const auto shown = ticks_of(w.paced->shown());
  std::atomic<int> worked{0};
  std::atomic<int> told{0};
  work->when_ready([&] { ++worked; });
  shown->when_ready([&] { ++told; });
  CHECK(worked == 0);
  w.paced->release({1, 8});
  CHECK(worked == 1);
  CHECK(told == 0);
  CHECK(all_of(*shown).bytes.empty());
  CHECK(all_of(*work).last == record::position{1, 8});
  w.paced->show();
  CHECK(told == 1);
  CHECK(all_of(*shown).last == record::position{1, 8});
  work->when_ready([&] { ++worked; });
  shown->when_ready([&] { ++told; });
  w.paced->release({1, 12});
  w.paced->show();
  CHECK(worked == 2);
  CHECK(told == 2);
  // Something is there: at once.
  work->when_ready([&] { ++worked; });
  CHECK(worked == 3);
}

TEST_CASE("what is derived is seen when it is shown, and a rewind begins with nothing") {
  paced_world w(8);
  const std::string stream = record::final_bars_stream("1m");
  const auto writer = w.paced->work().open_writer(stream, 2);
  REQUIRE(writer);
  CHECK_FALSE(w.paced->shown().open_writer(stream, 2));
  CHECK_FALSE(w.paced->work().open_writer(record::ticks_stream(), 3));
  auto shown = w.paced->shown().open_reader(stream, {}, bridge::top::appended, {});
  REQUIRE(shown);
  const auto ticks = ticks_of(w.paced->shown());
  std::string bytes;
  record::append(bytes, record::with_cause(record::kind::bar, {{1, 4}, 0}), "x");
  w.paced->release({1, 8});
  REQUIRE((*writer)->append(bytes, 1, {}));
  CHECK((*shown)->pull(10)->empty());
  w.paced->show();
  // Not before the ticks.
  CHECK((*shown)->pull(10)->empty());
  CHECK_FALSE(ticks->pull(100)->empty());
  CHECK((*shown)->pull(10)->size() == 1);
  w.paced->release({1, 12});
  REQUIRE((*writer)->append(bytes, 1, {}));
  CHECK((*shown)->pull(10)->empty());
  w.paced->rewind();
  CHECK(w.paced->work().stream_tops(stream)->appended == record::position{});
  CHECK(w.paced->work().stream_tops(record::ticks_stream())->appended == record::position{});
  const auto again = ticks_of(w.paced->work());
  CHECK(again->pull(10)->empty());
}

TEST_CASE("a journal that is let out from its middle has its preamble in front") {
  bridge::marks_in_force in_force;
  market::mark m;
  m.kind = market::mark_kind::epoch;
  in_force.note(m);
  const auto preamble = in_force.block_before({1, 41}, 7);
  REQUIRE(preamble);
  paced_world w(8, {1, 40}, preamble);
  const auto reader = ticks_of(w.paced->work());
  CHECK(reader->pull(100)->empty());
  CHECK(w.paced->work().stream_tops(record::ticks_stream())->appended == record::position{1, 40});
  w.paced->release({1, 44});
  const auto blocks = reader->pull(1);
  REQUIRE(blocks);
  REQUIRE(blocks->size() == 1);
  CHECK(blocks->front() == preamble);
  CHECK(all_of(*reader).last == record::position{1, 44});
}
