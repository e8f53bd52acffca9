#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "exchange/client.hpp"
#include "exchange/options.hpp"
#include "exchange/packet_book.hpp"
#include "exchange/subscription.hpp"
#include "exchange/timeline.hpp"

namespace artham::exchange {

/// Plays the timeline to the clients: paces it, gives each client what it subscribed to, keeps the
/// sockets alive. Lives in the server's thread; the counters are for any.
class ticker {
 public:
  ticker(boost::asio::io_context& io, const options& o, exchange::timeline t);

  void start();
  void stop();

  /// The client gets the market's time at once, before anything else.
  void join(const client_ptr& c);
  void leave(const client& c);
  /// A text message of the client.
  void on_request(const client& c, std::string_view json);
  /// The client's queue became shorter.
  void on_drained();
  void misbehave(const misbehaviour& m);

  /// 403 or 429 while handshakes are to be refused, else 0.
  [[nodiscard]] unsigned reject_status() const { return reject_status_; }
  [[nodiscard]] std::size_t clients() const { return seats_.size(); }
  /// One of the sockets that the key may have, for as long as it is held; null: it has them all.
  [[nodiscard]] std::shared_ptr<void> take_socket(const std::string& api_key);

  [[nodiscard]] market::timestamp market_time() const { return market_time_.load(); }
  [[nodiscard]] std::uint64_t frames_played() const { return frames_played_.load(); }
  [[nodiscard]] bool finished() const { return finished_.load(); }

 private:
  using steady = std::chrono::steady_clock;

  struct seat {
    client_ptr client;
    exchange::subscriptions subscriptions;
    steady::time_point silent_until;
    bool mute = false;  ///< gets texts and heartbeats only
    std::size_t bad_bytes =
        0;             ///< sent to misbehave since the queue was last empty: not the client's fault
    bool idle = true;  ///< got no binary frame since the last heartbeat round
  };
  struct packet {
    std::string_view bytes;
    std::uint32_t token = 0;  ///< 0: too short to have one
    packet_book::change change;
  };

  [[nodiscard]] bool lossless() const { return !options_.speed; }
  [[nodiscard]] bool anyone_subscribed() const;
  /// True while a subscriber takes no more and nothing may be lost.
  [[nodiscard]] bool must_wait() const;
  [[nodiscard]] static bool silent(const seat& s) { return steady::now() < s.silent_until; }

  void send(seat& s, const message_ptr& m);
  void send_to_all(const message_ptr& m);
  void send_snapshots(seat& s, const std::vector<std::uint32_t>& tokens);
  void wait_for_quiet();
  void begin();
  /// Does what is due, then sleeps until the next thing is.
  void pump();
  void pump_soon();
  void do_step();
  void play(std::string frame);
  [[nodiscard]] message_ptr cut_for(const seat& s, const std::vector<packet>& packets) const;
  void schedule_heartbeat();
  void check_finished();
  [[nodiscard]] steady::time_point wall_time_of(market::timestamp t) const;
  void set_anchor(market::timestamp t);

  boost::asio::io_context& io_;
  const options& options_;
  exchange::timeline timeline_;
  packet_book book_;
  std::vector<seat> seats_;
  message_ptr greeting_;
  boost::asio::steady_timer pace_timer_;
  boost::asio::steady_timer quiet_timer_;
  boost::asio::steady_timer heartbeat_timer_;
  boost::asio::steady_timer silence_timer_;  ///< plays on after it, at full speed
  bool running_ = false;  ///< playing, or waiting for something before it plays on
  bool pumping_ = false;  ///< a call of pump is on its way
  bool stopped_ = false;
  market::timestamp anchor_market_ = 0;
  steady::time_point anchor_wall_;
  std::size_t next_misbehaviour_ = 0;
  /// By key; shared with those who hold one, who may be there longer.
  std::shared_ptr<std::map<std::string, std::size_t>> sockets_ =
      std::make_shared<std::map<std::string, std::size_t>>();
  unsigned reject_status_ = 0;
  std::vector<misbehaviour> planned_;
  std::atomic<market::timestamp> market_time_{0};
  std::atomic<std::uint64_t> frames_played_{0};
  std::atomic<bool> finished_{false};
};

}  // namespace artham::exchange
