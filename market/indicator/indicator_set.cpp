#include "market/indicator/indicator_set.hpp"

#include <cmath>

namespace artham::market::indicator {

namespace {

value of_price(std::optional<price> p) {
  return p ? value{value::form::price, *p, 0} : value{};
}

/// Nothing beyond the range of prices.
value rounded(std::optional<double> units) {
  if (!units || !(std::abs(*units) < 9.2e18)) return {};
  return of_price(price{std::llrint(*units)});
}

}  // namespace

indicator_set::indicator_set(std::span<const spec> specs) {
  for (const auto& s : specs) states_.push_back(make(s));
}

indicator_set::state indicator_set::make(const spec& s) {
  switch (s.kind) {
    case kind::sma:
      return sma(s.length);
    case kind::ema:
      return ema{smoothed(smoothed::by::exponential, s.length)};
    case kind::rsi:
      return rsi(s.length);
    case kind::atr:
      return atr(s.length);
    case kind::vwap:
      break;
  }
  return bands{{}, static_cast<double>(s.width.units) / price_scale};
}

std::vector<value> indicator_set::add(const bar& b, date trading_date) {
  std::vector<value> out;
  out.reserve(states_.size());
  struct visitor {
    const bar& b;
    date trading_date;
    std::vector<value>& out;

    void operator()(sma& s) const { out.push_back(of_price(s.add(b.close))); }
    void operator()(ema& e) const {
      out.push_back(rounded(e.mean.add(static_cast<double>(b.close.units))));
    }
    void operator()(rsi& r) const {
      const auto index = r.add(b.close);
      out.push_back(index ? value{value::form::number, {}, *index} : value{});
    }
    void operator()(atr& a) const { out.push_back(rounded(a.add(b))); }
    void operator()(bands& s) const {
      const auto v = s.vwap.add(b, trading_date);
      out.push_back(v ? rounded(v->mean) : value{});
      if (s.width == 0) return;
      out.push_back(v ? rounded(v->mean + s.width * v->deviation) : value{});
      out.push_back(v ? rounded(v->mean - s.width * v->deviation) : value{});
    }
  };
  for (auto& s : states_) std::visit(visitor{b, trading_date, out}, s);
  return out;
}

}  // namespace artham::market::indicator
