#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "actors/ingest/feed_event.hpp"
#include "feed/feed.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// The state of the feed's worst connection as a number, in the order of feed::state.
inline constexpr std::string_view feed_state_metric = "artham_feed_state";
inline constexpr std::string_view feed_live_metric = "artham_feed_connections_live";

/// The bounded way from a feed's thread into the ingestor's mailbox: a budget of bytes on the way.
/// When it is used up the feed stops reading, so that the socket and then the exchange wait.
class feed_sink final : public feed::sink {
 public:
  feed_sink(std::size_t budget, runtime::metrics& metrics);

  /// Who gets the events from now on, and which feed is told to go on.
  void connect(messages::ingestor_actor target, feed::feed& source);
  void disconnect();
  /// The ingestor has handled an event of this weight.
  void handled(std::size_t weight);

  bool on_frame(std::string frame, market::timestamp market_time, market::timestamp wall) override;
  void on_market_time(market::timestamp market_time, market::timestamp wall) override;
  void on_state(feed::state_change change, market::timestamp market_time,
                market::timestamp wall) override;
  void on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode, bool added,
                       market::timestamp market_time, market::timestamp wall) override;
  void on_text(std::string type, std::string json) override;

 private:
  bool send(feed_event e);

  std::size_t budget_;
  std::atomic<std::size_t> on_the_way_{0};
  std::atomic<bool> waiting_{false};
  std::mutex mutex_;
  messages::ingestor_actor target_;
  feed::feed* source_ = nullptr;
  runtime::gauge& queue_bytes_;
  runtime::counter& pauses_;
  std::vector<feed::state> states_;  ///< by connection; the feed's thread alone
  runtime::gauge& state_;
  runtime::gauge& live_;
  runtime::counter& stalls_;
  runtime::counter& texts_;
};

}  // namespace artham::actors
