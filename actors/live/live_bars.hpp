#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/live/live_streams.hpp"
#include "market/timeframe.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

struct live_bars_config {
  bridge::bridge* input = nullptr;  ///< where the streams of all shards are
  std::uint32_t shards = 1;
  runtime::metrics* metrics = nullptr;
  std::vector<market::timeframe> timeframes;
  /// Told the whole of what is watched here (masks by token) whenever that changes.
  std::function<void(const std::map<std::uint32_t, std::uint32_t>&)> watched;
  /// False while the streams cannot be read.
  std::function<bool()> can_read;
};

/// Gives a gateway's hub unfinished bars, as a bar reader would: reads md:bars:live.{timeframe} of
/// all shards and passes on what the hub watches, the newest of each key for each credit. A watch
/// is answered when every bar that it asks for has come, or after 250 ms with what has.
///
/// State: the newest bars, what the hub watches, and what of that is to be sent. Takes: "ready" of
/// streams, watches and credits of the hub. Sends: live batches to whoever gave credit.
class live_bars_state {
 public:
  static inline const char* name = "artham.live_bars";

  messages::live_bars_actor::behavior_type start(messages::live_bars_actor::pointer self,
                                                 live_bars_config config);

 private:
  using clock = std::chrono::steady_clock;
  struct value {
    market::bar bar;
    clock::time_point came;
  };

  void look();
  void read();
  void arm();
  void take(std::uint32_t timeframe, const record::header& h, std::string_view body);
  void watch(std::uint32_t token, std::uint32_t mask);
  void take_credit();
  void tell();
  void answer_if_there(std::uint32_t token);
  void send();

  messages::live_bars_actor::pointer self_ = nullptr;
  live_bars_config config_;
  std::unique_ptr<live_streams> streams_;
  clock::time_point open_after_;
  std::unordered_map<std::uint64_t, value> values_;        ///< by bar_key
  std::map<std::uint32_t, std::uint32_t> masks_;           ///< by token
  std::set<std::uint64_t> changed_;                        ///< to be sent
  std::map<std::uint32_t, clock::time_point> unanswered_;  ///< tokens, and until when they wait
  std::vector<std::uint32_t> answered_;                    ///< to be sent
  caf::strong_actor_ptr to_;                               ///< has room
  caf::actor_addr credited_;                               ///< who gave credit last
  bool tells_ = false;
  runtime::counter* received_ = nullptr;
};

messages::live_bars_actor::behavior_type live_bars(
    messages::live_bars_actor::stateful_pointer<live_bars_state> self, live_bars_config config);

}  // namespace artham::actors
