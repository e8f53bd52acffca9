#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "market/time.hpp"

namespace artham::feed::kite {

/// What a text frame is to this client.
enum class text_kind : std::uint8_t {
  ignored,  ///< not JSON, no object, without a known type, without its data, or too long
  notice,   ///< `order`, `error` or `message`: handed on
  clock,    ///< `artham_clock`: market time, from artham's own exchange
};

struct text_frame {
  text_kind kind = text_kind::ignored;
  std::string type;                   ///< of a notice
  market::timestamp market_time = 0;  ///< of a clock
};

/// Longer text frames are not looked into; real ones have some kilobytes.
inline constexpr std::size_t max_text_frame = 1024 * 1024;

/// Never throws, whatever the text.
[[nodiscard]] text_frame read_text_frame(std::string_view text);

/// The message of Kite's error envelope in `body`, else an empty string. At most 200 characters,
/// printable.
[[nodiscard]] std::string error_message(std::string_view body);

}  // namespace artham::feed::kite
