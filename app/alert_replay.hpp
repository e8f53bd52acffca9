#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/alert/alert_input.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "feed/feed.hpp"
#include "market/alert/rule_set.hpp"
#include "messages/record/feature_codec.hpp"
#include "store/alerts.hpp"

namespace artham::app {

/// The rules of a store, as they were in force, over the records of a replay: the same alerts that
/// the running program had.
class alert_replay {
 public:
  /// Of the store of the settings; `data` is the data directory.
  [[nodiscard]] static result<alert_replay> open(const config::settings& s,
                                                 const std::filesystem::path& data);
  [[nodiscard]] static result<alert_replay> of(const std::vector<store::stored_rule>& rules);

  /// errc::usage when a rule watches what this replay does not make.
  [[nodiscard]] result<void> check(const std::vector<market::timeframe>& timeframes,
                                   bool features) const;
  /// What they say to a whole stream, from its beginning.
  [[nodiscard]] result<void> take(bridge::bridge& from, const actors::alert_input& input,
                                  const feed::decoder& decoder);
  void take(const record::feature_record& r);

  /// alerts.csv: in the order of causes, rules and versions. Rows are how many there are.
  [[nodiscard]] result<std::pair<std::filesystem::path, std::size_t>> write(
      const std::filesystem::path& dir);

 private:
  alert_replay() = default;

  std::map<std::pair<std::int64_t, std::uint32_t>, store::alert_rule> stored_;
  std::unique_ptr<market::alert::rule_set> rules_;
  std::vector<market::alert::fired> fired_;
};

}  // namespace artham::app
