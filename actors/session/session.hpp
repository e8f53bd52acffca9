#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/session/chain_board.hpp"
#include "actors/session/instrument_index.hpp"
#include "messages/actors.hpp"
#include "messages/client.hpp"
#include "messages/directory.hpp"
#include "messages/protocol/command.hpp"
#include "messages/protocol/key.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

inline constexpr std::string_view hub_name = "gateway.hub";

struct session_config {
  std::shared_ptr<messages::client> client;
  std::shared_ptr<const instrument_index> instruments;
  std::shared_ptr<const messages::directory> names;
  std::vector<market::timeframe> timeframes;
  std::shared_ptr<const market::feature::feature_plan> features;  ///< null: there are none here
  std::size_t max_subscriptions = 1000;
  std::size_t held_at_most =
      10'000;  ///< messages that may not be replaced, while the client does not read
  runtime::metrics* metrics = nullptr;
};

/// One client's conversation: reads commands, passes on what the hub pushes. While the client does
/// not read, newer values replace older ones of the same key; what may not be replaced is held up
/// to a limit, then the client is cut off with code 4008.
///
/// Takes: commands, drained, closed (from the socket); pushes (from the hub).
/// Sends: subscribe, unsubscribe, closed to the hub.
class session_state {
 public:
  static inline const char* name = "artham.session";

  messages::session_actor::behavior_type start(messages::session_actor::pointer self,
                                               session_config config);
  ~session_state();

 private:
  void on_command(const std::string& text);
  /// Or why there is no such chain.
  [[nodiscard]] tl::expected<std::uint64_t, std::string> resolve_chain(
      const protocol::key& key) const;
  [[nodiscard]] bool is_option(std::uint32_t token) const;
  void subscribe(const protocol::command& c);
  void unsubscribe(const protocol::command& c);
  void reply(std::string text);
  void refuse(const protocol::refusal& r);
  void push(const messages::push& p);
  void flush();
  [[nodiscard]] tl::expected<std::vector<messages::subscribe_request::wanted>, protocol::refusal>
  resolve(const protocol::command& c) const;

  messages::session_actor::pointer self_ = nullptr;
  session_config config_;
  messages::peer<messages::hub_actor> hub_{nullptr, ""};
  std::set<std::uint64_t> keys_;
  std::vector<std::uint64_t> asked_;  ///< keys that the command being answered added
  bool full_ = false;
  bool reply_held_ = false;
  std::deque<messages::frame_ptr> held_;
  std::map<std::uint64_t, messages::frame_ptr> newest_;  ///< values that wait, one per key
  bool closed_ = false;
  std::uint64_t pushed_ = 0;
  std::uint64_t conflated_ = 0;
  runtime::counter* conflated_total_ = nullptr;
  runtime::counter* commands_ = nullptr;
  runtime::gauge* sessions_ = nullptr;
};

messages::session_actor::behavior_type session(
    messages::session_actor::stateful_pointer<session_state> self, session_config config);

}  // namespace artham::actors
