#include "bench/chain_market.hpp"

#include <cmath>
#include <utility>

#include "market/option/option.hpp"
#include "market/price.hpp"

namespace artham::bench {

namespace {

constexpr double volatility = 0.15;
constexpr std::int64_t first_price = 2'500'000;  // paise
constexpr std::int64_t step = 5'000;             // paise, between strikes

market::price paise(std::int64_t n) {
  return {n * (market::price_scale / 100)};
}

std::uint32_t spot_token(std::size_t underlying) {
  return static_cast<std::uint32_t>(1'000 + underlying) << 8U | 1U;
}

}  // namespace

chain_market::chain_market(std::size_t underlyings, std::size_t expiries, std::size_t strikes,
                           market::timestamp open)
    : paise_(underlyings, first_price),
      first_{static_cast<std::int32_t>((open + market::india_offset) / market::day) + 4} {
  std::uint32_t next = 1U << 20U;
  for (std::size_t u = 0; u < underlyings; ++u) {
    market::instrument spot;
    spot.token = spot_token(u);
    spot.exchange = spot.segment = "NSE";
    spot.symbol = spot.name = name(u);
    spot.type = "EQ";
    instruments_.push_back(spot);
    for (std::size_t e = 0; e < expiries; ++e) {
      for (std::size_t k = 0; k < strikes * 2; ++k) {
        const auto place =
            static_cast<std::int64_t>(k / 2) - static_cast<std::int64_t>(strikes / 2);
        market::instrument o;
        o.token = next++ << 8U | 2U;
        o.exchange = "NFO";
        o.segment = "NFO-OPT";
        o.name = name(u);
        o.type = k % 2 == 0 ? "CE" : "PE";
        o.expiry = expiry(e);
        o.strike = paise(first_price + place * step);
        o.symbol = o.name + std::to_string(o.token);
        contracts_.push_back({o.token, u, static_cast<double>(first_price + place * step) / 100,
                              (4.0 + 7.0 * static_cast<double>(e)) / 365, k % 2 == 0});
        instruments_.push_back(std::move(o));
      }
    }
  }
}

std::string chain_market::name(std::size_t underlying) {
  return "U" + std::to_string(underlying);
}

market::date chain_market::expiry(std::size_t n) const {
  return {first_.days + static_cast<std::int32_t>(7 * n)};
}

market::tick chain_market::spot(std::size_t underlying, market::timestamp now) {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  auto& p = paise_[underlying];
  p += 5 * (static_cast<std::int64_t>(random_ % 9) - 4);
  market::tick t;
  t.token = spot_token(underlying);
  t.mode = market::tick_mode::full;
  t.last = t.open = t.high = t.low = t.close = t.average = paise(p);
  t.exchange_time = now / market::second * market::second;
  t.bids[0] = {paise(p), 75, 1};
  t.offers[0] = {paise(p + 5), 75, 1};
  return t;
}

market::tick chain_market::option(std::size_t contract, market::timestamp now) const {
  const auto& c = contracts_[contract];
  namespace option = market::option;
  const auto v =
      option::value(option::pricing::black76,
                    {c.call ? option::side::call : option::side::put,
                     static_cast<double>(paise_[c.underlying]) / 100, c.strike, c.years, 0, 0},
                    volatility)
          .price;
  const auto bid = static_cast<std::int64_t>(std::floor(v * 20)) * 5;
  market::tick t;
  t.token = c.token;
  t.mode = market::tick_mode::full;
  t.last = t.open = t.high = t.low = t.close = t.average = paise(bid + 5);
  t.exchange_time = now / market::second * market::second;
  t.oi = 75 * 1'000;
  t.volume = 75 * 100;
  for (std::size_t i = 0; i < t.bids.size(); ++i) {
    const auto away = static_cast<std::int64_t>(5 * i);
    if (bid > away) t.bids[i] = {paise(bid - away), 75, 1};
    t.offers[i] = {paise(bid + 5 + away), 75, 1};
  }
  return t;
}

}  // namespace artham::bench
