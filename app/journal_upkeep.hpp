#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bridge/local/journal.hpp"
#include "market/calendar.hpp"
#include "runtime/metrics.hpp"
#include "store/store.hpp"

namespace artham::app {

struct upkeep_options {
  std::filesystem::path journal;                ///< its directory
  std::filesystem::path checkpoints;            ///< their directory
  market::duration retention = 0;               ///< of market time; 0: everything is kept
  std::uint64_t reserve = 0;                    ///< bytes; less room than that is alarmed
  std::vector<market::calendar_ptr> calendars;  ///< of what is subscribed: they say what today is
  bool features = false;                        ///< are made: they need their day
  std::size_t tick_shards = 1;                  ///< of the store: each has a position of its own
  /// Where rules of alerts are evaluated: up to where a stream has been, zeros when that is not
  /// known.
  std::function<record::position(const std::string& stream)> evaluated;
  /// In a cluster: up to where everybody has passed md:ticks; zeros when that is not known. Then
  /// nothing is asked of a store, and no checkpoints and features are looked for here.
  std::function<result<record::position>()> passed_ticks;
};

/// Looks after the room of a journal that is written: sounds the alarm when there is little, and
/// removes what retention allows.
class journal_upkeep {
 public:
  /// What is given must outlive it. `stored` is needed where there is a retention, but in a
  /// cluster.
  journal_upkeep(upkeep_options o, bridge::bridge& journal,
                 std::shared_ptr<bridge::local::trimmer> trimmer, store::reader* stored,
                 runtime::metrics& metrics);
  /// Where the journal began when it was opened.
  void began(const bridge::local::open_report& report);

  /// Measures and, now and then, removes; logs what changed. Blocks; from one thread.
  void look();
  /// Removes what may go now: segments of md:ticks that are older than retention and today, that
  /// every store has passed, and every checkpoint that is kept.
  [[nodiscard]] result<bridge::local::trim_report> remove_old();

  /// `/v1/status` says it under `journal`. From any thread.
  [[nodiscard]] nlohmann::json status() const;
  /// Why the journal takes nothing, or empty.
  [[nodiscard]] std::string unready() const;

 private:
  void measure_room();
  void measure_files();
  void count(const bridge::local::trim_report& done);
  [[nodiscard]] result<std::optional<bridge::local::trim_limits>> limits() const;

  upkeep_options options_;
  bridge::bridge& journal_;
  std::shared_ptr<bridge::local::trimmer> trimmer_;
  store::reader* stored_;
  runtime::metrics& metrics_;
  runtime::gauge& free_;
  runtime::gauge& low_;
  runtime::gauge& full_;
  unsigned looks_ = 0;
  std::optional<error> last_failure_;
  mutable std::mutex mutex_;  ///< of the line below
  std::optional<bridge::local::open_report::kept> kept_;
};

}  // namespace artham::app
