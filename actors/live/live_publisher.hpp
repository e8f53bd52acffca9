#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "bridge/bridge.hpp"
#include "market/feature/feature_plan.hpp"
#include "market/timeframe.hpp"
#include "messages/actors.hpp"
#include "messages/cluster.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// Has `listener` told what all gateways watch, at once and whenever that changes, until what it
/// returns is gone. The listener may be called from any thread.
using watch_source = std::function<std::shared_ptr<void>(
    std::function<void(const std::vector<messages::watched>&)> listener)>;

struct live_publisher_config {
  bridge::bridge* output = nullptr;  ///< one shard's streams
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<const messages::directory> names;  ///< where the shard's readers are
  watch_source watched;
  /// Whether the shard has this instrument.
  std::function<bool(std::uint32_t token)> is_ours;
  /// False while nothing can be written: values wait with the readers then, the newest of each key.
  std::function<bool()> can_write;
  std::vector<market::timeframe> timeframes;  ///< of bars; empty: none are published
  /// Of chains; null: none are published.
  std::shared_ptr<const market::feature::feature_plan> features;
  std::chrono::nanoseconds interval = std::chrono::milliseconds(10);  ///< between batches, at least
  std::uint64_t most_bytes = 8U << 20U;  ///< a second, of bars and of chains each
};

/// When the next batch may come: `interval` after the one before, and later where that was so large
/// that more than `most_bytes` a second would be published.
class live_pace {
 public:
  using clock = std::chrono::steady_clock;

  live_pace() = default;
  live_pace(std::chrono::nanoseconds interval, std::uint64_t most_bytes)
      : interval_(interval), most_bytes_(most_bytes) {}
  void published(clock::time_point now, std::uint64_t bytes);
  [[nodiscard]] clock::time_point due() const { return due_; }

 private:
  std::chrono::nanoseconds interval_{0};
  std::uint64_t most_bytes_ = 1;
  clock::time_point due_;
};

/// Publishes what forms in a shard to the gateways of a cluster: unfinished bars in
/// md:bars:live.{timeframe}, chains between clock marks in md:features:live. Takes them from the
/// shard's readers as a hub does, at the pace of live_pace; the readers keep the newest value of
/// each key meanwhile. After a quiet time a value waits for nothing. Values that cannot be written
/// are dropped and asked for anew. What does not change is said again now and then, for gateways
/// that have come since.
///
/// State: what is watched; whether the readers have credit. Takes: batches, what gateways watch.
/// Sends: watches and credit to the bar reader and the feature reader.
class live_publisher_state {
 public:
  static inline const char* name = "artham.live_publisher";

  messages::live_publisher_actor::behavior_type start(messages::live_publisher_actor::pointer self,
                                                      live_publisher_config config);

 private:
  using clock = std::chrono::steady_clock;

  void look();
  void wake_at(clock::time_point t);
  void keep_up();
  void give_credit();
  void open();
  void close(const error& why);
  void greet();
  void watch(const std::vector<messages::watched>& all);
  void say_some_again();
  void on_bars(const messages::live_batch& batch);
  void on_chains(const messages::live_chains& chains);
  /// Bytes that are on their way now.
  std::uint64_t append(bridge::writer& w, const std::string& records, std::uint64_t count);
  void say(std::uint32_t token, std::uint32_t mask);
  void say(const std::string& group, bool wanted);

  messages::live_publisher_actor::pointer self_ = nullptr;
  live_publisher_config config_;
  messages::peer<messages::bar_reader_actor> bar_reader_{nullptr, ""};
  caf::actor_addr greeted_bars_;
  messages::peer<messages::feature_reader_actor> feature_reader_{nullptr, ""};
  caf::actor_addr greeted_features_;
  std::map<std::uint32_t, std::uint32_t> masks_;  ///< by token
  std::map<std::string, bool> groups_;            ///< names of underlyings; all true
  std::uint32_t said_token_ = 0;                  ///< the last one that was said again
  std::string said_group_;
  std::size_t owed_tokens_ = 0;  ///< hundredths of tokens to be said again
  std::size_t owed_groups_ = 0;
  std::vector<std::unique_ptr<bridge::writer>> bars_;  ///< per timeframe
  std::unique_ptr<bridge::writer> chains_;
  bool is_open_ = false;
  bool bars_credited_ = false;
  bool chains_credited_ = false;
  live_pace bars_pace_;
  live_pace chains_pace_;
  clock::time_point next_look_;
  clock::time_point woken_at_ = clock::time_point::max();
  bool all_again_ = false;  ///< something was dropped
  clock::time_point open_after_;
  std::shared_ptr<void> subscription_;
  runtime::counter* published_ = nullptr;
  runtime::counter* dropped_ = nullptr;
};

messages::live_publisher_actor::behavior_type live_publisher(
    messages::live_publisher_actor::stateful_pointer<live_publisher_state> self,
    live_publisher_config config);

}  // namespace artham::actors
