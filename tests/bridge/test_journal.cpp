#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstring>
#include <random>
#include <set>

#include "bridge/common/content.hpp"
#include "bridge/local/journal_copy.hpp"
#include "bridge/local/token_filter.hpp"
#include "tests/bridge/journal_support.hpp"

// What the segment journal promises beyond the port.
namespace artham::test {
namespace {

using bridge::local::open_report;

fs::path stream_dir(const scratch& dir, const char* stream = ticks) {
  return dir.path() / stream;
}

/// Ends of the blocks in a segment that write_frames made, found by reading back ever longer
/// copies.
std::vector<std::uint64_t> segment_sizes_while_writing(const scratch& dir, std::uint32_t frames) {
  std::vector<std::uint64_t> ends;
  auto j = must_open(options_in(dir.path())).journal;
  auto w = *j->open_writer(ticks, 1);
  auto follower = *j->open_reader(ticks, {}, bridge::top::appended, {});
  for (std::uint32_t i = 0; i < frames; ++i) {
    const auto at = w->append(frame_record({i % 7, i}, i, open_time + i), 2, {});
    REQUIRE(!pull_to(*follower, at->seq + 1).empty());
    ends.push_back(fs::file_size(files_of(stream_dir(dir), ".seg").back()));
  }
  return ends;
}

}  // namespace

TEST_CASE("what was written is there after a restart, and the next epoch goes on behind it") {
  const scratch dir;
  for (std::uint32_t epoch = 1; epoch <= 4; ++epoch) {
    auto j = must_open(options_in(dir.path()));
    CHECK(j.report.cuts.empty());
    CHECK(j.report.damages.empty());
    CHECK(j.journal->last_epoch() == epoch - 1);
    CHECK(j.journal->stream_tops(ticks)->durable.seq == (epoch - 1) * 20);
    write_frames(*j.journal, epoch, (epoch - 1) * 10, epoch * 10);
    CHECK(j.last_appended(ticks) == epoch * 20);
    CHECK(j.last_appended("md:other") == 0);
    j.journal->stop();
    CHECK(j.journal->stream_tops(ticks)->durable == record::position{epoch, epoch * 20});
  }
  auto j = must_open(options_in(dir.path())).journal;
  const auto blocks = read_all(*j);
  CHECK(is_dense(blocks, 1));
  CHECK(records_of(blocks).size() == 40);
  CHECK(frames_are_right(blocks, 0));
  std::set<std::uint32_t> epochs;
  for (const auto& b : blocks) epochs.insert(b->epoch);
  CHECK(epochs == std::set<std::uint32_t>{1, 2, 3, 4});
  CHECK(j->streams() == std::vector<std::string>{ticks});
}

TEST_CASE("segments roll by size and by receive date; readers cross them") {
  const scratch dir;
  auto o = options_in(dir.path());
  o.segment_bytes = 1000;
  o.tail_bytes = 0;
  {
    auto j = must_open(o).journal;
    write_frames(*j, 1, 0, 50);
    CHECK(frames_are_right(read_all(*j), 0));
  }
  const auto by_size = files_of(stream_dir(dir), ".seg");
  CHECK(by_size.size() > 5);
  for (const auto& path : by_size) CHECK(fs::file_size(path) <= 1000);
  CHECK(files_of(stream_dir(dir), ".idx").size() == by_size.size());

  o.segment_bytes = 1U << 20U;
  auto j = must_open(o).journal;
  auto w = *j->open_writer(ticks, 2);
  auto follower = *j->open_reader(ticks, {1, 100}, bridge::top::appended, {});
  for (const auto day : {0, 0, 1, 1, 3}) {
    const auto at = w->append(clock_record(open_time + day * market::day), 1, {});
    REQUIRE(!pull_to(*follower, at->seq).empty());
  }
  CHECK(files_of(stream_dir(dir), ".seg").size() == by_size.size() + 3);
  const auto all = read_all(*j);
  CHECK(is_dense(all, 1));
  CHECK(all.back()->last().seq == 105);
}

TEST_CASE("a last segment cut at any byte loses its torn block, says so, and is written on") {
  const scratch whole;
  const auto ends = segment_sizes_while_writing(whole, 4);
  const auto segment = files_of(stream_dir(whole), ".seg").front();
  const auto bytes = slurp(segment);
  REQUIRE(bytes.size() == ends.back());
  for (std::uint64_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    const scratch dir;
    fs::create_directory(stream_dir(dir));
    const auto copy = stream_dir(dir) / segment.filename();
    spit(copy, bytes.substr(0, size));
    const auto kept =
        static_cast<std::uint32_t>(std::ranges::count_if(ends, [&](auto e) { return e <= size; }));
    const auto good_end = kept == 0 ? std::min<std::uint64_t>(size, 128) : ends[kept - 1];
    auto j = must_open(options_in(dir.path()));
    CHECK(j.report.damages.empty());
    if (size == good_end && size >= 128) {
      CHECK(j.report.cuts.empty());
    } else {
      REQUIRE(j.report.cuts.size() == 1);
      const auto& cut = j.report.cuts.front();
      CHECK(cut.stream == ticks);
      CHECK(cut.file == copy);
      CHECK(cut.first_seq == kept * 2 + 1);
      CHECK(cut.reason == open_report::reason::torn);
      if (size >= 128) CHECK(cut.offset == good_end);
      if (size >= 128) CHECK(cut.bytes == size - good_end);
    }
    CHECK(j.journal->stream_tops(ticks)->appended.seq == kept * 2);
    CHECK(j.journal->last_epoch() == 1);
    write_frames(*j.journal, 2, kept, kept + 2);
    j.journal->stop();
    j.journal.reset();
    auto again = must_open(options_in(dir.path()));
    CHECK(again.report.cuts.empty());
    const auto blocks = read_all(*again.journal);
    CHECK(is_dense(blocks, 1));
    CHECK(records_of(blocks).size() == kept + 2);
    CHECK(frames_are_right(blocks, 0));
  }
}

TEST_CASE("a flipped bit is never served: its block becomes a gap and reading goes on behind it") {
  const scratch whole;
  auto o = options_in(whole.path());
  o.segment_bytes = 700;
  {
    auto j = must_open(o).journal;
    write_frames(*j, 1, 0, 20);
  }
  const auto segments = files_of(stream_dir(whole), ".seg");
  REQUIRE(segments.size() >= 3);
  std::mt19937 random(7);  // a fixed seed: failures come back
  for (int round = 0; round < 400; ++round) {
    const auto& segment = segments[random() % segments.size()];
    auto bytes = slurp(segment);
    const auto at = random() % bytes.size();
    const auto bit = random() % 8;
    const bool with_index = random() % 2 == 0;
    CAPTURE(segment.filename().string());
    CAPTURE(at);
    CAPTURE(bit);
    CAPTURE(with_index);
    const scratch dir;
    fs::copy(stream_dir(whole), stream_dir(dir));
    if (!with_index) remove_indexes(stream_dir(dir));
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    spit(stream_dir(dir) / segment.filename(), bytes);

    auto j = must_open(o = options_in(dir.path()));
    const auto top = j.journal->stream_tops(ticks)->appended.seq;
    const auto blocks = read_all(*j.journal);
    CHECK(is_dense(blocks, 1));
    CHECK(frames_are_right(blocks, 0));
    std::uint64_t missing = 0;
    for (const auto& b : blocks) {
      if (!b->damaged) continue;
      missing += b->count;
      CHECK(b->payload.empty());
      REQUIRE(b->marks.size() == 1);
      const auto& gap = b->marks.front();
      CHECK(gap.kind == market::mark_kind::gap);
      CHECK(gap.cause == market::gap_cause::journal_damaged);
      CHECK(gap.position == b->first());
      const auto lost = open_time + static_cast<std::int64_t>((b->first_seq - 1) / 2);
      CHECK(gap.time >= gap.from);
      // The neighbours' times, where both are known, are around what was lost.
      if (gap.from != 0) CHECK(gap.from >= lost - 1);
      if (gap.from != 0) CHECK(gap.time <= lost + 1);
    }
    const bool in_header = at < 128;
    const bool cut_off = !j.report.cuts.empty();
    CHECK(missing + (40 - top) == (in_header ? 0 : 2));
    if (cut_off) CHECK(segment == segments.back());
    if (!cut_off) CHECK(top == 40);

    const auto verified = bridge::local::verify(dir.path());
    REQUIRE(verified);
    std::uint64_t reported = 0;
    for (const auto& d : verified->damages) reported += d.count;
    CHECK(reported == missing);
  }
}

TEST_CASE("damage below a running writer is served as a gap too") {
  const scratch dir;
  auto o = options_in(dir.path());
  o.tail_bytes = 0;
  runtime::metrics metrics;
  o.metrics = &metrics;
  auto j = must_open(o).journal;
  write_frames(*j, 1, 0, 10);
  const auto segment = files_of(stream_dir(dir), ".seg").front();
  const int fd = ::open(segment.c_str(), O_WRONLY);
  REQUIRE(::pwrite(fd, "damage", 6, 128 + 70) == 6);
  ::close(fd);
  const auto blocks = read_all(*j);
  CHECK(is_dense(blocks, 1));
  CHECK(frames_are_right(blocks, 0));
  CHECK(blocks.front()->damaged);
  CHECK(blocks.front()->count == 2);
  CHECK(records_of(blocks).size() == 9);
  // A cursor inside the damaged block gets the rest of it.
  auto r = *j->open_reader(ticks, {1, 1}, bridge::top::appended, {});
  const auto rest = r->pull(1)->front();
  CHECK(rest->damaged);
  CHECK(rest->first_seq == 2);
  CHECK(rest->count == 1);
  CHECK(metrics.text().find("artham_journal_damaged_blocks_total{stream=\"md:ticks\"} 2") !=
        std::string::npos);
}

TEST_CASE("an index that is missing, cut or damaged is made again") {
  const scratch dir;
  auto o = options_in(dir.path());
  o.segment_bytes = 700;
  {
    auto j = must_open(o).journal;
    write_frames(*j, 1, 0, 20);
  }
  const auto indexes = files_of(stream_dir(dir), ".idx");
  const auto good = slurp(indexes.front());
  const auto check = [&] {
    auto j = must_open(o);
    CHECK(j.report.cuts.empty());
    const auto blocks = read_all(*j.journal);
    CHECK(frames_are_right(blocks, 0));
    CHECK(records_of(blocks).size() == 20);
  };
  for (std::size_t i = 0; i < good.size(); i += 3) {
    CAPTURE(i);
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    spit(indexes.front(), bad);
    check();
    CHECK(slurp(indexes.front()) == good);
    spit(indexes.front(), good.substr(0, i));
    check();
    CHECK(slurp(indexes.front()) == good);
  }
  remove_indexes(stream_dir(dir));
  check();
  CHECK(files_of(stream_dir(dir), ".idx") == indexes);
}

TEST_CASE(
    "a filtered cursor leaves out most of what it does not want, with the index and without") {
  const scratch dir;
  auto o = options_in(dir.path());
  o.tail_bytes = 0;
  const auto count = [](bridge::bridge& b) {
    const std::uint32_t wanted[] = {3000};
    auto r = *b.open_reader(ticks, {}, bridge::top::appended, wanted);
    std::uint64_t n = 0;
    bool found = false;
    for (auto blocks = *r->pull(1000); !blocks.empty(); blocks = *r->pull(1000)) {
      for (const auto& block : blocks) n += block->count;
      for (const auto& rec : records_of(blocks))
        found = found || rec.body.find(frame({3000}, 1).substr(4, 4)) != 0;
    }
    CHECK(found);
    return n;
  };
  constexpr std::uint64_t total = 400 * 500;
  {
    auto j = must_open(o).journal;
    auto w = *j->open_writer(ticks, 1);
    for (std::uint32_t i = 0; i < 400; ++i) {
      std::vector<std::uint32_t> tokens;
      for (std::uint32_t t = 0; t < 500; ++t)
        tokens.push_back(i == 200 ? 3000 + t : 10'000 * (i + 1) + t);
      REQUIRE(w->append(frame_record(tokens, i), 500, tokens));
      events written;
      auto r = *j->open_reader(ticks, {1, (i + 1) * 500 - 1}, bridge::top::appended, {});
      r->when_ready(written.once());
      REQUIRE(written.wait());
    }
    CHECK(count(*j) < total / 20);
  }
  {
    auto j = must_open(o).journal;
    CHECK(count(*j) < total / 20);
  }
  remove_indexes(stream_dir(dir));
  auto j = must_open(o).journal;
  CHECK(count(*j) < total / 20);
}

TEST_CASE("the filter never excludes what is in it, and mostly what is not") {
  bridge::local::token_set tokens;
  for (std::uint32_t t = 0; t < 5000; ++t) tokens.insert(256'265 + t * 256);
  for (std::uint32_t t = 0; t < 5000; ++t) tokens.insert(256'265 + t * 256);
  CHECK(tokens.size() == 5000);
  const auto filter = bridge::local::make_filter(tokens);
  CHECK(filter.size() < 5000 * 10 / 8 + 16);
  int wrong = 0;
  for (std::uint32_t t = 0; t < 5000; ++t) {
    const std::uint32_t in[] = {256'265 + t * 256};
    const std::uint32_t out[] = {256'266 + t * 256};
    REQUIRE(bridge::local::may_hold(filter, in));
    wrong += bridge::local::may_hold(filter, out) ? 1 : 0;
  }
  CHECK(wrong < 150);
}

TEST_CASE("derived records whose cause did not survive are cut, the others stay") {
  constexpr auto derived = "md:bars:final.1m";
  const auto body = [](std::uint64_t seq) { return "made by " + std::to_string(seq); };
  for (const std::uint64_t segment_bytes : {100'000ULL, 600ULL}) {
    for (std::uint32_t lost = 0; lost <= 10; ++lost) {
      CAPTURE(segment_bytes);
      CAPTURE(lost);
      const scratch dir;
      auto o = options_in(dir.path());
      {
        auto j = must_open(o).journal;
        write_frames(*j, 1, 0, 10);
      }
      {
        o.segment_bytes = segment_bytes;
        auto j = must_open(o).journal;
        auto w = *j->open_writer(derived, 1);
        auto follower = *j->open_reader(derived, {}, bridge::top::appended, {});
        // Two outputs for each frame, three causes in one block.
        for (std::uint64_t cause = 1; cause < 20;) {
          std::string records;
          std::uint64_t n = 0;
          for (int k = 0; k < 3 && cause < 20; ++k, cause += 2, n += 2) {
            records += derived_record({1, cause}, 0, body(cause));
            records += derived_record({1, cause}, 1, body(cause));
          }
          const auto at = w->append(records, n, {});
          REQUIRE(!pull_to(*follower, at->seq + n - 1).empty());
        }
      }
      // The last `lost` frames of md:ticks go, as if they had not been synced.
      const auto segment = files_of(stream_dir(dir), ".seg").front();
      const auto block = (fs::file_size(segment) - 128) / 10;
      fs::resize_file(segment, fs::file_size(segment) - lost * block);
      remove_indexes(stream_dir(dir));
      auto j = must_open(o);
      const std::uint64_t kept = (10 - lost) * 2;
      CHECK(j.report.cuts.size() == (lost == 0 ? 0 : 1));
      for (const auto& cut : j.report.cuts) {
        CHECK(cut.stream == derived);
        CHECK(cut.reason == open_report::reason::cause_beyond);
        CHECK(cut.first_seq == kept + 1);
        CHECK(cut.last_seq == 20);
      }
      CHECK(j.journal->stream_tops(derived)->durable.seq == kept);
      write_frames(*j.journal, 2, 10 - lost, 11 - lost);
      auto w = *j.journal->open_writer(derived, 2);
      CHECK(w->append(derived_record({2, kept + 1}, 0, "next"), 1, {}) ==
            record::position{2, kept + 1});
      j.journal->stop();
      j.journal.reset();
      auto again = must_open(o);
      CHECK(again.report.cuts.empty());
      const auto blocks = read_all(*again.journal, derived);
      CHECK(is_dense(blocks, 1));
      const auto records = records_of(blocks);
      REQUIRE(records.size() == kept + 1);
      for (std::uint64_t i = 0; i < kept; ++i) CHECK(records[i].body == body(i / 2 * 2 + 1));
      CHECK(records.back().body == "next");
    }
  }
}

TEST_CASE("a derived stream whose source is elsewhere is left alone") {
  const scratch dir;
  {
    auto j = must_open(options_in(dir.path())).journal;
    auto w = *j->open_writer("md:bars:final.1m", 1);
    REQUIRE(w->append(derived_record({9, 900}, 0, "x"), 1, {}));
  }
  auto j = must_open(options_in(dir.path()));
  CHECK(j.report.cuts.empty());
  CHECK(j.journal->stream_tops("md:bars:final.1m")->appended.seq == 1);
}

TEST_CASE("reading only: stands beside a writer, changes nothing, ends before a torn tail") {
  const scratch dir;
  CHECK(bridge::local::open_read_only(dir.path() / "absent").error().code == errc::not_found);
  auto j = must_open(options_in(dir.path())).journal;
  write_frames(*j, 1, 0, 10);
  {
    auto beside = bridge::local::open_read_only(dir.path());
    REQUIRE(beside);
    CHECK(frames_are_right(read_all(*beside->journal), 0));
    CHECK(beside->journal->stream_tops(ticks)->durable.seq == 20);
    CHECK(beside->journal->open_writer(ticks, 2).error().code == errc::refused);
    CHECK(beside->journal->put_object("x").error().code == errc::refused);
    // It shows what was there when it was opened.
    auto r = *beside->journal->open_reader(ticks, {1, 20}, bridge::top::appended, {});
    CHECK(r->pull(10)->empty());
  }
  j.reset();
  remove_indexes(stream_dir(dir));
  const auto segment = files_of(stream_dir(dir), ".seg").front();
  fs::resize_file(segment, fs::file_size(segment) - 5);
  const auto before = slurp(segment);
  auto torn = bridge::local::open_read_only(dir.path());
  REQUIRE(torn);
  REQUIRE(torn->report.cuts.size() == 1);
  CHECK(torn->report.cuts.front().first_seq == 19);
  const auto blocks = read_all(*torn->journal);
  CHECK(frames_are_right(blocks, 0));
  CHECK(blocks.back()->last().seq == 18);
  CHECK(slurp(segment) == before);
  CHECK(files_of(stream_dir(dir), ".idx").empty());
}

TEST_CASE("files of a newer version or of another stream are refused, not mended") {
  const scratch dir;
  {
    auto j = must_open(options_in(dir.path())).journal;
    write_frames(*j, 1, 0, 3);
  }
  remove_indexes(stream_dir(dir));
  const auto segment = files_of(stream_dir(dir), ".seg").front();
  const auto good = slurp(segment);
  auto newer = good;
  newer[4] = 2;
  const auto checksum = XXH3_64bits(newer.data(), 120);
  std::memcpy(newer.data() + 120, &checksum, sizeof checksum);
  spit(segment, newer);
  CHECK(bridge::local::open(options_in(dir.path())).error().code == errc::unsupported);
  CHECK(slurp(segment) == newer);
  spit(segment, good);
  fs::rename(stream_dir(dir), stream_dir(dir, "md:features"));
  CHECK(bridge::local::open(options_in(dir.path())).error().code == errc::corrupt);
}

TEST_CASE("an object that no longer is what its name says is not handed out") {
  const scratch dir;
  auto j = must_open(options_in(dir.path())).journal;
  const auto hash = *j->put_object("calendar");
  for (const auto& e : fs::directory_iterator(dir.path() / "objects")) spit(e.path(), "calendaR");
  CHECK(j->get_object(hash).error().code == errc::corrupt);
  CHECK(j->put_object("calendar") == hash);
  CHECK(j->get_object(hash) == std::string("calendar"));
}

TEST_CASE("one can ask who writes a journal without touching it") {
  const scratch dir;
  CHECK(bridge::local::writer_of(dir.path()) == std::nullopt);
  CHECK(fs::is_empty(dir.path()));
  auto j = must_open(options_in(dir.path())).journal;
  CHECK(bridge::local::writer_of(dir.path()) == std::to_string(::getpid()));
  j.reset();
  CHECK(bridge::local::writer_of(dir.path()) == std::nullopt);
  must_open(options_in(dir.path()));
}

TEST_CASE("what is missing at the end of a segment that was closed is damage, not a torn tail") {
  const scratch dir;
  {
    auto j = must_open(options_in(dir.path())).journal;
    write_frames(*j, 1, 0, 10);
  }
  const auto segment = files_of(stream_dir(dir), ".seg").front();
  auto bytes = slurp(segment);
  bytes[bytes.size() - 2] ^= 1;
  spit(segment, bytes);
  const auto closed = bridge::local::verify(dir.path());
  REQUIRE(closed);
  CHECK(closed->cuts.empty());
  REQUIRE(closed->damages.size() == 1);
  CHECK(closed->damages.front().first_seq == 19);
  CHECK(closed->damages.front().count == 2);
  remove_indexes(stream_dir(dir));
  const auto killed = bridge::local::verify(dir.path());
  REQUIRE(killed);
  CHECK(killed->damages.empty());
  REQUIRE(killed->cuts.size() == 1);
  CHECK(killed->cuts.front().first_seq == 19);
}

TEST_CASE("a copy of some blocks is a journal with the positions that they had") {
  const scratch dir;
  const scratch to;
  for (std::uint32_t epoch = 1; epoch <= 2; ++epoch) {
    auto j = must_open(options_in(dir.path())).journal;
    write_frames(*j, epoch, (epoch - 1) * 10, epoch * 10);
  }
  const auto from = bridge::local::open_read_only(dir.path());
  auto blocks = read_all(*from->journal);
  blocks.erase(blocks.begin(), blocks.begin() + 3);
  bridge::local::stream_copy copy(to.path(), ticks);
  for (const auto& b : blocks) REQUIRE(copy.add(*b));
  REQUIRE(copy.finish());
  REQUIRE(bridge::local::copy_object(to.path(), "calendar"));

  CHECK(files_of(stream_dir(to), ".seg").size() == 2);
  const auto checked = bridge::local::verify(to.path());
  REQUIRE(checked);
  CHECK(checked->damages.empty());
  CHECK(checked->cuts.empty());
  CHECK(checked->streams.front().records == 17);
  CHECK(checked->streams.front().epochs == 2);
  auto copied = must_open(options_in(to.path())).journal;
  const auto there = read_all(*copied);
  CHECK(is_dense(there, 7));
  CHECK(frames_are_right(there, 0));
  CHECK(there.back()->last() == record::position{2, 40});
  CHECK(copied->get_object(bridge::content_hash_of("calendar")) == std::string("calendar"));
}

}  // namespace artham::test
