#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "app/calendars.hpp"
#include "app/cluster/unit.hpp"
#include "app/market_source.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/redis/follower.hpp"
#include "bridge/redis/forwarder.hpp"
#include "market/error.hpp"

namespace artham::app::cluster {

/// The ingest role of a node: its journal, which either follows what another node ingests (standby)
/// or is what this node ingests, forwarded. Used by one thread; `in_force`, `status` and
/// `largest_epoch` by any.
class ingest_side {
 public:
  /// Opens the journal. What md:ticks did not accept of it is moved out of it, into orphans.
  [[nodiscard]] static result<std::unique_ptr<ingest_side>> open(
      workshop& w, std::optional<std::filesystem::path> recording);
  ~ingest_side();

  /// Follows, if it does not already.
  void stand_by();
  /// Catches up with md:ticks, then begins an epoch and connects to the feed. Ends with the unit.
  [[nodiscard]] result<std::unique_ptr<unit>> begin(std::uint64_t fence);
  /// Ends all threads.
  void stop();

  /// What this node journals under; nothing when it does not.
  [[nodiscard]] std::optional<market::config_hashes> in_force() const;
  [[nodiscard]] market::date listed_on() const;
  /// The largest epoch in the journal.
  [[nodiscard]] std::uint32_t largest_epoch() const;
  /// `/v1/status` says it under `ingest`.
  [[nodiscard]] nlohmann::json status() const;

 private:
  class ingest_unit;

  ingest_side(workshop& w, std::optional<std::filesystem::path> recording);
  result<void> open_journal();
  result<void> open_calendars();
  /// Where this node's md:ticks and what Redis has part; nothing when they do not.
  [[nodiscard]] result<std::optional<record::position>> fork() const;
  result<void> catch_up();
  void end();

  workshop& workshop_;
  std::optional<std::filesystem::path> recording_;
  calendar_set calendars_;
  bridge::local::opened journal_;
  std::unique_ptr<bridge::redis::follower> follower_;
  std::unique_ptr<bridge::redis::forwarder> forwarder_;
  std::unique_ptr<market_source> market_;
  std::shared_ptr<const market::feature::shard_map> shards_;
  mutable std::mutex mutex_;  ///< of everything below
  std::optional<market::config_hashes> in_force_;
  market::date listed_on_;
};

}  // namespace artham::app::cluster
