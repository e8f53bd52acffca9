#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "feed/feed.hpp"
#include "feed/kite/backoff.hpp"
#include "feed/kite/client.hpp"
#include "feed/kite/interval_clock.hpp"
#include "feed/kite/subscription_book.hpp"
#include "feed/kite/tick_watch.hpp"
#include "feed/kite/ws_connection.hpp"
#include "runtime/metrics.hpp"

namespace artham::feed::kite {

/// What the callers' threads and the feed's thread share.
struct shared_state {
  explicit shared_state(std::size_t max_tokens) : book(max_tokens) {}

  std::mutex mutex;
  subscription_book book;     // guarded by mutex
  tick_expectation expected;  // guarded by mutex

  std::atomic<state> current{state::stopped};
  struct {
    runtime::counter frames, heartbeats, bytes, malformed, text, connects, pauses;
  } count;
};

/// The life of a feed from start to stop: the state machine behind `client`. Its public functions
/// are thread-safe; everything else runs on the thread that is in `run`.
class engine final : private ws_connection::handler {
 public:
  engine(const client_options& options, const endpoint& server,
         std::shared_ptr<boost::asio::ssl::context> tls, const decoder& d, sink& s,
         shared_state& shared);

  /// Returns after `request_stop`.
  void run();
  void request_stop();
  /// The book has changed.
  void request_sync();
  void request_resume();

 private:
  using steady = std::chrono::steady_clock;

  void on_open() override;
  void on_message(bool binary, std::string payload) override;
  void on_control() override;
  void on_written() override;
  void on_failure(connection_failure failure) override;

  void attempt();
  void became_live();
  void heard_now();
  void lost(state next, market::gap_cause cause, std::string detail);
  void retry_after(std::chrono::milliseconds wait);
  void wait_for_login();
  void take_binary(std::string frame);
  void take_text(std::string text);
  void sync();
  void write_next();
  void arm_watchdog();
  void watch();
  void watch_ticks();
  void tick();
  void finish_stop();
  /// Market time of what is delivered now; announces clock multiples that have passed.
  market::timestamp stamp();

  const client_options& options_;
  const endpoint& server_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  const decoder& decoder_;
  sink& sink_;
  shared_state& shared_;

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  boost::asio::steady_timer deadline_{io_};  // connecting; saying goodbye
  boost::asio::steady_timer watchdog_{io_};
  boost::asio::steady_timer retry_{io_};
  boost::asio::steady_timer clock_{io_};

  std::shared_ptr<ws_connection> connection_;
  std::uint64_t epoch_ = 0;  // of connection_: a timer armed for an earlier one does nothing
  secret token_;             // of the present or last attempt
  bool open_ = false;        // the handshake is done
  bool live_ = false;        // reported as live
  bool heard_ = false;       // the peer has sent something
  bool paused_ = false;
  bool writing_ = false;
  bool stopping_ = false;
  std::atomic<bool> sync_requested_{false};
  steady::time_point last_life_;
  market::timestamp heard_at_ = 0;  // the same as market time
  steady::time_point write_started_;
  subscriptions sent_;
  std::deque<std::string> outbox_;
  backoff backoff_;
  interval_clock intervals_;
  tick_watch ticks_;
  market::timestamp market_time_ = 0;
};

}  // namespace artham::feed::kite
