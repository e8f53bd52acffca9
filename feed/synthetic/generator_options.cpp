#include <cstdlib>

#include "feed/synthetic/generator.hpp"

namespace artham::feed::synthetic {

const generator::instrument_state& generator::state_of(std::size_t underlying) const {
  return instruments_[underlying == 0 ? 0 : underlying + 1];
}

std::vector<std::int64_t> generator::levels_before(market::date on) const {
  const auto at = day_of(*nse_, on).previous_close_at;
  std::vector<std::int64_t> levels;
  for (std::size_t n = 0; n < chain_->underlyings().size(); ++n) {
    levels.push_back(level(state_of(n), at));
  }
  return levels;
}

void generator::list_options() {
  if (!chain_) {
    return;
  }
  for (const auto& c : contracts_) {
    by_token_.erase(c.token);
  }
  instruments_.erase(instruments_.begin() + options_.instruments, instruments_.end());
  const auto levels = levels_before(today_);
  contracts_ = chain_->listed(today_, levels);
  for (const auto& c : contracts_) {
    by_token_.emplace(c.token, instruments_.size());
    instruments_.push_back(option_state(c, levels[c.underlying]));
    instruments_.back().option = instruments_.size() - 1 - options_.instruments;
  }
}

generator::instrument_state generator::option_state(const contract& c, std::int64_t level) const {
  const auto& u = chain_->underlyings()[c.underlying];
  const auto steps = std::abs(c.strike - level) / u.step;
  const bool far = c.expiry.days - today_.days > 7;
  const bool round = c.strike % (10 * u.step) == 0;
  const bool busy = u.weekly;
  const auto interest = 160 / (10 + steps * steps) * (round ? 2 : 1);
  instrument_state i(mix(options_.seed, c.token));
  i.token = c.token;
  i.kind = kind::option;
  i.delay = delay_of(c.token);
  i.lot = u.lot;
  i.trade_lots = busy ? 1 + interest : interest / 8;
  i.other_lots = 4 * i.trade_lots;
  i.oi_lots = (1 + interest) * (busy ? 3'000 : 500);
  i.gap_ms = options_.activity == activity::every_second
                 ? 0
                 : (300 + 200 * steps * steps) * (far ? 2 : 1) * (busy ? 1 : 3);
  return i;
}

true_option generator::value(const contract& c, std::int64_t second) const {
  return price_of(c, surfaces_[c.underlying], level(state_of(c.underlying), second), second);
}

std::optional<true_option> generator::true_value(std::uint32_t token, market::timestamp t) const {
  const auto c = chain_ ? chain_->find(token) : std::nullopt;
  if (!c || t / market::second >= c->closes) {
    return std::nullopt;
  }
  return value(*c, t / market::second);
}

}  // namespace artham::feed::synthetic
