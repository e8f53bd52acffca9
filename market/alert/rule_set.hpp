#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "market/alert/rule.hpp"
#include "market/alert/watch.hpp"
#include "market/bar.hpp"
#include "market/feature/rows.hpp"
#include "market/mark.hpp"
#include "market/position.hpp"
#include "market/tick.hpp"

namespace artham::market::alert {

/// A version of a rule, bound to an instrument and to a stretch of md:ticks.
struct bound_rule {
  std::int64_t id = 0;
  std::uint32_t version = 0;
  rule what;
  std::uint32_t token = 0;        ///< of the key's instrument; 0: it names none
  timestamp ends = never;         ///< nothing from then on counts: the token may be another's
  position from;                  ///< exclusive; causes behind it count
  std::optional<position> until;  ///< inclusive
  watch_state state;
};

/// An alert, as it is made: the rule and the record that it is about.
struct fired {
  std::int64_t rule = 0;
  std::uint32_t version = 0;
  market::cause cause;
  timestamp at = 0;            ///< event time
  std::uint64_t left_out = 0;  ///< alerts that `quiet` left out before it
  std::string values;          ///< JSON: what the condition's fields were
  friend bool operator==(const fired&, const fired&) = default;
};
/// `7-2-3-125043-0`: rule, version, and the cause. The same whenever and wherever it is made.
[[nodiscard]] std::string alert_id(const fired& f);

/// Rules, and what they say to records of one stream each, in its order. What is fired for one
/// record is in the order of the rules' ids and versions.
class rule_set {
 public:
  explicit rule_set(std::vector<bound_rule> rules);

  [[nodiscard]] bool empty(subject of) const;
  [[nodiscard]] bool watches_tick(std::uint32_t token) const { return ticks_.contains(token); }

  /// `known` is what the tick says; `core` when and of what it is.
  void on_tick(const bar_input& core, const values& known, std::vector<fired>& out);
  void on_bar(timeframe tf, const bar& b, const cause& c, std::vector<fired>& out);
  /// The chain, and the Greeks of its options.
  void on_chain(const feature::chain_row& row, const cause& c, std::vector<fired>& out);
  /// A mark that is no gap says nothing.
  void on_mark(const mark& m, std::vector<fired>& out);

  [[nodiscard]] const std::vector<bound_rule>& rules() const { return rules_; }
  /// Rules whose state may have changed since the last call.
  [[nodiscard]] std::vector<const bound_rule*> changed();

 private:
  using places = std::vector<std::size_t>;

  [[nodiscard]] static bool counts(const bound_rule& r, position at, timestamp time);
  template <class Take>
  void each(const places& which, const cause& c, timestamp at, const values& v,
            std::vector<fired>& out, Take take_it);

  std::vector<bound_rule> rules_;
  std::vector<bool> changed_;
  std::unordered_map<std::uint32_t, places> ticks_;
  std::map<std::pair<timeframe, std::uint32_t>, places> bars_;
  std::unordered_map<std::uint32_t, places> greeks_;
  std::map<std::pair<std::string, date>, places> chains_;
  places gaps_;
};

}  // namespace artham::market::alert
