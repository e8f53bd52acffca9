#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "tests/bridge/journal_support.hpp"

// A journal that lost its end, or of which any bit is another: script/soak journal tries all ends
// and 10,000 bits.
namespace artham::test {
namespace {

constexpr auto derived = "md:bars:final.1m";
constexpr std::uint64_t cut_range = 64U << 10U;
constexpr std::uint64_t all_cuts = 10'000;  ///< as many trials as this stand for every byte

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
std::uint64_t trials() {
  return number("ARTHAM_DAMAGE_COUNT", 400);
}
std::mt19937_64 seeded() {
  return std::mt19937_64(number("ARTHAM_DAMAGE_SEED", 1));
}

/// Frames [from, to), some to a block.
void write_blocks(bridge::bridge& b, std::uint32_t epoch, std::uint32_t from, std::uint32_t to,
                  std::uint32_t frames_a_block) {
  auto w = *b.open_writer(ticks, epoch);
  auto follower = *b.open_reader(ticks, b.stream_tops(ticks)->appended, bridge::top::appended, {});
  for (auto i = from; i < to;) {
    std::string records;
    std::vector<std::uint32_t> tokens;
    const auto end = std::min(to, i + frames_a_block);
    const auto count = (end - i) * 2;
    for (; i < end; ++i) {
      records += frame_record({i % 7, i}, i, open_time + i);
      tokens.insert(tokens.end(), {i % 7, i});
    }
    const auto at = w->append(records, count, tokens);
    REQUIRE(at);
    REQUIRE(!pull_to(*follower, at->seq + count - 1).empty());
  }
}

using contents = std::map<fs::path, std::string>;
contents files_below(const fs::path& dir) {
  contents all;
  for (const auto& e : fs::recursive_directory_iterator(dir)) {
    if (e.is_regular_file() && e.path().filename() != "lock") all[e.path()] = slurp(e.path());
  }
  return all;
}
void put_back(const fs::path& dir, const contents& all) {
  for (const auto& e : fs::recursive_directory_iterator(dir)) {
    if (e.is_regular_file() && !all.contains(e.path()) && e.path().filename() != "lock")
      fs::remove(e.path());
  }
  for (const auto& [path, content] : all) {
    if (slurp(path) != content) spit(path, content);
  }
}

/// What a whole stream holds.
struct original {
  std::vector<record::block_ptr> blocks;
  std::map<std::uint64_t, seen_record> records;
};
original read_original(bridge::bridge& b, const char* stream) {
  original o;
  o.blocks = read_all(b, stream);
  for (auto& r : records_of(o.blocks)) o.records.emplace(r.at.seq, r);
  return o;
}

struct lost {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Every record that is served is the one that was written; returns what is missing, which must be
/// one stretch.
lost check_served(const original& was, const std::vector<record::block_ptr>& blocks) {
  lost l;
  const auto miss = [&](std::uint64_t from, std::uint64_t to) {
    if (from > to) return;
    if (l.count == 0) l.first = from;
    CHECK(from == l.first + l.count);
    l.count += to - from + 1;
  };
  auto next = was.blocks.front()->first_seq;
  for (const auto& b : blocks) {
    miss(next, b->first_seq - 1);
    if (b->damaged) miss(b->first_seq, b->last().seq);
    next = b->last().seq + 1;
  }
  miss(next, was.blocks.back()->last().seq);
  for (const auto& r : records_of(blocks)) {
    const auto it = was.records.find(r.at.seq);
    REQUIRE(it != was.records.end());
    CHECK(it->second.at == r.at);
    CHECK(it->second.body == r.body);
    CHECK(std::memcmp(&it->second.header, &r.header, sizeof r.header) == 0);
  }
  return l;
}

}  // namespace

TEST_CASE("every byte of the end cut off: it opens, says what is gone, loses the torn block only") {
  const scratch dir;
  std::uint64_t frames = 0;
  {
    auto j = must_open(options_in(dir.path())).journal;
    write_blocks(*j, 1, 0, 1500, 10);
    frames = 1500;
  }
  const auto segment = files_of(dir.path() / ticks, ".seg").front();
  const auto index = fs::path(segment).replace_extension(".idx");
  const auto bytes = slurp(segment);
  const auto closed = slurp(index);
  REQUIRE(bytes.size() > cut_range);
  const auto block = (bytes.size() - 128) / (frames / 10);  // all are alike
  auto random = seeded();
  const auto n = trials() >= all_cuts ? cut_range : trials();
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto size = bytes.size() - 1 - (n == cut_range ? i : random() % cut_range);
    CAPTURE(size);
    const auto kept = (size - 128) / block;
    const bool at_end_of_block = (size - 128) % block == 0;
    spit(segment, bytes.substr(0, size));
    // As a segment that was closed: it is damaged. As one that was not: it is torn, if at all.
    spit(index, closed);
    const auto damaged = bridge::local::verify(dir.path());
    REQUIRE(damaged);
    REQUIRE(damaged->damages.size() == 1);
    CHECK(damaged->damages.front().file == segment);
    CHECK(damaged->damages.front().first_seq == kept * 20 + 1);
    CHECK(damaged->damages.front().count == (frames / 10 - kept) * 20);
    fs::remove(index);
    const auto torn = bridge::local::verify(dir.path());
    REQUIRE(torn);
    CHECK(torn->damages.empty());
    CHECK(torn->cuts.size() == (at_end_of_block ? 0 : 1));
    auto j = must_open(options_in(dir.path()));
    CHECK(j.report.cuts.size() == (at_end_of_block ? 0 : 1));
    for (const auto& c : j.report.cuts) {
      CHECK(c.file == segment);
      CHECK(c.first_seq == kept * 20 + 1);
      CHECK(c.offset == 128 + kept * block);
    }
    const auto blocks = read_all(*j.journal);
    CHECK(is_dense(blocks, 1));
    CHECK(blocks.back()->last().seq == kept * 20);
    CHECK(frames_are_right(blocks, 0));
  }
}

TEST_CASE(
    "any bit of any file: what is served is right, what is not is named, a block at the most") {
  for (const auto compress : {bridge::local::compression::none, bridge::local::compression::zstd}) {
    const scratch dir;
    auto o = options_in(dir.path());
    o.segment_bytes = 6000;
    o.compress = compress;
    {
      auto opened = must_open(o);
      auto& j = *opened.journal;
      {
        auto w = *j.open_writer(ticks, 1);
        REQUIRE(w->append(clock_record(open_time - 1), 1, {}));
      }
      write_blocks(j, 2, 0, 600, 10);
      auto d = *j.open_writer(derived, 2);
      auto follower = *j.open_reader(derived, {}, bridge::top::appended, {});
      for (std::uint64_t k = 0; k < 60; ++k) {
        const record::position cause{2, 2 + k * 9};
        const auto at = d->append(derived_record(cause, 0, std::to_string(k)), 1, {});
        REQUIRE(!pull_to(*follower, at->seq).empty());
      }
      // So that a beginning in the place of removed segments is among the files.
      REQUIRE(opened.trimmer->trim({open_time + 400, {{ticks, {2, 1200}}}})->kept);
    }
    const auto intact = bridge::local::open_read_only(dir.path());
    REQUIRE(intact);
    const std::map<std::string, original> was{{ticks, read_original(*intact->journal, ticks)},
                                              {derived, read_original(*intact->journal, derived)}};
    REQUIRE(was.at(ticks).blocks.front()->first_seq > 1);
    const auto files = files_below(dir.path());
    REQUIRE(files.size() > 5);
    std::vector<fs::path> names;
    for (const auto& [path, content] : files) names.push_back(path);
    auto random = seeded();
    for (std::uint64_t i = 0; i < trials() / 2; ++i) {
      const auto& path = names[random() % names.size()];
      auto bytes = files.at(path);
      const auto at = random() % bytes.size();
      const auto bit = random() % 8;
      CAPTURE(path.string());
      CAPTURE(at);
      CAPTURE(bit);
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      spit(path, bytes);

      const auto checked = bridge::local::verify(dir.path());
      REQUIRE_MESSAGE(checked, checked.error().message);
      std::map<std::string, std::uint64_t> named;
      for (const auto& d : checked->damages) {
        CHECK(d.file == path);
        named[d.stream] += d.count;
      }
      CHECK(checked->cuts.empty());
      // Reading sees the same, whether it may write or not.
      const auto look = [&](bridge::bridge& b) {
        for (const auto& [stream, o_stream] : was) {
          const auto gone = check_served(o_stream, read_all(b, stream.c_str()));
          CHECK(gone.count == named[stream]);
          if (gone.count == 0) continue;
          const auto hit = std::ranges::find_if(o_stream.blocks, [&](const auto& block) {
            return block->first_seq <= gone.first && block->last().seq >= gone.first;
          });
          REQUIRE(hit != o_stream.blocks.end());
          CHECK(gone.first + gone.count - 1 <= (*hit)->last().seq);
        }
      };
      {
        const auto beside = bridge::local::open_read_only(dir.path());
        REQUIRE(beside);
        look(*beside->journal);
      }
      {
        auto j = must_open(o);
        look(*j.journal);
        write_blocks(*j.journal, 3, 600, 610, 10);
      }
      put_back(dir.path(), files);
    }
  }
}

}  // namespace artham::test
