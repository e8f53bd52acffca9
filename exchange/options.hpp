#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exchange/disorder.hpp"
#include "exchange/misbehaviour.hpp"
#include "feed/synthetic/generator.hpp"
#include "market/calendar.hpp"
#include "market/instrument.hpp"

namespace artham::exchange {

struct synthetic_source_options {
  feed::synthetic::options market;
  market::timestamp start = 0;            ///< market time of the beginning, e.g. an open
  market::timestamp end = market::never;  ///< market time at which the exchange has finished
};

struct recording_source_options {
  std::filesystem::path file;     ///< tick CSV, or `.hex`: one Kite frame per line
  std::uint64_t skip_frames = 0;  ///< index of the first frame to play
};

/// What clients must present; a login with request token and checksum yields the access token.
struct credentials {
  std::string api_key;
  std::string api_secret;
  std::string request_token;
  std::string access_token;
};

/// What a key may have, as at Kite; 0: as much as it wants.
struct key_limits {
  std::size_t sockets = 0;  ///< at a time; one more is answered with 429
  std::size_t tokens = 0;   ///< per socket; what is more is not subscribed, and an error says so
};
inline constexpr key_limits kite_limits{3, 3'000};

enum class start_when : std::uint8_t {
  now,        ///< at once, whoever listens
  subscribe,  ///< when subscriptions and modes have been quiet for `quiet`
};

struct options {
  std::variant<synthetic_source_options, recording_source_options> source;
  /// Market seconds per wall second, above 0; none is as fast as clients take it, losing nothing:
  /// the exchange then waits for slow subscribers and, with start_when::subscribe, while there is
  /// no subscriber at all.
  std::optional<double> speed = 1.0;
  start_when start = start_when::now;
  market::duration quiet = 250 * market::millisecond;  ///< of wall time
  std::uint16_t port = 0;                              ///< on 127.0.0.1; 0 picks a free one
  /// By name; NSE and NFO for a synthetic market, for a recording those of its segments.
  std::map<std::string, market::calendar_ptr> calendars;
  /// Served at /instruments for a recording; without them its tokens are served under their number.
  std::vector<market::instrument> instruments;
  market::duration clock_interval =
      250 * market::millisecond;                   ///< of market time, between clock messages
  market::duration lateness = 3 * market::second;  ///< a day ends at its close + this + 1 s
  market::duration heartbeat = market::second;     ///< of wall time
  /// What waits for one client; at a finite speed one that exceeds it is dropped.
  std::size_t queue_bytes = std::size_t{8} << 20;
  std::vector<exchange::credentials> credentials{};  ///< one per key; none: any are accepted
  key_limits limits;
  unsigned reject_status = 0;  ///< 403 or 429: the answer to every handshake
  bool control = false;        ///< takes misbehaviours at POST /control
  std::vector<misbehaviour> misbehaviours;
  exchange::disorder disorder;
  /// Called once, from the exchange's thread, when all was played and taken.
  std::function<void()> on_finished;
};

}  // namespace artham::exchange
