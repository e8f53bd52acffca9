#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/calendars.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "market/feature/feature_plan.hpp"
#include "market/instrument.hpp"

namespace artham::app {

/// By what features are made from ticks.
struct feature_setup {
  bool enabled = false;
  std::shared_ptr<const market::feature::feature_plan> plan;
  std::vector<market::calendar_ptr> calendars;
  /// Of all that decides features, and of how actors save their state: a checkpoint is of use where
  /// the hash is the same.
  market::content_hash hash{};
};

[[nodiscard]] feature_setup feature_setup_of(const config::settings& s,
                                             const calendar_set& calendars,
                                             std::span<const market::instrument> instruments);
/// What a mark put in force.
[[nodiscard]] result<feature_setup> read_feature_setup(const bridge::bridge& journal,
                                                       const market::config_hashes& hashes);

/// A stretch of a journal that was written under the same settings, calendars and instruments.
struct feature_period {
  market::config_hashes hashes;
  record::position after;  ///< it begins behind this record
  record::position until;  ///< the last record of it
};
/// Of what lies behind `after`; its own epoch's beginning tells what is in force there.
[[nodiscard]] result<std::vector<feature_period>> feature_periods(bridge::bridge& journal,
                                                                  record::position after);

/// Where features keep theirs, of a data directory's checkpoints.
[[nodiscard]] std::filesystem::path feature_checkpoints(const std::filesystem::path& checkpoints);

/// See feature_reader_config::day_begin.
[[nodiscard]] std::function<result<record::position>(market::timestamp)> day_begin_in(
    bridge::bridge& journal, std::vector<market::calendar_ptr> calendars);

struct feature_rebuild {
  std::size_t threads = 2;
  std::uint64_t batch = 65'536;
  std::filesystem::path checkpoints;  ///< those made under the same rules shorten the way
  /// Told now and then how far the features have come.
  std::function<void(record::position)> on_progress;
};

/// Makes md:features of these periods, into another bridge or the journal itself, by the actors of
/// the running program, leaving out what is there already.
[[nodiscard]] result<void> make_features(bridge::bridge& journal,
                                         std::span<const feature_period> periods,
                                         bridge::bridge& outputs, const feature_rebuild& how);

/// Makes the features that a journal still owes from before now: what a record was journaled under
/// decides its features, however far they had come when the program ended. Returns the last record
/// that was journaled under anything but `now`, zeros when it is before the newest feature.
[[nodiscard]] result<record::position> finish_earlier_features(bridge::bridge& journal,
                                                               const market::config_hashes& now,
                                                               const feature_rebuild& how);

}  // namespace artham::app
