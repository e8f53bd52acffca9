#pragma once

#include <random>
#include <string>

#include "market/bar.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"

namespace artham::test {

/// A mark with every field filled with something of its own.
inline market::mark sample_mark() {
  market::mark m;
  m.kind = market::mark_kind::gap;
  m.position = {7, 12'345'678'901};
  m.time = 1'766'992'620'000'000'001;
  m.wall = 1'766'992'621'000'000'002;
  m.from = 1'766'992'600'000'000'003;
  m.cause = market::gap_cause::stalled;
  m.flag = 1;
  m.mode = market::tick_mode::full;
  m.tokens = {256'265, 408'065, 4'294'967'295};
  m.subject = "NSE";
  m.hashes.settings.fill(1);
  m.hashes.calendar.fill(2);
  m.hashes.instruments.fill(0xff);
  return m;
}

inline market::bar sample_bar() {
  market::bar b;
  b.start = 1;
  b.end = -2;
  b.open = {3};
  b.high = {4};
  b.low = {-5};
  b.close = {6};
  b.volume = 7;
  b.oi = 8;
  b.oi_change = -9;
  b.vwap = {INT64_MAX};
  b.token = 4'294'967'295;
  b.ticks = 11;
  b.revision = 12;
  b.flags = 0x3f;
  b.fields = 0x0f;
  b.first = {13, 14};
  b.last = {15, UINT64_MAX};
  return b;
}

inline std::vector<market::bar_input> sample_ticks() {
  std::vector<market::bar_input> out(3);
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto& t = out[i];
    t.time = 1'000'000'000'000'000'001 + static_cast<std::int64_t>(i);
    t.last = {-100 + static_cast<std::int64_t>(i)};
    t.volume_or_size = 5'000'000'000 + static_cast<std::int64_t>(i);
    t.oi = static_cast<std::int64_t>(i);
    t.token = static_cast<std::uint32_t>(408'065 + i);
    t.fields = market::bar_input::volume | market::bar_input::open_interest;
    t.mode = market::tick_mode::full;
  }
  return out;
}

/// One byte changed, inserted or removed, or the end cut off.
inline std::string mutated(std::string bytes, std::mt19937_64& random) {
  const auto at = bytes.empty() ? 0 : random() % bytes.size();
  switch (random() % 4) {
    case 0:
      if (!bytes.empty()) {
        bytes[at] = static_cast<char>(random());
      }
      break;
    case 1:
      bytes.insert(at, 1, static_cast<char>(random()));
      break;
    case 2:
      bytes.erase(at, 1);
      break;
    default:
      bytes.resize(at);
  }
  return bytes;
}

}  // namespace artham::test
