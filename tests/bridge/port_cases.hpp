// What every implementation of the port promises. The file that includes this says which are tried:
// EVERY is a list of types that make a bridge (`get`), of which some say that they
//   reads_ahead      what there is can be pulled after when_ready has said so, not at once;
//   stands_by_cause  derived records have their causes' positions.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/bridge/support.hpp"

namespace artham::test {
namespace {

using bridge::top;

constexpr auto ticks = "md:ticks";

/// Until the cursor has something to pull, which is at once but where it reads ahead.
template <class T>
void wait_ready(bridge::reader& r) {
  if (!T::reads_ahead) return;
  events ready;
  r.when_ready(ready.once());
  REQUIRE(ready.wait());
}

}  // namespace

TEST_CASE_TEMPLATE("what is appended is read, in order, with positions and marks", T, EVERY) {
  T made;
  auto& b = made.get();
  auto w = b.open_writer(ticks, 1);
  REQUIRE(w);
  CHECK((*w)->next() == record::position{1, 1});
  const auto first =
      (*w)->append(frame_record({5, 7, 9}, 42), 3, std::vector<std::uint32_t>{5, 7, 9});
  CHECK(first == record::position{1, 1});
  const auto second = (*w)->append(clock_record(open_time) + frame_record({5}, 43, open_time + 1),
                                   2, std::vector<std::uint32_t>{5});
  CHECK(second == record::position{1, 4});
  CHECK((*w)->next() == record::position{1, 6});

  auto r = b.open_reader(ticks, {}, top::appended, {});
  REQUIRE(r);
  const auto blocks = pull_to(**r, 5);
  CHECK(is_dense(blocks, 1));
  const auto records = records_of(blocks);
  REQUIRE(records.size() == 3);
  CHECK(records[0].at == record::position{1, 1});
  CHECK(records[0].header.count == 3);
  CHECK(records[0].body == frame({5, 7, 9}, 42));
  CHECK(record::receive_time(records[2].header) == open_time + 1);
  CHECK(records[2].at.seq == 5);
  std::vector<market::mark> marks;
  for (const auto& block : blocks)
    marks.insert(marks.end(), block->marks.begin(), block->marks.end());
  REQUIRE(marks.size() == 1);
  CHECK(marks[0].position == record::position{1, 4});
  CHECK(marks[0].time == open_time);

  CHECK((*r)->lag() == 0);
  CHECK((*r)->pull(10)->empty());
  CHECK(b.stream_tops(ticks)->appended == record::position{1, 5});
  CHECK(b.streams() == std::vector<std::string>{ticks});
  CHECK(b.last_epoch() == 1);
  b.stop();
  CHECK(b.stream_tops(ticks)->durable == record::position{1, 5});
}

TEST_CASE_TEMPLATE("a cursor begins behind any position, also inside a block or a frame", T,
                   EVERY) {
  T made;
  auto& b = made.get();
  auto w = *b.open_writer(ticks, 3);
  std::string all;
  for (std::uint32_t i = 0; i < 10; ++i) all += frame_record({1, 2}, i);
  REQUIRE(w->append(all, 20, {}));
  auto whole = *b.open_reader(ticks, {}, top::appended, {});
  REQUIRE(!pull_to(*whole, 20).empty());

  for (std::uint64_t after = 0; after < 20; ++after) {
    auto r = *b.open_reader(ticks, {after == 0 ? 0U : 3U, after}, top::appended, {});
    const auto blocks = pull_to(*r, 20);
    const auto records = records_of(blocks);
    REQUIRE(!records.empty());
    // The frame that holds the next position comes whole.
    CHECK(records.front().at.seq == after / 2 * 2 + 1);
    CHECK(records.back().at.seq == 19);
    CHECK(records.size() == 10 - after / 2);
  }
  CHECK((*b.open_reader(ticks, {3, 20}, top::appended, {}))->lag() == 0);
}

TEST_CASE_TEMPLATE(
    "sequence numbers go on over epochs, and a lost position is followed by the next epoch", T,
    EVERY) {
  T made;
  auto& b = made.get();
  {
    auto w = *b.open_writer(ticks, 1);
    REQUIRE(w->append(frame_record({1}, 1), 1, {}));
  }
  auto w = *b.open_writer(ticks, 2);
  CHECK(w->next() == record::position{2, 2});
  REQUIRE(w->append(frame_record({1}, 2), 1, {}));
  CHECK(b.last_epoch() == 2);
  auto all = *b.open_reader(ticks, {}, top::appended, {});
  const auto blocks = pull_to(*all, 2);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0]->epoch == 1);
  CHECK(blocks[1]->epoch == 2);
  // Position (1, 50) was handed out by an epoch that lost it.
  auto r = *b.open_reader(ticks, {1, 50}, top::appended, {});
  CHECK(pull_to(*r, 2).front()->first() == record::position{2, 2});
}

