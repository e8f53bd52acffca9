#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/tick.hpp"

namespace artham::test {

inline std::string be16(std::uint32_t v) {
  return {static_cast<char>(v >> 8), static_cast<char>(v)};
}
inline std::string be32(std::uint32_t v) {
  return be16(v >> 16) + be16(v & 0xffff);
}

/// A frame around packets that are given as bytes.
inline std::string frame_of(const std::vector<std::string>& packets) {
  std::string out = be16(static_cast<std::uint32_t>(packets.size()));
  for (const auto& p : packets) {
    out += be16(static_cast<std::uint32_t>(p.size())) + p;
  }
  return out;
}

inline market::price rupees(std::int64_t whole, std::int64_t paise = 0) {
  return {whole * market::price_scale + paise * (market::price_scale / 100)};
}

/// INFY (NSE cash) in full mode; every field has a value of its own.
inline market::tick sample_full() {
  market::tick t;
  t.token = 408'065;
  t.mode = market::tick_mode::full;
  t.last = rupees(1299, 5);
  t.last_quantity = 2;
  t.average = rupees(1290, 29);
  t.volume = 4'000'000'000;
  t.buy_quantity = 390'117;
  t.sell_quantity = 410'173;
  t.open = rupees(1285, 50);
  t.high = rupees(1305, 90);
  t.low = rupees(1275, 51);
  t.close = rupees(1272, 10);
  t.last_trade_time = 1'612'777'254 * market::second;
  t.oi = 11;
  t.oi_day_high = 12;
  t.oi_day_low = 10;
  t.exchange_time = 1'612'777'255 * market::second;
  for (std::uint32_t i = 0; i < 5; ++i) {
    t.bids[i] = {rupees(1299 - i), 4'294'967'295u - i, 65'535u - i};
    t.offers[i] = {rupees(1300 + i), 100 + i, 1 + i};
  }
  return t;
}

inline market::tick sample_quote() {
  auto t = sample_full();
  t.mode = market::tick_mode::quote;
  t.last_trade_time = t.exchange_time = 0;
  t.oi = t.oi_day_high = t.oi_day_low = 0;
  t.bids = {};
  t.offers = {};
  return t;
}

inline market::tick sample_ltp() {
  market::tick t;
  t.token = 408'065;
  t.last = rupees(1573, 15);
  return t;
}

/// NIFTY 50, falling.
inline market::tick sample_index(market::tick_mode mode) {
  market::tick t;
  t.token = 256'265;
  t.mode = mode;
  t.last = rupees(25'769, 55);
  t.high = rupees(25'885, 30);
  t.low = rupees(25'763);
  t.open = rupees(25'873, 35);
  t.close = rupees(25'819, 35);
  if (mode == market::tick_mode::index_full) {
    t.exchange_time = 1'771'476'196 * market::second;
  }
  return t;
}

inline std::vector<market::tick> sample_of_every_mode() {
  return {sample_ltp(), sample_index(market::tick_mode::index_quote),
          sample_index(market::tick_mode::index_full), sample_quote(), sample_full()};
}

}  // namespace artham::test
