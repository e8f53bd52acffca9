#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "market/price.hpp"
#include "messages/batch.hpp"

/// The binary messages of Kite's ticker: a count, then packets, each with its length in front. All
/// numbers are big-endian.
namespace artham::actors {

/// In one message, as many as a Kite connection has instruments.
inline constexpr std::size_t packets_per_frame = 3'000;

/// Messages that so many packets go into.
[[nodiscard]] constexpr std::size_t frames_of_packets(std::size_t packets) {
  return (packets + packets_per_frame - 1) / packets_per_frame;
}

/// Appends a packet with its length.
void append_packet(std::string& out, std::string_view packet);
/// Appends a packet of mode ltp, for a tick that did not come as a packet. False, appending
/// nothing: a price below 0 or of more than 32 bits cannot be told.
bool append_price_packet(std::string& out, std::uint32_t token, market::price last);

/// Puts packets into WebSocket messages. `items` tell where in `from` each of them is, with its
/// length; afterwards where in the result.
[[nodiscard]] std::string frame_packets(std::string_view from,
                                        std::span<messages::batch::item> items);

/// One byte, which says that the connection lives.
[[nodiscard]] std::string heartbeat_frame();

}  // namespace artham::actors