TEST_CASE_TEMPLATE("writers: one at a time, epochs never fall, a source never repeats one", T,
                   EVERY) {
  T made;
  auto& b = made.get();
  auto w = b.open_writer(ticks, 2);
  REQUIRE(w);
  CHECK(b.open_writer(ticks, 3).error().code == errc::conflict);
  w->reset();
  CHECK(b.open_writer(ticks, 2).error().code == errc::conflict);
  CHECK(b.open_writer(ticks, 1).error().code == errc::conflict);
  CHECK(b.open_writer(ticks, 3));
  { auto derived = b.open_writer("md:bars:final.1m", 2); }
  CHECK(b.open_writer("md:bars:final.1m", 1).error().code == errc::conflict);
  CHECK(b.open_writer("md:bars:final.1m", 2));
  CHECK(b.open_writer("md:features", 0).error().code == errc::bad_input);
  CHECK(b.open_writer("../escape", 1).error().code == errc::bad_input);
  CHECK(b.open_reader("", {}, top::appended, {}).error().code == errc::bad_input);
}

TEST_CASE_TEMPLATE("an append that does not add up is refused and takes nothing", T, EVERY) {
  T made;
  auto& b = made.get();
  auto w = *b.open_writer(ticks, 1);
  auto good = frame_record({1, 2}, 1);
  CHECK(w->append("", 0, {}).error().code == errc::bad_input);
  CHECK(w->append(good, 1, {}).error().code == errc::bad_input);
  CHECK(w->append(good.substr(0, 10), 2, {}).error().code == errc::bad_input);
  CHECK(w->append(good.substr(0, good.size() - 1), 2, {}).error().code == errc::bad_input);
  auto bad_mark = clock_record(open_time);
  bad_mark[record::header_size] = 99;
  CHECK(w->append(bad_mark, 1, {}).error().code == errc::bad_input);
  CHECK(w->append(good, 2, {}) == record::position{1, 1});
  auto r = *b.open_reader(ticks, {}, top::appended, {});
  CHECK(records_of(pull_to(*r, 2)).size() == 1);
}

TEST_CASE_TEMPLATE("a pull gives at least one block and not many more than asked", T, EVERY) {
  T made;
  auto& b = made.get();
  auto w = *b.open_writer(ticks, 1);
  auto follower = *b.open_reader(ticks, {}, top::appended, {});
  for (std::uint32_t i = 1; i <= 100; ++i) {
    REQUIRE(w->append(frame_record({1, 2, 3, 4, 5}, i), 5, {}));
    REQUIRE(!pull_to(*follower, 5 * i).empty());  // one block each
  }
  auto r = *b.open_reader(ticks, {}, top::appended, {});
  CHECK(r->lag() == 500);
  wait_ready<T>(*r);
  CHECK(r->pull(1)->size() == 1);
  CHECK(r->lag() == 495);
  wait_ready<T>(*r);
  std::uint64_t got = 0;
  const auto blocks = *r->pull(50);
  for (const auto& block : blocks) got += block->count;
  if (T::reads_ahead) {
    CHECK(got >= 5);
    CHECK(got <= 50);
  } else {
    CHECK(got == 50);
  }
  CHECK(records_of(pull_to(*r, 500)).size() == 99 - got / 5);
}

