#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace artham::protocol {

/// How much of an instrument a client of Kite's ticker wants.
enum class ticker_mode : std::uint8_t { ltp, quote, full };

/// What of a packet a mode shows: Kite's packets of less are beginnings of those of more, and one
/// of less than the mode wants is shown as it is.
[[nodiscard]] constexpr std::string_view in_mode(std::string_view packet, ticker_mode mode) {
  constexpr std::size_t ltp = 8;
  constexpr std::size_t index_quote = 28;
  constexpr std::size_t quote = 44;
  if (mode == ticker_mode::full) return packet;
  if (mode == ticker_mode::ltp) return packet.substr(0, ltp);
  return packet.substr(0, packet.size() < quote ? index_quote : quote);
}

}  // namespace artham::protocol
