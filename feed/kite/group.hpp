#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "feed/feed.hpp"
#include "feed/kite/client.hpp"
#include "feed/kite/engine.hpp"
#include "feed/kite/interval_clock.hpp"

namespace artham::feed::kite {

/// All connections of a feed from start to stop: opens them as the book needs them, and makes one
/// stream of what they bring, with one market time. Its public functions are thread-safe;
/// everything else runs on the thread that is in `run`.
class group final : private engine_group {
 public:
  group(const client_options& options, const endpoint& server,
        std::shared_ptr<boost::asio::ssl::context> tls, const decoder& d, sink& s,
        shared_state& shared);

  /// Returns after `request_stop`.
  void run();
  void request_stop();
  /// The book has changed.
  void request_sync();
  void request_resume();

 private:
  market::timestamp stamp() override;
  void set_clock(std::size_t connection, market::timestamp t) override;
  void tell_time() override;
  void lose_clock(std::size_t connection) override;
  [[nodiscard]] bool may_read(std::size_t connection) const override;
  void on_frame(std::string frame, market::timestamp market_time) override;
  void on_state(state_change change, market::timestamp market_time) override;
  void on_subscription(std::size_t connection, const subscription_change& change) override;
  void on_text(std::string type, std::string json) override;
  void on_stopped() override;

  /// Opens what the book needs.
  void open_more();
  void sync();
  void tick();
  /// Those of a connection that were not asked of another one since.
  [[nodiscard]] std::vector<std::uint32_t> own(std::size_t connection,
                                               std::vector<std::uint32_t> tokens) const;
  void tell_absent(market::timestamp market_time);
  /// Of the live connection that is furthest behind; nothing without one.
  [[nodiscard]] std::optional<market::timestamp> slowest() const;
  void settle_time();

  const client_options& options_;
  const endpoint& server_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  const decoder& decoder_;
  sink& sink_;
  shared_state& shared_;
  const bool may_be_several_;

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  boost::asio::steady_timer timer_{io_};  // of the host's clock
  std::vector<std::unique_ptr<engine>> engines_;
  std::vector<std::optional<market::timestamp>> clocks_;  // of those that are live
  std::unordered_map<std::uint32_t, std::size_t> told_;   // who is subscribed where, by marks
  bool was_live_ = false;
  bool paused_ = false;
  bool stopping_ = false;
  std::size_t stopped_ = 0;
  std::atomic<bool> sync_requested_{false};
  interval_clock intervals_;
  market::timestamp market_time_ = 0;
};

}  // namespace artham::feed::kite
