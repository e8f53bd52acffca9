#pragma once

#include <memory>
#include <vector>

#include "actors/session/instrument_index.hpp"
#include "app/calendars.hpp"
#include "app/feature_rules.hpp"
#include "app/journal_rules.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "market/feature/shard_map.hpp"
#include "market/instrument.hpp"
#include "market/mark.hpp"

namespace artham::app::cluster {

/// By what a cluster makes bars and features now: what the ingest node journals under.
struct rules_in_force {
  market::config_hashes hashes;
  std::vector<market::instrument> instruments;
  std::shared_ptr<const actors::instrument_index> index;
  bar_rules bars;
  std::shared_ptr<const plan_book> plans;
  market::content_hash bars_hash{};
  feature_setup features;
};

/// errc::not_found while the contents are not all there.
[[nodiscard]] result<std::shared_ptr<const rules_in_force>> read_rules_in_force(
    bridge::bridge& from, const market::config_hashes& hashes);

}  // namespace artham::app::cluster
