#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/checkpoint.hpp"
#include "actors/dynamic_children.hpp"
#include "actors/features/feature_actor.hpp"
#include "actors/features/feature_maker.hpp"
#include "actors/features/feature_stream.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "messages/actors.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"

namespace artham::actors {

struct feature_reader_config {
  bridge::bridge* input = nullptr;   ///< where md:ticks is
  bridge::bridge* output = nullptr;  ///< where md:features goes; may be the same
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<const messages::directory> names;
  std::shared_ptr<const market::feature::feature_plan> plan;
  std::uint64_t batch = 65'536;  ///< records a work has at the most, roughly
  /// Behind which record everything that the trading days at `t` consist of lies. Empty: the whole
  /// of md:ticks is read.
  std::function<result<record::position>(market::timestamp t)> day_begin;
  /// Where to begin when there is neither checkpoint nor feature. Empty: at the first record.
  std::function<result<record::position>()> begin;
  /// The last record that was journaled under another plan: what it and those before it made, was
  /// made under that one.
  record::position after;
  market::content_hash plan_hash{};                           ///< of all that decides features
  std::filesystem::path checkpoint_dir;                       ///< empty: no checkpoints
  market::duration checkpoint_interval = 5 * market::minute;  ///< of market time
  runtime::worker* disk = nullptr;  ///< writes checkpoints; null: they are only read
  /// Told of each that is on the disk, from the disk's thread.
  std::function<void(const checkpoint&)> on_checkpoint;
  /// Told behind which record this life begins to read, before it does.
  std::function<void(record::position)> on_begin;
  /// Told when everything up to a position is in md:features.
  std::function<void(record::position)> on_processed;
  std::function<void(const market::feature::group_plan&, const messages::feature_work&)>
      before_slice;  ///< see feature_actor_config
};

/// Names in the directory.
inline constexpr std::string_view feature_actors_name = "features.groups";
inline constexpr std::string_view feature_reader_name = "features.reader";

/// Metric: groups without features, as their actor died again and again.
inline constexpr std::string_view feature_groups_failed_metric = "artham_feature_groups_failed";

/// Reads md:ticks, gives each feature actor its slices, gathers the answers and appends them to
/// md:features, sorted, so that neither block size nor thread count can be seen in it.
///
/// A start reads on from the newest checkpoint of the same plan. Features depend on nothing but the
/// records of their trading day: where there is none, the day of the newest feature is read again.
/// What the stream has is left out. An actor that its supervisor parks says nothing more until the
/// next start, which refills it from its day.
///
/// State: the works in flight (at most `max_in_flight`), a slot per group, live chains that wait
/// for the hub's credit (one per watched chain), the newest checkpoint. Takes: "ready" of md:ticks,
/// "room" of md:features, "done" of actors, watches and credits of the hub, checkpoint requests,
/// child events of the actors' supervisor.
/// Sends: slices and refills to feature actors; start_child to their supervisor; live chains to
/// whoever gave credit.
class feature_reader_state {
 public:
  static inline const char* name = "artham.feature_reader";
  static constexpr std::size_t max_in_flight = 4;

  messages::feature_reader_actor::behavior_type start(
      messages::feature_reader_actor::stateful_pointer<feature_reader_state> self,
      feature_reader_config config);

 private:
  struct group_slot {
    messages::feature_actor handle;
    bool started_before = false;  ///< had a life here, or is in the checkpoint
    bool parked = false;
  };

  void restore();
  [[nodiscard]] record::position day_begin(market::timestamp t) const;
  [[nodiscard]] messages::feature_refill refill_of(std::uint32_t slot) const;
  void pull();
  void add_new_slots();
  void dispatch(messages::feature_work_ptr work);
  void send_slice(const messages::feature_work_ptr& work, std::uint32_t index);
  void ask_for_actor(std::uint32_t slot);
  void on_child(const messages::child_event& e);
  void on_started(std::uint32_t slot, const caf::actor& handle);
  void on_parked(std::uint32_t slot, const caf::error& reason);
  static void answer_empty(messages::feature_work& work, messages::feature_slice& slice);
  /// The works in flight that wait for this actor, oldest first, and its slice in each.
  [[nodiscard]] std::vector<std::pair<messages::feature_work_ptr, std::uint32_t>> unanswered(
      std::uint32_t slot) const;
  void gather();
  void finish(messages::feature_work& work);
  void want_checkpoint();
  void finish_checkpoint(messages::feature_work& work);
  void on_credit();
  void watch(const std::string& group, bool wanted);
  void send_live();
  [[nodiscard]] std::function<void()> on_room() const;

  messages::feature_reader_actor::pointer self_ = nullptr;
  feature_reader_config config_;
  std::unique_ptr<feature_maker> maker_;
  std::unique_ptr<feature_stream> stream_;
  std::unique_ptr<bridge::reader> cursor_;
  dynamic_children children_;
  record::position begin_;  ///< where this life began to read
  record::position silent_until_;
  std::vector<group_slot> slots_;
  std::map<std::string, std::uint32_t, std::less<>>
      slot_by_id_;  ///< the id of the actor's child spec
  std::deque<messages::feature_work_ptr> in_flight_;
  bool armed_ = false;
  bool blocked_ = false;
  market::feature::feature_rows rows_;

  std::shared_ptr<const checkpoint> checkpoint_;
  std::shared_ptr<checkpoint> barrier_;  ///< one whose states are being gathered
  bool checkpoint_wanted_ = false;
  bool checkpoint_under_way_ = false;
  market::timestamp checkpoint_clock_ = 0;
  std::chrono::steady_clock::time_point checkpoint_at_{};
  std::vector<caf::typed_response_promise<caf::ok_atom>> checkpoint_askers_;

  std::map<std::pair<std::string, market::date>, market::feature::chain_row> live_;
  caf::strong_actor_ptr live_to_;
  caf::actor_addr credited_;  ///< who gave credit last

  runtime::gauge* lag_ = nullptr;
  runtime::gauge* works_ = nullptr;
  runtime::gauge* groups_ = nullptr;
  runtime::gauge* failed_ = nullptr;
  runtime::counter* quotes_ = nullptr;
  runtime::counter* unused_ = nullptr;
  runtime::counter* expired_ = nullptr;
};

messages::feature_reader_actor::behavior_type feature_reader(
    messages::feature_reader_actor::stateful_pointer<feature_reader_state> self,
    feature_reader_config config);

}  // namespace artham::actors
