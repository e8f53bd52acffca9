#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/bars/bar_builder.hpp"
#include "actors/bars/derived_streams.hpp"
#include "actors/bars/quarantine_book.hpp"
#include "actors/bars/quarantine_log.hpp"
#include "actors/bars/work_maker.hpp"
#include "actors/checkpoint.hpp"
#include "actors/dynamic_children.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "messages/actors.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"

namespace artham::actors {

struct bar_reader_config {
  bridge::bridge* input = nullptr;   ///< where md:ticks is
  bridge::bridge* output = nullptr;  ///< where the derived streams go; may be the same
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<const messages::directory> names;
  std::vector<market::timeframe> timeframes;
  /// Timeframes and rules for an instrument, by its calendar.
  std::function<std::shared_ptr<const market::bar_plan>(std::uint32_t token)> plan_of;
  market::content_hash plan_hash{};
  std::uint64_t batch = 262'144;  ///< records a work has at the most, roughly
  /// Where to begin without a checkpoint. Empty: at the first record.
  std::function<result<record::position>()> begin;
  std::filesystem::path checkpoint_dir;                       ///< empty: no checkpoints
  market::duration checkpoint_interval = 5 * market::minute;  ///< of market time
  runtime::worker* disk = nullptr;                            ///< writes checkpoints
  /// Told of each that is on the disk, from the disk's thread.
  std::function<void(const checkpoint&)> on_checkpoint;
  /// Told behind which record this life begins to read, before it does.
  std::function<void(record::position)> on_begin;
  /// Told when everything up to a position is in the derived streams.
  std::function<void(record::position)> on_processed;
  /// Quarantines that were recorded elsewhere than in the output, where the reader finds its own.
  std::vector<record::dead_letter> quarantines;
  repaired_bars repaired = repaired_bars::leave_out;
  std::function<void(const messages::bar_work&, const messages::bar_slice&)>
      before_slice;            ///< see bar_builder_config
  record_hook before_records;  ///< likewise
};

/// Names in the directory.
inline constexpr std::string_view builders_name = "bars.builders";
inline constexpr std::string_view bar_reader_name = "bars.reader";

/// Metrics: quarantines that this process recorded, and those in force.
inline constexpr std::string_view quarantines_metric = "artham_quarantines_total";
inline constexpr std::string_view quarantined_metric = "artham_quarantined";

/// Reads md:ticks, gives each bar builder its slices, gathers the answers and appends what closed
/// to the derived streams, sorted, so that neither block size nor thread count can be seen in them.
/// A record that a builder dies of twice is left out by that builder from then on; a builder that
/// its supervisor parks, or that dies twice of a mark, takes nothing from there on. Both are
/// written to md:deadletter before any output with that or a later cause is appended.
///
/// State: the works in flight (at most `max_in_flight`), a slot per builder, the quarantines, live
/// bars that wait for the hub's credit (one per watched key), the newest checkpoint. Takes: "ready"
/// of md:ticks, "room" of a derived stream, "done" of builders, watches and credits of the hub,
/// checkpoint requests, child events of the builders' supervisor.
/// Sends: slices and refills to builders; start_child to their supervisor; live batches to whoever
/// gave credit.
class bar_reader_state {
 public:
  static inline const char* name = "artham.bar_reader";
  static constexpr std::size_t max_in_flight = 4;

  messages::bar_reader_actor::behavior_type start(
      messages::bar_reader_actor::stateful_pointer<bar_reader_state> self,
      bar_reader_config config);

 private:
  struct builder_slot {
    messages::bar_builder_actor handle;
    bool started_before = false;  ///< had a life here, or has state in the checkpoint
    /// Lived here, and the checkpoint has nothing of it: refilled from the stream's beginning.
    bool whole = false;
    bool parked = false;
    record::position end = record::no_position;  ///< its quarantine: takes nothing from here on
    /// Of the slice that it dies of: the record that it died of last; seq 0: any, it is not known.
    std::optional<record::position> suspect;
  };

