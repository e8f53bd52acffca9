#include "market/feature/smile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace artham::market::feature {

namespace {

constexpr double wing_delta = 0.25;

bool is_valued(const option_row& o) {
  return (o.fields & option_row::valued) != 0;
}

/// The rows of one strike.
struct strike_pair {
  price strike;
  const option_row* call = nullptr;
  const option_row* put = nullptr;

  /// The volatility of the out-of-the-money side, else of the other.
  [[nodiscard]] std::optional<double> iv(double forward) const {
    const bool call_first = as_number(strike) >= forward;
    const auto* first = call_first ? call : put;
    const auto* second = call_first ? put : call;
    if (first != nullptr && is_valued(*first)) return first->iv;
    if (second != nullptr && is_valued(*second)) return second->iv;
    return std::nullopt;
  }
};

std::vector<strike_pair> pairs_of(const chain_row& c) {
  std::vector<strike_pair> pairs;
  for (const auto& o : c.options) {
    if (pairs.empty() || pairs.back().strike != o.strike) pairs.push_back({o.strike});
    (o.type == option::side::call ? pairs.back().call : pairs.back().put) = &o;
  }
  return pairs;
}

double between(double x, double x0, double y0, double x1, double y1) {
  return x1 == x0 ? y0 : y0 + (y1 - y0) * ((x - x0) / (x1 - x0));
}

void read_atm(const std::vector<strike_pair>& pairs, chain_row& c) {
  const strike_pair* nearest = nullptr;
  const strike_pair* below = nullptr;
  const strike_pair* above = nullptr;
  for (const auto& p : pairs) {
    const double distance = std::abs(as_number(p.strike) - c.forward);
    if (nearest == nullptr || distance < std::abs(as_number(nearest->strike) - c.forward))
      nearest = &p;
    if (!p.iv(c.forward)) continue;
    if (as_number(p.strike) <= c.forward) {
      below = &p;
    } else if (above == nullptr) {
      above = &p;
    }
  }
  if (nearest == nullptr) return;
  c.atm_strike = nearest->strike;
  c.fields |= chain_row::atm_known;
  const auto priced = [](const option_row* o) {
    return o != nullptr && (o->fields & option_row::priced) != 0;
  };
  if (priced(nearest->call) && priced(nearest->put)) {
    c.straddle = as_number(nearest->call->used) + as_number(nearest->put->used);
    c.fields |= chain_row::straddle_known;
  }
  if (below == nullptr || (above == nullptr && as_number(below->strike) != c.forward)) return;
  c.atm_iv = above == nullptr ? *below->iv(c.forward)
                              : between(c.forward, as_number(below->strike), *below->iv(c.forward),
                                        as_number(above->strike), *above->iv(c.forward));
  c.fields |= chain_row::atm_iv_known;
}

/// Volatility where the magnitude of delta is 0.25, walking out of the money.
class wing {
 public:
  void take(const option_row* o) {
    if (found_ || o == nullptr || !is_valued(*o)) return;
    const double delta = std::abs(o->delta);
    if (delta <= wing_delta && (before_ != nullptr || delta == wing_delta)) {
      found_ = before_ == nullptr
                   ? o->iv
                   : between(wing_delta, std::abs(before_->delta), before_->iv, delta, o->iv);
    }
    before_ = delta >= wing_delta ? o : nullptr;
  }
  [[nodiscard]] const std::optional<double>& volatility() const { return found_; }

 private:
  const option_row* before_ = nullptr;  ///< the last one with a larger delta
  std::optional<double> found_;
};

void read_wings(const std::vector<strike_pair>& pairs, chain_row& c) {
  if ((c.fields & chain_row::atm_iv_known) == 0) return;
  wing calls;
  for (const auto& p : pairs) {
    if (as_number(p.strike) >= c.forward) calls.take(p.call);
  }
  wing puts;
  for (auto p = pairs.rbegin(); p != pairs.rend(); ++p) {
    if (as_number(p->strike) <= c.forward) puts.take(p->put);
  }
  if (!calls.volatility() || !puts.volatility()) return;
  c.risk_reversal = *calls.volatility() - *puts.volatility();
  c.butterfly = (*calls.volatility() + *puts.volatility()) / 2 - c.atm_iv;
  c.fields |= chain_row::wings_known;
}

void read_max_pain(const std::vector<strike_pair>& pairs, chain_row& c) {
  const auto oi_of = [](const option_row* o) -> int128 {
    return o != nullptr && (o->fields & option_row::oi_known) != 0 ? o->oi : 0;
  };
  // What the writers pay if all ends at a strike, from the one before: puts at or below it fall,
  // calls below it rise.
  int128 paid = 0;
  int128 puts_left = 0;
  for (const auto& p : pairs) puts_left += oi_of(p.put);
  for (const auto& p : pairs) paid += oi_of(p.put) * (p.strike.units - pairs.front().strike.units);
  int128 calls_in = 0;
  int128 least = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (i != 0) {
      const auto step = pairs[i].strike.units - pairs[i - 1].strike.units;
      calls_in += oi_of(pairs[i - 1].call);
      puts_left -= oi_of(pairs[i - 1].put);
      paid += (calls_in - puts_left) * step;
    }
    if (i == 0 || paid < least) {
      least = paid;
      c.max_pain = pairs[i].strike;
    }
  }
  c.fields |= chain_row::max_pain_known;
}

}  // namespace

void read_smile(chain_row& c) {
  if ((c.fields & chain_row::forward_known) == 0) return;
  const auto pairs = pairs_of(c);
  read_atm(pairs, c);
  read_wings(pairs, c);
}

void read_positions(chain_row& c, double underlying) {
  double gex = 0;
  for (const auto& o : c.options) {
    const bool call = o.type == option::side::call;
    if ((o.fields & option_row::oi_known) != 0) {
      c.fields |= chain_row::oi_known;
      (call ? c.call_oi : c.put_oi) += o.oi;
      (call ? c.call_oi_change : c.put_oi_change) += o.oi_change;
      if (is_valued(o)) {
        c.fields |= chain_row::gex_known;
        gex += (call ? 1.0 : -1.0) * o.gamma * static_cast<double>(o.oi);
      }
    }
    if ((o.fields & option_row::volume_known) != 0) {
      c.fields |= chain_row::volume_known;
      (call ? c.call_volume : c.put_volume) += o.volume;
    }
  }
  if ((c.fields & chain_row::gex_known) != 0) c.gex = gex * underlying * underlying * 0.01;
  if (c.call_oi > 0) {
    c.pcr_oi = static_cast<double>(c.put_oi) / static_cast<double>(c.call_oi);
    c.fields |= chain_row::pcr_oi_known;
  }
  if (c.call_volume > 0) {
    c.pcr_volume = static_cast<double>(c.put_volume) / static_cast<double>(c.call_volume);
    c.fields |= chain_row::pcr_volume_known;
  }
  if (c.call_oi > 0 || c.put_oi > 0) read_max_pain(pairs_of(c), c);
}

}  // namespace artham::market::feature
