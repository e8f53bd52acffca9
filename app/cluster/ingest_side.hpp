#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "app/calendars.hpp"
#include "app/cluster/own_fence.hpp"
#include "app/cluster/unit.hpp"
#include "app/journal_upkeep.hpp"
#include "app/market_source.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/redis/follower.hpp"
#include "bridge/redis/forwarder.hpp"
#include "bridge/redis/refiller.hpp"
#include "market/error.hpp"

namespace artham::app::cluster {

/// Under the lease `ingest`, what md:ticks was journaled under last is kept by this name.
inline constexpr const char* rules_in_force_name = "rules";

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
  /// As `begin`, while Redis does not answer and this node was the last that ingested: it journals
  /// under an epoch of its fence, and forwards once it has the lease again (unit::refence). Null
  /// when it was not.
  [[nodiscard]] result<std::unique_ptr<unit>> begin_alone();
  /// The lease was given back: from now on others may ingest.
  void gave_back();
  /// Now and then: looks after the journal's room, and tells Redis what it does not know yet.
  void look();
  /// Ends all threads.
  void stop();

  /// What this node journals under; nothing when it does not, or without the lease.
  [[nodiscard]] std::optional<market::config_hashes> in_force() const;
  [[nodiscard]] market::date listed_on() const;
  /// Journals without the lease.
  [[nodiscard]] bool is_alone() const;
  /// The largest epoch that this node knows to have been used in its journal.
  [[nodiscard]] std::uint32_t largest_epoch() const { return largest_epoch_; }
  /// `/v1/status` says it under `ingest`.
  [[nodiscard]] nlohmann::json status() const;

 private:
  class ingest_unit;

  ingest_side(workshop& w, std::optional<std::filesystem::path> recording);
  result<void> open_journal(std::map<std::string, record::position> keep_until);
  /// Moves what md:ticks in Redis has differently out of the journal.
  result<void> leave_what_parted();
  result<void> catch_up();
  /// Up to where nobody in the cluster needs md:ticks; zeros when that is not known.
  [[nodiscard]] result<record::position> passed_by_all() const;
  void note_epoch(std::uint32_t epoch);
  /// Connects to the feed and journals. With a fence what it journals under is in Redis before;
  /// `epoch` is the least to begin.
  [[nodiscard]] result<std::unique_ptr<unit>> start(std::uint64_t fence, std::uint32_t epoch);
  [[nodiscard]] bridge::redis::forwarder_options forwarding();
  /// What is journaled under, in Redis: for other nodes, and those that come when this one is gone.
  [[nodiscard]] result<void> tell_rules(std::uint64_t fence);
  void take_fence(std::uint64_t fence);
  void wait_until_forwarded();
  void end();

  workshop& workshop_;
  std::optional<std::filesystem::path> recording_;
  calendar_set calendars_;
  bridge::local::opened journal_;
  std::unique_ptr<bridge::redis::follower> follower_;    ///< changed under the mutex
  std::unique_ptr<bridge::redis::forwarder> forwarder_;  ///< likewise
  std::unique_ptr<bridge::redis::refiller> refiller_;
  std::unique_ptr<market_source> market_;
  own_fence own_fence_;
  market::config_hashes hashes_;  ///< what is journaled under
  std::uint64_t untold_ = 0;      ///< the fence under which Redis is still to be told
  std::chrono::steady_clock::time_point next_look_{};
  template <class T>
  void set(std::unique_ptr<T>& member, std::type_identity_t<std::unique_ptr<T>> value) {
    const std::lock_guard lock(mutex_);
    member.swap(value);
  }

  std::atomic<std::uint32_t> largest_epoch_{0};
  std::atomic<bool> forked_{false};  ///< another node has ingested since
  mutable std::mutex mutex_;         ///< of everything below
  std::optional<market::config_hashes> in_force_;
  bool alone_ = false;  ///< journals without the lease
  market::date listed_on_;
  std::unique_ptr<journal_upkeep> upkeep_;
  std::function<bool()> finished_;  ///< the program's own exchange is through
};

}  // namespace artham::app::cluster
