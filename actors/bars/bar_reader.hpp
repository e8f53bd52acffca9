#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/bars/checkpoint.hpp"
#include "actors/bars/derived_streams.hpp"
#include "actors/bars/work_maker.hpp"
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
  std::uint64_t batch = 262'144;         ///< records a work has at the most, roughly
  std::filesystem::path checkpoint_dir;  ///< empty: no checkpoints
  market::duration checkpoint_interval = 5 * market::minute;  ///< of market time
  runtime::worker* disk = nullptr;                            ///< writes checkpoints
  /// Told when everything up to a position is in the derived streams.
  std::function<void(record::position)> on_processed;
  std::function<void(const messages::bar_work&, const messages::bar_slice&)>
      before_slice;  ///< see bar_builder_config
};

/// Names in the directory.
inline constexpr std::string_view builders_name = "bars.builders";
inline constexpr std::string_view bar_reader_name = "bars.reader";

/// Reads md:ticks, gives each bar builder its slices, gathers the answers and appends what closed
/// to the derived streams, sorted, so that neither block size nor thread count can be seen in them.
///
/// State: the works in flight (at most `max_in_flight`), a slot per builder, live bars that wait
/// for the hub's credit (one per watched key), the newest checkpoint. Takes: "ready" of md:ticks,
/// "room" of a derived stream, "done" of builders, watches and credits of the hub, checkpoint
/// requests, child events of the builders' supervisor.
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
    bool failed = false;
  };

  void restore();
  void pull();
  void dispatch(messages::bar_work_ptr work);
  void send_slice(const messages::bar_work_ptr& work, std::uint32_t index);
  void ask_for_builder(std::uint32_t slot);
  void on_child(const messages::child_event& e);
  void on_started(std::uint32_t slot, const caf::actor& handle);
  void on_failed(std::uint32_t slot, const std::string& why);
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
  messages::peer<messages::supervisor_actor> builders_supervisor_{nullptr, ""};
  caf::actor_addr observed_;
  std::vector<builder_slot> slots_;
  std::uint32_t failed_slots_ = 0;
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
};

messages::bar_reader_actor::behavior_type bar_reader(
    messages::bar_reader_actor::stateful_pointer<bar_reader_state> self, bar_reader_config config);

}  // namespace artham::actors
