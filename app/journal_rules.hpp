#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/calendars.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "market/instrument.hpp"

namespace artham::app {

/// By what bars are made from ticks.
struct bar_rules {
  std::vector<market::timeframe> timeframes;
  market::duration lateness = 3 * market::second;
  market::duration revision_horizon = 15 * market::minute;
  calendar_set calendars;
  std::shared_ptr<const actors::instrument_index> instruments;
  market::calendar_ptr only;  ///< one calendar for all instruments; null: by exchange

  [[nodiscard]] std::shared_ptr<const plan_book> plans() const;
  /// Of everything here but the instruments, and of how builders save their state: a checkpoint is
  /// of use where the hash is the same.
  [[nodiscard]] market::content_hash hash() const;
};

/// Without instruments.
[[nodiscard]] bar_rules rules_of(const config::settings& s, calendar_set calendars);

/// A stretch of a journal that was written under the same rules.
struct rule_period {
  bar_rules rules;
  record::position until;  ///< the last record of it
};

/// What a journal's epoch and config marks say.
struct journal_rules {
  std::vector<rule_period> periods;  ///< in order, at least one; neighbours differ
  std::map<std::uint32_t, market::instrument> instruments;  ///< by token, as listed last

  [[nodiscard]] const bar_rules& last() const { return periods.back().rules; }
  /// `NSE:INFY`
  [[nodiscard]] std::string name_of(std::uint32_t token) const;
};

/// Behind every record of earlier epochs: a cursor there begins with the epoch.
[[nodiscard]] constexpr record::position end_before(std::uint32_t epoch) {
  return {epoch - 1, INT64_MAX};
}

/// What an epoch was begun under; nothing when its beginning is not there or is damaged.
[[nodiscard]] result<std::optional<market::config_hashes>> hashes_of_epoch(bridge::bridge& journal,
                                                                           std::uint32_t epoch);

/// What the journal's newest epoch was begun under. errc::corrupt when nothing tells.
[[nodiscard]] result<market::config_hashes> newest_hashes(bridge::bridge& journal);

/// The settings that a mark puts in force.
[[nodiscard]] result<config::settings> read_settings(const bridge::bridge& journal,
                                                     const market::config_hashes& hashes);

/// The rules that a mark puts in force, without instruments.
[[nodiscard]] result<bar_rules> read_rules(const bridge::bridge& journal,
                                           const market::config_hashes& hashes);

/// Reads md:ticks for its marks, and the contents that they name. errc::corrupt when there are
/// none.
[[nodiscard]] result<journal_rules> rules_of(bridge::bridge& journal);

}  // namespace artham::app
