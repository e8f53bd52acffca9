#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/ingest/feed_sink.hpp"
#include "actors/ingest/ingest_log.hpp"
#include "bridge/bridge.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// A counter, by `why`.
inline constexpr std::string_view dropped_ticks_metric = "artham_ticks_dropped_total";
/// Gauges, by `connection`, which counts from 1.
inline constexpr std::string_view connection_state_metric = "artham_feed_connection_state";
inline constexpr std::string_view connection_instruments_metric =
    "artham_feed_connection_instruments";
inline constexpr std::string_view connection_silent_metric =
    "artham_feed_connection_silent_milliseconds";
/// Counters, by `formula`.
inline constexpr std::string_view formula_ticks_metric = "artham_formula_ticks_total";
inline constexpr std::string_view formula_stale_metric = "artham_formula_stale_total";

struct ingestor_config {
  bridge::bridge* journal = nullptr;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  /// Makes the feed, with its subscriptions asked for; the ingestor starts and stops it.
  std::function<std::unique_ptr<feed::feed>()> make_feed;
  /// previous_time is filled in from the journal at every start.
  ingest_options log;
  std::size_t queue_bytes = 64U << 20U;
  std::uint32_t least_epoch = 1;  ///< the epoch that it begins is this or a later one
  /// The feed stands still while nobody reads it (a recording): on a full disk it waits, and
  /// nothing is lost. Else what comes meanwhile is dropped and told as a gap.
  bool feed_waits = false;
};

/// The only writer of md:ticks. Owns the feed and its way in; every start begins a new epoch. While
/// the disk is full it drops frames, counts them, and goes on by itself when there is room.
///
/// State: the log that makes records, one batch that the journal has no room for, events that wait
/// behind it (bounded by the sink's budget). Takes: feed events; "room" from the journal. Sends:
/// nothing; records go to the bridge.
class ingestor_state {
 public:
  static inline const char* name = "artham.ingestor";

  messages::ingestor_actor::behavior_type start(messages::ingestor_actor::pointer self,
                                                ingestor_config config);
  ~ingestor_state();

 private:
  void on_event(const feed_event_ptr& e);
  void write();
  /// The disk has no room for the batch: keeps marks in the reserve, drops a frame, and marks a
  /// gap.
  void lose(const std::string& why);
  void put_urgently();
  void on_room();
  void make_formula_metrics();
  void publish_counts();
  void publish_formulas();
  void publish_expectation();
  void publish_connections();

  messages::ingestor_actor::pointer self_ = nullptr;
  ingestor_config config_;
  std::unique_ptr<ingest_log> log_;
  std::unique_ptr<bridge::writer> writer_;
  std::unique_ptr<feed_sink> sink_;
  std::unique_ptr<feed::feed> feed_;
  record_batch batch_;
  std::deque<feed_event_ptr> waiting_;
  bool blocked_ = false;
  bool is_frame_ = false;  ///< the batch is a frame, not marks
  ingest_log::counters published_;
  std::vector<ingest_log::formula_counters> published_formulas_;
  struct formula_metrics {
    runtime::counter* ticks = nullptr;
    runtime::counter* silent = nullptr;
  };
  std::vector<formula_metrics> formulas_;
  runtime::counter* ticks_ = nullptr;
  runtime::counter* frames_ = nullptr;
  runtime::counter* gaps_ = nullptr;
  runtime::counter* dropped_ticks_ = nullptr;
  runtime::counter* dropped_frames_ = nullptr;
  struct connection_metrics {
    runtime::gauge* state = nullptr;
    runtime::gauge* instruments = nullptr;
    runtime::gauge* silent = nullptr;
  };
  std::vector<connection_metrics> connections_;
  runtime::gauge* silent_ = nullptr;
  runtime::gauge* stall_limit_ = nullptr;
  runtime::gauge* expected_frames_ = nullptr;
  runtime::gauge* market_time_ = nullptr;
};

messages::ingestor_actor::behavior_type ingestor(
    messages::ingestor_actor::stateful_pointer<ingestor_state> self, ingestor_config config);

/// Times of the newest record of md:ticks; 0 when there is none.
struct newest_times {
  market::timestamp market = 0;
  market::timestamp wall = 0;
};
[[nodiscard]] result<newest_times> newest_record_times(bridge::bridge& journal);

}  // namespace artham::actors
