#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/local/journal.hpp"
#include "tests/bridge/scratch.hpp"
#include "tests/bridge/support.hpp"

namespace artham::test {

namespace fs = std::filesystem;

inline constexpr auto ticks = "md:ticks";

inline bridge::local::options options_in(const fs::path& dir) {
  bridge::local::options o;
  o.dir = dir;
  return o;
}

inline bridge::local::opened must_open(bridge::local::options o) {
  auto opened = bridge::local::open(std::move(o));
  if (!opened) FAIL(opened.error().message);
  return std::move(*opened);
}

inline std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void spit(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline std::vector<fs::path> files_of(const fs::path& stream_dir, std::string_view extension) {
  std::vector<fs::path> found;
  for (const auto& e : fs::directory_iterator(stream_dir)) {
    if (e.path().extension() == extension) found.push_back(e.path());
  }
  std::ranges::sort(found);
  return found;
}
inline void remove_indexes(const fs::path& stream_dir) {
  for (const auto& path : files_of(stream_dir, ".idx")) fs::remove(path);
}

/// Appends frames of two packets with values [from, to), a block each.
inline void write_frames(bridge::bridge& b, std::uint32_t epoch, std::uint32_t from,
                         std::uint32_t to) {
  auto w = *b.open_writer(ticks, epoch);
  auto follower = *b.open_reader(ticks, b.stream_tops(ticks)->appended, bridge::top::appended, {});
  for (auto i = from; i < to; ++i) {
    const std::vector<std::uint32_t> tokens{i % 7, i};
    const auto at = w->append(frame_record(tokens, i, open_time + i), 2, tokens);
    REQUIRE(at);
    REQUIRE(!pull_to(*follower, at->seq + 1).empty());
  }
}

/// All that a cursor from the beginning gets.
inline std::vector<record::block_ptr> read_all(bridge::bridge& b, const char* stream = ticks) {
  auto r = *b.open_reader(stream, {}, bridge::top::appended, {});
  std::vector<record::block_ptr> all;
  for (;;) {
    auto blocks = r->pull(1000);
    if (!blocks) FAIL(blocks.error().message);
    if (blocks->empty()) return all;
    for (auto& block : *blocks) all.push_back(std::move(block));
  }
}

/// True when each record is the frame that write_frames put at its position.
inline bool frames_are_right(const std::vector<record::block_ptr>& blocks, std::uint32_t from) {
  return std::ranges::all_of(records_of(blocks), [&](const seen_record& r) {
    const auto i = static_cast<std::uint32_t>((r.at.seq - 1) / 2) + from;
    return r.at.seq % 2 == 1 && r.header.count == 2 && r.body == frame({i % 7, i}, i);
  });
}

}  // namespace artham::test
