#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/calendar.hpp"
#include "market/feature/chain.hpp"
#include "market/feature/chain_rules.hpp"
#include "market/instrument.hpp"

namespace artham::market::feature {

/// An underlying with its futures and options, or one instrument that has none: what one feature
/// actor sees.
struct group_plan {
  struct future {
    std::uint32_t token = 0;
    date expiry;
  };
  struct listed_option {
    contract what;
    date expiry;
  };
  /// `NIFTY`; with the exchange in front (`BFO:NIFTY`) where an earlier exchange has the name. Of a
  /// single instrument its key.
  std::string name;
  calendar_ptr cal;
  std::uint32_t spot = 0;              ///< 0: no such instrument is known
  std::vector<future> futures;         ///< by expiry
  std::vector<listed_option> options;  ///< by expiry, strike, call before put

  [[nodiscard]] bool has_options() const { return !options.empty(); }
};

/// Which instruments belong together, by an exchange's list.
class feature_plan {
 public:
  using calendar_of_exchange = std::function<calendar_ptr(std::string_view exchange)>;
  /// Where a token stands for several instruments of the list, the last one counts.
  [[nodiscard]] static std::shared_ptr<const feature_plan> make(
      std::span<const instrument> list, const calendar_of_exchange& calendar_of,
      feature_rules rules);

  /// An instrument that the list does not know is a group of its own.
  [[nodiscard]] std::shared_ptr<const group_plan> group_of(std::uint32_t token) const;
  /// Groups with options, by name.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<const group_plan>, std::less<>>&
  chains() const {
    return chains_;
  }
  /// Of each token that the list knows.
  [[nodiscard]] const std::map<std::uint32_t, std::shared_ptr<const group_plan>>& groups() const {
    return by_token_;
  }
  [[nodiscard]] const feature_rules& rules() const { return rules_; }

 private:
  feature_rules rules_;
  calendar_ptr other_;  ///< of unknown instruments
  std::map<std::uint32_t, std::shared_ptr<const group_plan>> by_token_;
  std::map<std::string, std::shared_ptr<const group_plan>, std::less<>> chains_;
};

}  // namespace artham::market::feature