  void restore();
  void pull();
  void dispatch(messages::bar_work_ptr work);
  void send_slice(const messages::bar_work_ptr& work, std::uint32_t index);
  void ask_for_builder(std::uint32_t slot);
  void on_child(const messages::child_event& e);
  void on_started(std::uint32_t slot, const caf::actor& handle);
  void on_down(std::uint32_t slot, const caf::error& reason);
  void on_parked(std::uint32_t slot, const caf::error& reason);
  /// The builder died twice of this record.
  void leave_out(std::uint32_t slot, const messages::bar_work& work, record::position at,
                 std::string why);
  /// The builder takes nothing from the first record of this work on.
  void stop_builder(std::uint32_t slot, const messages::bar_work& work, std::string why);
  void quarantine(record::dead_letter letter);
  /// Its builder has nothing to say of this work any more.
  [[nodiscard]] bool is_out(const builder_slot& s, const messages::bar_work& work) const;
  void answer_empty(messages::bar_work& work, messages::bar_slice& slice);
  void show_quarantines();
  /// The works in flight that wait for this builder, oldest first, and its slice in each.
  [[nodiscard]] std::vector<std::pair<messages::bar_work_ptr, std::uint32_t>> unanswered(
      std::uint32_t slot) const;
  void gather();
  void finish(messages::bar_work& work);
  void finish_checkpoint(messages::bar_work& work);
  void want_checkpoint();
  void watch(std::uint32_t token, std::uint32_t mask);
  void send_live();
  [[nodiscard]] std::uint32_t slot_for(std::uint32_t token);

  messages::bar_reader_actor::pointer self_ = nullptr;
  bar_reader_config config_;
  std::unique_ptr<work_maker> maker_;
  std::unique_ptr<derived_streams> derived_;
  std::unique_ptr<bridge::reader> cursor_;
  dynamic_children children_;
  std::vector<builder_slot> slots_;
  quarantine_book book_;
  std::unique_ptr<quarantine_log> log_;
  /// Parked with nothing to answer: where their quarantine begins is not known before the next
  /// work. Why, by slot.
  std::map<std::uint32_t, std::string> parked_;
  std::deque<messages::bar_work_ptr> in_flight_;
  bool armed_ = false;
  bool blocked_ = false;
  std::vector<market::closed_bar> closed_;

  std::shared_ptr<const checkpoint> checkpoint_;
  std::shared_ptr<checkpoint> barrier_;  ///< one whose states are being gathered
  bool checkpoint_wanted_ = false;
  bool checkpoint_under_way_ = false;
  market::timestamp checkpoint_clock_ = 0;
  std::chrono::steady_clock::time_point checkpoint_at_{};
  std::vector<caf::typed_response_promise<caf::ok_atom>> checkpoint_askers_;

  std::unordered_map<std::uint64_t, messages::live_bar> live_;
  std::vector<std::uint32_t> live_answers_;
  record::position live_at_;
  caf::strong_actor_ptr live_to_;

  runtime::gauge* lag_ = nullptr;
  runtime::gauge* works_ = nullptr;
  runtime::gauge* builders_ = nullptr;
  runtime::gauge* failed_ = nullptr;
  runtime::counter* ticks_ = nullptr;
  runtime::counter* late_ = nullptr;
  runtime::counter* too_late_ = nullptr;
  runtime::counter* duplicates_ = nullptr;
  runtime::counter* ahead_ = nullptr;
  runtime::counter* left_out_ = nullptr;
  runtime::counter* new_records_ = nullptr;
  runtime::counter* new_builders_ = nullptr;
  runtime::gauge* quarantined_records_ = nullptr;
  runtime::gauge* quarantined_builders_ = nullptr;
};

messages::bar_reader_actor::behavior_type bar_reader(
    messages::bar_reader_actor::stateful_pointer<bar_reader_state> self, bar_reader_config config);

}  // namespace artham::actors
