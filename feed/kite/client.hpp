#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "feed/feed.hpp"
#include "feed/kite/backoff.hpp"
#include "feed/kite/tick_watch.hpp"
#include "market/error.hpp"
#include "market/time.hpp"
#include "runtime/secret.hpp"

namespace artham::feed::kite {

using runtime::secret;

/// Where market time comes from.
enum class clock_source : std::uint8_t {
  host,      ///< this host's UTC clock (Kite)
  exchange,  ///< artham's own exchange, in text frames in stream order
};

/// A key at Kite Connect and its login.
struct account {
  std::string api_key;
  /// The newest access token. Asked for before each attempt, and every `login_poll` after a 403
  /// until it is another one than was refused. Called from the feed's thread.
  std::function<secret()> access_token = [] { return secret(); };
};

struct client_options {
  std::string url = "wss://ws.kite.trade";
  std::vector<account> accounts{1};
  std::size_t sockets = 1;  ///< at most so many connections of each account
  std::chrono::milliseconds login_poll{1'000};
  std::string ca_file{};  ///< PEM; empty: the system's authorities
  clock_source clock = clock_source::host;
  market::duration clock_interval = 250 * market::millisecond;
  std::chrono::milliseconds connect_timeout{7'000};  ///< name, TCP, TLS and WebSocket together
  std::chrono::milliseconds silence_limit{5'000};    ///< not a byte
  stall_options stall;                               ///< bytes, but no tick
  std::vector<market::calendar_ptr> calendars{};     ///< when ticks are expected
  /// Of `calendars` that by which an instrument trades: a connection owes ticks while one of its
  /// own instruments trades. Empty: each connection has some of all. Called from the feed's thread.
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of{};
  backoff_options backoff;
  std::size_t max_tokens = 3'000;  ///< Kite's limit per connection
  std::size_t chunk = 500;         ///< tokens per subscribe or mode message
  std::size_t max_message = 16 * 1024 * 1024;
  /// UTC; replaced in tests. Called from the feed's thread.
  std::function<market::timestamp()> utc_now;
};

/// The Kite ticker over WebSockets, as many as the instruments need: each connects, subscribes,
/// watches for silence, backs off and comes back for itself. One thread for all of them; every sink
/// call comes from it, and market time never goes back between them.
///
/// - Which instruments are whose: subscription_book. Connections are those of the first account,
///   then of the second, and so on. Where there may be several, a loss names its instruments.
/// - Market time is the host's, or with `clock_source::exchange` that of the connection that is
///   furthest behind of those that are live; one more than a clock interval ahead of it is not read
///   until it has caught up. See docs/streams.md for why.
/// - A connection with heartbeats but no ticks where ticks are usual is a stall: tick_watch.
/// - A 403 ends trying until there is another access token; a 429 waits the longest back-off.
/// - With `clock_source::exchange` the connection is live with the first clock message; it must
/// come within the
///   silence limit.
/// - A frame with no whole packet is counted and dropped; one that breaks off behind a whole packet
/// is counted
///   and delivered.
/// - `stop` says goodbye for at most a second. It waits for a name lookup that is under way,
/// since the C
///   library cannot interrupt one. Neither `start` nor `stop` may be called from a sink.
class client final : public feed {
 public:
  /// Refuses a bad URL, an unreadable ca_file and impossible numbers. `d` lives as long as the
  /// client.
  [[nodiscard]] static result<std::unique_ptr<client>> create(client_options options,
                                                              const decoder& d);
  ~client() override;
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void start(sink& s) override;
  void stop() override;
  result<void> subscribe(std::span<const std::uint32_t> tokens, market::tick_mode mode) override;
  void unsubscribe(std::span<const std::uint32_t> tokens) override;
  void resume() override;
  [[nodiscard]] counters counts() const override;
  /// `live` when any connection is, else what the first one does.
  [[nodiscard]] state current() const override;
  /// Of all connections together; the least of their limits.
  [[nodiscard]] tick_expectation expectation() const override;
  [[nodiscard]] std::vector<connection_status> connections() const override;

 private:
  struct impl;
  explicit client(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace artham::feed::kite
