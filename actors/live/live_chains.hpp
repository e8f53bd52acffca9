#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <caf/typed_event_based_actor.hpp>

#include "actors/live/live_streams.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

struct live_chains_config {
  bridge::bridge* input = nullptr;  ///< where the streams of all shards are
  std::uint32_t shards = 1;
  runtime::metrics* metrics = nullptr;
  /// Told the names of all underlyings that are watched here whenever that changes.
  std::function<void(const std::set<std::string>&)> watched;
  /// False while the streams cannot be read.
  std::function<bool()> can_read;
};

/// Gives a gateway's hub chains between clock marks, as a feature reader would: reads
/// md:features:live of all shards and passes on what the hub watches, the newest of each chain for
/// each credit.
///
/// State: the newest chains, what the hub watches, and what of that is to be sent. Takes: "ready"
/// of streams, watches and credits of the hub. Sends: live chains to whoever gave credit.
class live_chains_state {
 public:
  static inline const char* name = "artham.live_chains";

  messages::live_chains_actor::behavior_type start(messages::live_chains_actor::pointer self,
                                                   live_chains_config config);

 private:
  using clock = std::chrono::steady_clock;
  using key = std::pair<std::string, market::date>;  ///< underlying and expiry
  struct value {
    market::feature::chain_row row;
    clock::time_point came;
  };

  void look();
  void read();
  void arm();
  void take(const record::header& h, std::string_view body);
  void watch(const std::string& group, bool wanted);
  void take_credit();
  void tell();
  void send();

  messages::live_chains_actor::pointer self_ = nullptr;
  live_chains_config config_;
  std::unique_ptr<live_streams> streams_;
  clock::time_point open_after_;
  std::map<key, value> values_;
  std::set<std::string> groups_;  ///< that the hub watches
  std::set<key> changed_;         ///< to be sent
  caf::strong_actor_ptr to_;      ///< has room
  caf::actor_addr credited_;      ///< who gave credit last
  bool tells_ = false;
  runtime::counter* received_ = nullptr;
};

messages::live_chains_actor::behavior_type live_chains(
    messages::live_chains_actor::stateful_pointer<live_chains_state> self,
    live_chains_config config);

}  // namespace artham::actors
