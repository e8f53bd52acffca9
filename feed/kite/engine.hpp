#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "feed/feed.hpp"
#include "feed/kite/backoff.hpp"
#include "feed/kite/client.hpp"
#include "feed/kite/subscription_book.hpp"
#include "feed/kite/tick_watch.hpp"
#include "feed/kite/ws_connection.hpp"
#include "runtime/metrics.hpp"

namespace artham::feed::kite {

/// What the callers' threads and the feed's thread share.
struct shared_state {
  shared_state(std::size_t connections, std::size_t max_tokens)
      : book(connections, max_tokens), connection(connections) {}

  struct connection_state {
    tick_expectation expected;  // guarded by mutex
    std::atomic<state> current{state::stopped};
  };

  std::mutex mutex;
  subscription_book book;  // guarded by mutex
  std::vector<connection_state> connection;
  struct {
    runtime::counter frames, heartbeats, bytes, malformed, text, connects, pauses;
  } count;
};

/// What all connections of a feed have in common, and where what one of them says goes on to.
class engine_group {
 public:
  virtual ~engine_group() = default;
  /// Market time of what is delivered now; announces what passed of the host's clock.
  virtual market::timestamp stamp() = 0;
  /// The exchange's clock on this connection; it counts for market time until `lose_clock`.
  virtual void set_clock(std::size_t connection, market::timestamp t) = 0;
  /// Announces market time as the exchange's clocks have it.
  virtual void tell_time() = 0;
  virtual void lose_clock(std::size_t connection) = 0;
  [[nodiscard]] virtual bool may_read(std::size_t connection) const = 0;
  virtual void on_frame(std::string frame, market::timestamp market_time) = 0;
  virtual void on_state(state_change change, market::timestamp market_time) = 0;
  virtual void on_subscription(std::size_t connection, const subscription_change& change) = 0;
  virtual void on_text(std::string type, std::string json) = 0;
  /// The connection has ended for good, once.
  virtual void on_stopped() = 0;
};

/// One connection of a feed, from start to stop. Everything runs on the thread of `io`.
class engine final : private ws_connection::handler {
 public:
  /// `index` counts connections from 0.
  engine(std::size_t index, boost::asio::io_context& io, const client_options& options,
         const endpoint& server, std::shared_ptr<boost::asio::ssl::context> tls, const decoder& d,
         engine_group& group, shared_state& shared);

  /// Connects for the first time.
  void attempt();
  void stop();
  /// Sends what the book wants and is not sent yet.
  void sync();
  /// Goes on reading if it was held back and may.
  void read_on();
  /// Gives the connection up if it ought to have brought ticks.
  void watch_ticks();

 private:
  using steady = std::chrono::steady_clock;

  void on_open() override;
  void on_message(bool binary, std::string payload) override;
  void on_control() override;
  void on_written() override;
  void on_failure(connection_failure failure) override;

  void became_live();
  void read_or_hold();
  void heard_now();
  void lost(state next, market::gap_cause cause, std::string detail);
  void retry_after(std::chrono::milliseconds wait);
  void wait_for_login();
  void take_binary(std::string frame);
  void take_text(std::string text);
  void take_clock(market::timestamp t);
  /// Tells `ticks_` what this connection has.
  void count_calendars();
  /// Of what was told as subscribed and is not wanted any more.
  void tell_removed();
  void write_next();
  void arm_watchdog();
  void watch();
  void finish_stop();
  [[nodiscard]] subscriptions wanted();
  [[nodiscard]] std::atomic<state>& current() { return shared_.connection[index_].current; }

  const std::size_t index_;
  boost::asio::io_context& io_;
  const client_options& options_;
  const account& account_;
  const endpoint& server_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  const decoder& decoder_;
  engine_group& group_;
  shared_state& shared_;

  boost::asio::steady_timer deadline_{io_};  // connecting; saying goodbye
  boost::asio::steady_timer watchdog_{io_};
  boost::asio::steady_timer retry_{io_};

  std::shared_ptr<ws_connection> connection_;
  std::uint64_t epoch_ = 0;  // of connection_: a timer armed for an earlier one does nothing
  secret token_;             // of the present or last attempt
  bool open_ = false;        // the handshake is done
  bool live_ = false;        // reported as live
  bool heard_ = false;       // the peer has sent something
  bool held_ = false;        // open, but not read
  bool writing_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
  steady::time_point last_life_;
  market::timestamp heard_at_ = 0;  // the same as market time
  steady::time_point write_started_;
  subscriptions sent_;
  subscriptions told_;  // as subscribed; outlives the connection
  std::deque<std::string> outbox_;
  backoff backoff_;
  tick_watch ticks_;
  market::timestamp clock_ = 0;  // the exchange's, on this connection
};

}  // namespace artham::feed::kite