TEST_CASE_TEMPLATE("a filtered cursor misses no block with its tokens and no mark", T, EVERY) {
  T made;
  auto& b = made.get();
  auto w = *b.open_writer(ticks, 1);
  auto follower = *b.open_reader(ticks, {}, top::durable, {});
  constexpr std::uint32_t n = 400;
  for (std::uint32_t i = 1; i <= n; ++i) {
    // 300 tokens of its own each: some 4 KiB.
    std::vector<std::uint32_t> tokens;
    for (std::uint32_t t = 0; t < 300; ++t) tokens.push_back(1000 * i + t);
    if (i == 10 || i == 390) tokens[7] = 77;
    REQUIRE(w->append(frame_record(tokens, i), 300, tokens));
  }
  const auto mark_at = w->append(clock_record(open_time), 1, {});
  REQUIRE(mark_at);
  REQUIRE(!pull_to(*follower, mark_at->seq).empty());
  const std::uint32_t wanted[] = {77};
  auto r = *b.open_reader(ticks, {}, top::appended, wanted);
  int found = 0;
  std::size_t marks = 0;
  // The mark is the last record, which no cursor leaves out.
  const auto blocks = pull_to(*r, mark_at->seq, 1000);
  for (const auto& block : blocks) marks += block->marks.size();
  for (const auto& rec : records_of(blocks)) {
    if (rec.at.seq == 9 * 300 + 1 || rec.at.seq == 389 * 300 + 1) ++found;
  }
  CHECK(found == 2);
  CHECK(marks == 1);
  CHECK(r->lag() == 0);
}

TEST_CASE_TEMPLATE("when_ready: called at once when there is something, else once when it comes", T,
                   EVERY) {
  T made;
  auto& b = made.get();
  auto w = *b.open_writer(ticks, 1);
  auto r = *b.open_reader(ticks, {}, top::appended, {});
  events ready;
  r->when_ready(ready.once());
  CHECK(ready.count() == 0);
  REQUIRE(w->append(frame_record({1}, 1), 1, {}));
  CHECK(ready.wait());
  CHECK(r->pull(1)->size() == 1);
  REQUIRE(w->append(frame_record({1}, 2), 1, {}));
  REQUIRE(!pull_to(*r, 2).empty());
  CHECK(ready.count() == 0);  // one-shot
  auto behind = *b.open_reader(ticks, {}, top::appended, {});
  wait_ready<T>(*behind);
  behind->when_ready(ready.once());
  CHECK(ready.count() == 1);
  auto durable = *b.open_reader(ticks, {1, 1}, top::durable, {});
  durable->when_ready(ready.once());
  CHECK(ready.wait(2));
  CHECK(durable->pull(10)->size() == 1);
}

TEST_CASE_TEMPLATE("no wake-up is lost between a fast writer and many readers", T, EVERY) {
  T made;
  auto& b = made.get();
  constexpr std::uint64_t total = 3000;
  std::atomic<int> correct{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&, i] {
      auto r = *b.open_reader(ticks, {}, i % 2 == 0 ? top::appended : top::durable, {});
      const auto blocks = pull_to(*r, total, 1 + static_cast<std::uint64_t>(i) * 50);
      const auto records = records_of(blocks);
      if (!is_dense(blocks, 1) || records.size() != total) return;
      for (std::uint32_t k = 0; k < total; ++k) {
        if (records[k].body != frame({7}, k)) return;
      }
      ++correct;
    });
  }
  auto w = *b.open_writer(ticks, 1);
  for (std::uint32_t k = 0; k < total; ++k) {
    REQUIRE(w->append(frame_record({7}, k), 1, std::vector<std::uint32_t>{7}));
    if (k % 100 == 0) std::this_thread::yield();
  }
  for (auto& t : readers) t.join();
  CHECK(correct == 4);
}

TEST_CASE_TEMPLATE("objects are kept under the hash of their content", T, EVERY) {
  T made;
  auto& b = made.get();
  const auto hash = b.put_object("settings = 1\n");
  REQUIRE(hash);
  CHECK(b.put_object("settings = 1\n") == hash);
  CHECK(b.put_object("") != hash);
  CHECK(b.get_object(*hash) == std::string("settings = 1\n"));
  CHECK(b.get_object(market::content_hash{}).error().code == errc::not_found);
}

TEST_CASE_TEMPLATE("a stream that nobody wrote is empty, and waits", T, EVERY) {
  T made;
  auto& b = made.get();
  CHECK(b.stream_tops("md:features")->appended == record::position{});
  auto r = *b.open_reader("md:features", {}, top::appended, {});
  CHECK(r->pull(5)->empty());
  events ready;
  r->when_ready(ready.once());
  auto w = *b.open_writer("md:features", 4);
  REQUIRE(w->append(derived_record({1, 1}, 0, "x"), 1, {}));
  CHECK(ready.wait());
  CHECK(r->pull(5)->front()->first() ==
        (T::stands_by_cause ? record::position{1, 1} : record::position{4, 1}));
}

}  // namespace artham::test
