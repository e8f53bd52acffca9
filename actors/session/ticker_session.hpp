#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <caf/actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/session/tick_source.hpp"
#include "actors/session/ticker_outbox.hpp"
#include "messages/actors.hpp"
#include "messages/client.hpp"
#include "messages/directory.hpp"
#include "messages/protocol/ticker_command.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

struct ticker_session_config {
  std::shared_ptr<messages::client> client;
  tick_source source;
  caf::actor pulse;  ///< see ticker_pulse; may be empty
  std::size_t max_tokens = 10'000;
  /// What may wait here while the client does not read, beside what its socket takes.
  std::size_t held_bytes = 3 << 20;
  runtime::metrics* metrics = nullptr;
};

/// What a session of another protocol takes, and:
using ticker_session_actor = messages::session_actor::extend<
    // Time to look whether the client has heard anything since the last time.
    caf::reacts_to<messages::tick_atom>>;

/// One client of Kite's ticker: reads its commands, passes on the packets that the hub pushes.
/// While the client does not read, the newest packet of each instrument waits; of a replay, which
/// waits as well then, every packet. If that is more than it may be, or too many answers wait, the
/// client is closed.
///
/// Takes: commands, drained, closed (from the socket); batches (from the hub); tick (from the
/// pulse). Sends: subscribe, unsubscribe, closed to the hub.
class ticker_session_state {
 public:
  static inline const char* name = "artham.ticker_session";

  ticker_session_actor::behavior_type start(ticker_session_actor::pointer self,
                                            ticker_session_config config);
  ~ticker_session_state();

 private:
  void on_command(const std::string& text);
  void subscribe(const protocol::ticker_command& c);
  void unsubscribe(const protocol::ticker_command& c);
  /// Tells the client what is wrong.
  void complain(std::string_view what);
  /// The next command may come, unless what was said to the last one still waits here.
  void answered();

  void on_batch(const messages::batch_ptr& b);
  void on_pulse();
  void flush();
  /// False: the socket takes nothing now.
  bool send(messages::frames some);
  [[nodiscard]] bool behind() const { return full_ || !held_.empty(); }
  void hold(const messages::batch& b);
  /// What waits was `before` bytes.
  void on_held(std::size_t before);
  /// A replay waits as long as something waits here.
  void set_brake();
  void cut_off();

  ticker_session_actor::pointer self_ = nullptr;
  ticker_session_config config_;
  messages::peer<messages::hub_actor> hub_{nullptr, ""};
  std::unordered_map<std::uint32_t, protocol::ticker_mode> modes_;  ///< of what is subscribed
  ticker_outbox held_;
  std::shared_ptr<const void> brake_;  ///< of a replay, while something waits here
  bool full_ = false;                  ///< the socket takes nothing now
  bool answer_owed_ = false;
  bool spoke_ = false;  ///< packets were sent since the last pulse
  bool closed_ = false;
  runtime::counter* commands_ = nullptr;
  runtime::counter* complaints_ = nullptr;
  runtime::counter* packets_ = nullptr;
  runtime::counter* heartbeats_ = nullptr;
  runtime::counter* conflated_ = nullptr;
  runtime::counter* cut_off_total_ = nullptr;
  runtime::gauge* sessions_ = nullptr;
  runtime::gauge* held_gauge_ = nullptr;
};

ticker_session_actor::behavior_type ticker_session(
    ticker_session_actor::stateful_pointer<ticker_session_state> self,
    ticker_session_config config);

}  // namespace artham::actors
