#include "feed/synthetic/option_chain.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "market/price.hpp"

namespace artham::feed::synthetic {

using market::date;
using market::option::side;

namespace {

constexpr std::int64_t units_per_paisa = market::price_scale / 100;
constexpr std::uint32_t nfo_segment = 2;

// Exchange tokens: (week + 1024) * 1024 + slot, all above those of a million shares; a slot is an
// underlying's strike and type. Weeks are numbered by their Tuesdays, the first one 1970-01-06.
constexpr std::int32_t first_week = 1024;
constexpr std::int32_t slots = 1024;
constexpr std::int32_t last_week = (1 << 24) / slots - first_week - 1;
struct slot_range {
  std::int32_t first;
  std::int32_t strikes;
};
constexpr std::array<slot_range, option_chain::max_underlyings> ranges{
    {{0, 256}, {512, 128}, {768, 128}}};

date tuesday(std::int32_t week) {
  return {7 * week + 5};
}

bool is_monthly(std::int32_t week) {
  return market::civil(tuesday(week)).month != market::civil(tuesday(week + 1)).month;
}

/// The strike of an underlying's slot 0, as a multiple of the step.
std::int64_t lowest_strike(const underlying& u, std::size_t index) {
  return u.base / u.step - ranges[index].strikes / 2;
}

std::string two_digits(unsigned n) {
  return {static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)};
}

/// `25DEC` of a monthly expiry, `25D23` of a weekly one.
std::string expiry_code(date expiry, bool monthly) {
  static constexpr std::array months{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                     "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  static constexpr std::string_view letters = "123456789OND";
  const auto c = market::civil(expiry);
  const auto year = two_digits(static_cast<unsigned>(c.year % 100));
  return monthly ? year + months[c.month - 1] : year + letters[c.month - 1] + two_digits(c.day);
}

}  // namespace

std::int64_t strike_step(std::int64_t base) {
  const auto least = base * 15 / 1000;
  for (std::int64_t decade = 100;; decade *= 10) {
    for (const std::int64_t digit : {1, 2, 5}) {
      if (decade * digit >= least) {
        return decade * digit;
      }
    }
  }
}

option_chain::option_chain(std::vector<underlying> list, market::calendar_ptr nfo)
    : underlyings_(std::move(list)), nfo_(std::move(nfo)) {
  underlyings_.resize(std::min(underlyings_.size(), max_underlyings));
}

std::optional<date> option_chain::expiry_of(std::int32_t week) const {
  const auto last = tuesday(week);
  for (auto d = last; d.days > last.days - 7; --d.days) {
    if (nfo_->is_trading_date(d)) {
      return d;
    }
  }
  return std::nullopt;
}

std::optional<contract> option_chain::make(std::size_t index, std::int32_t week,
                                           std::int64_t strike, side type) const {
  const auto& u = underlyings_[index];
  const auto number = strike / u.step - lowest_strike(u, index);
  const auto expiry = expiry_of(week);
  if (!expiry || strike <= 0 || number < 0 || number >= ranges[index].strikes || week > last_week ||
      week < 0) {
    return std::nullopt;
  }
  const auto slot =
      ranges[index].first + 2 * static_cast<std::int32_t>(number) + (type == side::call ? 0 : 1);
  contract c;
  c.token = static_cast<std::uint32_t>((week + first_week) * slots + slot) << 8 | nfo_segment;
  c.underlying = index;
  c.expiry = *expiry;
  c.monthly = is_monthly(week);
  c.strike = strike;
  c.type = type;
  c.closes = nfo_->day(*expiry).sessions.back().close / market::second;
  return c;
}

std::vector<std::int32_t> option_chain::weeks(date on, bool weekly) const {
  constexpr int looked_at = 10;
  constexpr int weeklies = 2;
  std::vector<std::int32_t> found;
  bool monthly = false;
  int nearest = 0;
  const auto first = (on.days + 1) / 7;
  for (auto week = first; week < first + looked_at && !(monthly && nearest >= weeklies); ++week) {
    const auto expiry = expiry_of(week);
    if (!expiry || *expiry < on) {
      continue;
    }
    const bool first_monthly = is_monthly(week) && !monthly;
    monthly = monthly || first_monthly;
    if (first_monthly || (weekly && nearest < weeklies)) {
      found.push_back(week);
    }
    ++nearest;
  }
  return found;
}

std::vector<contract> option_chain::listed(date on, std::span<const std::int64_t> levels) const {
  std::vector<contract> list;
  for (std::size_t n = 0; n < underlyings_.size(); ++n) {
    const auto& u = underlyings_[n];
    const auto middle = (levels[n] + u.step / 2) / u.step;
    for (const auto week : weeks(on, u.weekly)) {
      for (auto k = middle - u.strikes_aside; k <= middle + u.strikes_aside; ++k) {
        for (const auto type : {side::call, side::put}) {
          if (const auto c = make(n, week, k * u.step, type)) {
            list.push_back(*c);
          }
        }
      }
    }
  }
  return list;
}

std::optional<contract> option_chain::find(std::uint32_t token) const {
  const auto exchange_token = static_cast<std::int32_t>(token >> 8);
  if ((token & 0xff) != nfo_segment || exchange_token < first_week * slots) {
    return std::nullopt;
  }
  const auto slot = exchange_token % slots;
  for (std::size_t n = 0; n < underlyings_.size(); ++n) {
    const auto at = slot - ranges[n].first;
    if (at >= 0 && at < 2 * ranges[n].strikes) {
      const auto& u = underlyings_[n];
      return make(n, exchange_token / slots - first_week, (lowest_strike(u, n) + at / 2) * u.step,
                  at % 2 == 0 ? side::call : side::put);
    }
  }
  return std::nullopt;
}

market::instrument option_chain::describe(const contract& c) const {
  const auto& u = underlyings_[c.underlying];
  market::instrument i;
  i.token = c.token;
  i.exchange_token = c.token >> 8;
  i.exchange = "NFO";
  i.segment = "NFO-OPT";
  i.name = u.name;
  i.expiry = c.expiry;
  i.strike = {c.strike * units_per_paisa};
  i.tick_size = {tick_size * units_per_paisa};
  i.lot_size = u.lot;
  i.type = c.type == side::call ? "CE" : "PE";
  i.symbol = u.name + expiry_code(c.expiry, c.monthly) + market::to_string(i.strike) + i.type;
  return i;
}

}  // namespace artham::feed::synthetic
