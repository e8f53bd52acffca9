#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "config/calendar_file.hpp"
#include "market/feature/chain.hpp"
#include "market/feature/feature_group.hpp"
#include "market/feature/feature_plan.hpp"

namespace chain_test {

using namespace artham::market;           // NOLINT(google-build-using-namespace)
using namespace artham::market::feature;  // NOLINT(google-build-using-namespace)

inline constexpr std::int64_t rupee = price_scale;
inline constexpr std::uint32_t spot_token = 256'265;
inline constexpr std::uint32_t future_token = 49'000 * 256 + 2;

inline calendar_ptr calendar_named(std::string_view name) {
  return artham::config::load_calendar(std::string(name))->calendar;
}

inline price rupees(double x) {
  return {static_cast<std::int64_t>(std::llround(x * 100)) * (rupee / 100)};
}

inline instrument derivative(std::uint32_t token, std::string type, date expiry, double strike = 0,
                             std::string name = "NIFTY", std::string exchange = "NFO") {
  instrument i;
  i.token = token;
  i.exchange = std::move(exchange);
  i.segment = i.exchange + (type == "FUT" ? "-FUT" : "-OPT");
  i.name = std::move(name);
  i.type = std::move(type);
  i.expiry = expiry;
  i.strike = rupees(strike);
  i.symbol = i.name + to_string(expiry) + std::to_string(static_cast<int>(strike)) + i.type;
  i.lot_size = 75;
  return i;
}

inline instrument index_nifty() {
  instrument i;
  i.token = spot_token;
  i.exchange = "NSE";
  i.segment = "INDICES";
  i.symbol = i.name = "NIFTY 50";
  i.type = "EQ";
  return i;
}

/// Token of the option at a strike of this test's chains.
inline std::uint32_t option_token(int strike, bool call) {
  return (60'000U + static_cast<std::uint32_t>(strike) * 2 + (call ? 0 : 1)) * 256 + 2;
}

/// NIFTY with its future and options at these strikes that expire on `expiry`.
inline std::vector<instrument> nifty(date expiry, const std::vector<int>& strikes) {
  std::vector<instrument> list{index_nifty(), derivative(future_token, "FUT", expiry)};
  for (const int k : strikes) {
    list.push_back(derivative(option_token(k, true), "CE", expiry, k));
    list.push_back(derivative(option_token(k, false), "PE", expiry, k));
  }
  return list;
}

inline std::shared_ptr<const feature_plan> plan_of(const std::vector<instrument>& list,
                                                   feature_rules rules = {}) {
  return feature_plan::make(
      list, [](std::string_view exchange) { return calendar_named(calendar_of(exchange)); },
      std::move(rules));
}

/// A quote with a book of one tick around `mid`, or with the last price alone.
inline quote quoted(std::uint32_t token, timestamp t, double bid, double ask) {
  quote q;
  q.token = token;
  q.time = t;
  q.epoch = 1;
  q.mode = tick_mode::full;
  q.last = rupees(bid);
  q.bid = rupees(bid);
  q.ask = rupees(ask);
  q.bid_quantity = q.ask_quantity = 75;
  q.fields = quote::depth_known | quote::volume_known | quote::oi_known;
  return q;
}

}  // namespace chain_test
