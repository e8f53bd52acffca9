#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"

namespace artham::protocol {

/// Codes of error replies; docs/protocol.md lists them.
enum class code : std::uint16_t {
  bad_request = 4400,
  unauthorized = 4401,
  forbidden = 4403,
  unknown_instrument = 4404,
  unknown_timeframe = 4405,
  too_many_subscriptions = 4429,
  too_many_attempts = 4430,
  unavailable = 4503,
};
[[nodiscard]] std::string_view name(code c);

/// Close codes: 4000-4499 come back, 4500-4999 do not.
enum class close : std::uint16_t {
  going_away = 1001,
  try_again = 1013,
  cannot_catch_up = 4003,
  too_slow = 4008,
  unauthorized = 4401,
  too_many = 4429,
  revoked = 4501,
};

/// How a client is sent the values of a key.
enum class delivery : std::uint8_t {
  latest,    ///< all, but the newest only while the client does not read
  all,       ///< all, whatever it takes
  every_ms,  ///< the newest at most every so many milliseconds
};
[[nodiscard]] std::string_view name(delivery d);

struct command {
  enum class op : std::uint8_t { sub, unsub, ping, status };
  op what = op::ping;
  std::string id;  ///< as JSON: a number, a string or null; echoed
  std::vector<std::string> keys;
  std::size_t history = 0;          ///< finished bars wanted in the snapshot
  std::optional<std::string> from;  ///< a resume token
  std::optional<delivery> policy;   ///< none: latest, but what was missed comes in full
  std::uint32_t every_ms = 0;       ///< of policy every_ms
  bool times = false;
  std::optional<std::uint32_t> tokens_ms;  ///< resume tokens at most so often; 0: none any more
};

struct refusal {
  std::string id = "null";
  protocol::code code = protocol::code::bad_request;
  std::string message;
};

inline constexpr std::size_t keys_per_command = 500;
inline constexpr std::size_t history_at_most = 5000;
inline constexpr std::uint32_t every_ms_at_most = 3'600'000;
inline constexpr std::uint32_t tokens_ms_at_least = 50;

/// One command from untrusted text. Never throws, whatever the text.
[[nodiscard]] tl::expected<command, refusal> parse_command(std::string_view text);

/// `{"id":…,"ok":false,"error":{…}}`
[[nodiscard]] std::string error_reply(const refusal& r);

}  // namespace artham::protocol
