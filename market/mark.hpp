#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "market/position.hpp"
#include "market/tick.hpp"
#include "market/time.hpp"

namespace artham::market {

/// Records of md:ticks that are not ticks. They take a seq like ticks do and are the only clock and
/// the only news of the feed that anything derived may use.
enum class mark_kind : std::uint8_t {
  clock = 1,         ///< market time reached `time`
  gap = 2,           ///< the feed was lost from `from` to `time`
  session = 3,       ///< a session of `subject` (calendar name) opened or closed (`flag` 1 or 0)
  subscription = 4,  ///< `tokens` added (`flag` 1) or removed (`flag` 0) in `mode`
  epoch = 5,         ///< an ingestor started; `hashes` are in force from here
  config = 6,        ///< `hashes` are in force from here
};

enum class gap_cause : std::uint8_t {
  none = 0,
  disconnected = 1,     ///< the connection ended
  stalled = 2,          ///< connected, but silent for longer than the watchdog allows
  restart = 3,          ///< this program was not running
  token_expired = 4,    ///< Kite refused the access token
  rate_limited = 5,     ///< Kite answered 429
  journal_damaged = 6,  ///< a block of the journal failed its checksum
  disk_full = 7,
  feed_error = 8,  ///< the peer broke the protocol
};
[[nodiscard]] std::string_view to_string(gap_cause c);
[[nodiscard]] std::string_view to_string(mark_kind k);

/// Contents are kept beside the journal under these SHA-256 names; all-zero is "none".
using content_hash = std::array<std::uint8_t, 32>;

struct config_hashes {
  content_hash settings{};
  content_hash calendar{};
  content_hash instruments{};
  friend bool operator==(const config_hashes&, const config_hashes&) = default;
};

/// Flag of a gap mark that tells that a loss has begun (at `from`). The mark that tells its whole
/// length, when it is over, has flag 0; a loss that began before a restart has only that one.
inline constexpr std::uint8_t gap_begins = 1;

struct mark {
  mark_kind kind = mark_kind::clock;
  market::position position;
  timestamp time = 0;  ///< market time
  timestamp wall = 0;  ///< this host's clock, for people only
  timestamp from = 0;  ///< gap: start of the loss, market time
  gap_cause cause = gap_cause::none;
  std::uint8_t flag = 0;
  tick_mode mode = tick_mode::ltp;
  std::vector<std::uint32_t>
      tokens;           ///< subscription: sorted. gap: sorted, empty = all instruments
  std::string subject;  ///< session: calendar name; gap: detail for people
  config_hashes hashes;
  friend bool operator==(const mark&, const mark&) = default;
};

}  // namespace artham::market
