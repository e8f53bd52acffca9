#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/option/option.hpp"
#include "market/time.hpp"

namespace artham::market::feature {

/// Where the forward of a chain comes from.
enum class forward_source : std::uint8_t {
  none,
  parity,  ///< put-call parity at the strike where call and put are nearest
  future,  ///< the future that expires with the options, else the next one after them
  spot,    ///< the underlying's own price, carried by rate and dividend
};
[[nodiscard]] std::string_view name(forward_source s);

enum class year_rule : std::uint8_t {
  calendar,  ///< 365 days of 24 hours
  trading,   ///< time in session over that of the 365 days before expiry
};

/// How the options on one underlying are valued.
struct chain_rules {
  option::pricing model = option::pricing::black76;
  /// The first that is there and fresh is taken; `none` ends the list.
  std::array<forward_source, 3> sources{forward_source::parity, forward_source::future,
                                        forward_source::spot};
  double rate = 0;      ///< continuous, a year
  double dividend = 0;  ///< continuous yield of the spot
  year_rule years = year_rule::calendar;
  duration stale_option = 5 * minute;  ///< an older quote of an option counts no more
  duration stale_underlying = minute;  ///< likewise of a spot or future
  friend bool operator==(const chain_rules&, const chain_rules&) = default;
};

/// Rules of every underlying, and how often features of record are made.
struct feature_rules {
  duration interval = second;                 ///< of chains; a multiple of the clock interval
  duration instrument_interval = 5 * second;  ///< of single instruments; likewise
  chain_rules common;
  std::map<std::string, chain_rules, std::less<>> of;  ///< by underlying: NIFTY
  friend bool operator==(const feature_rules&, const feature_rules&) = default;

  [[nodiscard]] const chain_rules& rules_of(std::string_view underlying) const {
    const auto it = of.find(underlying);
    return it == of.end() ? common : it->second;
  }
};

/// `parity future spot` in any order and number.
[[nodiscard]] result<std::array<forward_source, 3>> parse_sources(std::string_view text);
[[nodiscard]] std::string write_sources(const std::array<forward_source, 3>& sources,
                                        std::string_view between);
/// `NIFTY model=bs forward=spot+future rate=0.065 dividend=0.012 years=trading stale_option=60s
/// stale_underlying=5s`: whatever is not named is as in `common`. The error names the part.
[[nodiscard]] result<std::pair<std::string, chain_rules>> parse_chain_rules(
    std::string_view text, const chain_rules& common);
}  // namespace artham::market::feature
