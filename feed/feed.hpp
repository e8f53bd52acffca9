#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/mark.hpp"
#include "market/quote.hpp"
#include "market/tick.hpp"
#include "messages/record/record.hpp"

/// Port "where ticks come from". Implementation: feed/kite. feed/recording and feed/synthetic make
/// the market that exchange/ serves.
namespace artham::feed {

/// What a feed is doing, for status, metrics and clients.
enum class state : std::uint8_t {
  stopped,
  connecting,
  live,
  backing_off,    ///< lost; will try again
  rate_limited,   ///< 429; tries again at the longest back-off
  token_expired,  ///< 403; waits for a new login, never tries the same token again
};
[[nodiscard]] std::string_view to_string(state s);

struct state_change {
  feed::state state = state::stopped;
  market::gap_cause cause = market::gap_cause::none;  ///< why it was lost
  std::string detail{};                               ///< for people
  /// Of a loss: market time at which the peer was last heard; 0: just now.
  market::timestamp heard = 0;
  std::uint32_t connection = 0;  ///< of the feed's, from 0
  /// Those that it concerns, ascending, perhaps none; nothing: all, as there is one connection.
  std::optional<std::vector<std::uint32_t>> tokens{};
};

struct counters {
  std::uint64_t frames = 0;
  std::uint64_t heartbeats = 0;
  std::uint64_t bytes = 0;
  std::uint64_t malformed = 0;  ///< frames that broke off or had nothing whole in them
  std::uint64_t text = 0;
  std::uint64_t connects = 0;
  std::uint64_t pauses = 0;  ///< times that the sink asked to wait
};

/// What a feed knows of how often ticks ought to come now.
struct tick_expectation {
  market::timestamp last = 0;  ///< market time of the last tick, or of the connection's beginning
  market::duration limit = 0;  ///< a longer silence is a stall; 0: nothing is expected now
  std::int64_t frames_per_hour = 0;  ///< usual in this phase of the day; 0: not known
};

/// One of a feed's connections.
struct connection_status {
  feed::state state = state::stopped;
  std::size_t instruments = 0;  ///< wanted of it
  tick_expectation expected{};
};

/// Who takes what a feed brings. Called from the feed's own thread, in stream order.
class sink {
 public:
  virtual ~sink() = default;
  /// One binary frame with at least one whole packet. False: no more until `feed::resume`
  /// (back-pressure; the frame itself was taken).
  virtual bool on_frame(std::string frame, market::timestamp market_time,
                        market::timestamp wall) = 0;
  /// Market time moved on (the exchange's clock message, or this host's clock for Kite).
  virtual void on_market_time(market::timestamp market_time, market::timestamp wall) = 0;
  /// A connection is there and about to subscribe, or lost, or (`connecting`, cause restart) was
  /// not there yet when the first of the feed's was.
  virtual void on_state(state_change change, market::timestamp market_time,
                        market::timestamp wall) = 0;
  /// Tokens were asked of, or taken back from, the peer; each comes from where it was asked last.
  virtual void on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode,
                               bool added, market::timestamp market_time,
                               market::timestamp wall) = 0;
  /// A text frame for people or for order handling: Kite's `type` and its raw JSON.
  virtual void on_text(std::string type, std::string json) = 0;
};

class feed {
 public:
  virtual ~feed() = default;
  /// Connects and stays connected until `stop`. `s` outlives this object.
  virtual void start(sink& s) = 0;
  /// Ends the connection and the thread; no sink call after it returns.
  virtual void stop() = 0;
  /// Adds to what is wanted; sent now if connected and again after every reconnect. Refuses what
  /// exceeds the peer's limits, naming the limit. Thread-safe.
  virtual result<void> subscribe(std::span<const std::uint32_t> tokens, market::tick_mode mode) = 0;
  virtual void unsubscribe(std::span<const std::uint32_t> tokens) = 0;
  /// Reading goes on after a sink said wait. Thread-safe.
  virtual void resume() = 0;
  [[nodiscard]] virtual counters counts() const = 0;
  [[nodiscard]] virtual state current() const = 0;
  [[nodiscard]] virtual tick_expectation expectation() const { return {}; }
  /// Those opened so far, in the order of state_change::connection.
  [[nodiscard]] virtual std::vector<connection_status> connections() const { return {}; }
};

/// Turns a journaled frame into ticks. Stateless and thread-safe.
class decoder {
 public:
  virtual ~decoder() = default;
  /// Whole packets in the frame, of any length; each takes one position.
  [[nodiscard]] virtual std::uint16_t packets(std::string_view frame) const = 0;
  /// Appends one entry per packet of a known length. `first` is the position of the frame's first
  /// packet.
  virtual void bar_inputs(std::string_view frame, market::timestamp receive, market::position first,
                          std::vector<market::bar_input>& out) const = 0;
  /// Likewise what features need.
  virtual void quotes(std::string_view frame, market::timestamp receive, market::position first,
                      std::vector<market::quote>& out) const = 0;
  /// Calls fn(position of the packet, packet bytes) for each packet of a known length.
  virtual void packet_views(
      std::string_view frame, market::position first,
      const std::function<void(market::position, std::string_view)>& fn) const = 0;
  /// Appends the token of each packet of a known length, with repetitions.
  virtual void tokens(std::string_view frame, std::vector<std::uint32_t>& out) const = 0;
  /// The instrument of a packet of a known length.
  [[nodiscard]] virtual std::uint32_t token(std::string_view packet) const = 0;
  /// One packet of a known length as a full tick.
  [[nodiscard]] virtual market::tick decode(std::string_view packet) const = 0;
};

/// A tick further ahead of market time than this is flagged bar_input::ahead.
inline constexpr market::duration ahead_limit = 5 * market::second;

}  // namespace artham::feed
