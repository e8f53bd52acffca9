#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/tick.hpp"

/// Kite Connect v3's binary ticker frames, both ways. A frame is u16 packet count, then u16 length
/// and that many bytes per packet; the length alone says what a packet is. Everything is big-endian
/// and unsigned but the price change of an index.
namespace artham::feed::kite {

inline constexpr std::size_t ltp_size = 8;
inline constexpr std::size_t index_quote_size = 28;
inline constexpr std::size_t index_full_size = 32;
inline constexpr std::size_t quote_size = 44;
inline constexpr std::size_t full_size = 184;

/// The most packets that a frame's count can tell of.
inline constexpr std::size_t max_packets = 65'535;
/// The longest packet that its length field can tell of.
inline constexpr std::size_t max_packet_bytes = 65'535;

[[nodiscard]] constexpr std::size_t packet_size(market::tick_mode mode) {
  switch (mode) {
    case market::tick_mode::ltp:
      return ltp_size;
    case market::tick_mode::index_quote:
      return index_quote_size;
    case market::tick_mode::index_full:
      return index_full_size;
    case market::tick_mode::quote:
      return quote_size;
    case market::tick_mode::full:
      return full_size;
  }
  return 0;
}

/// None for a length that v3 does not define; such a packet is skipped but keeps its position.
[[nodiscard]] constexpr std::optional<market::tick_mode> mode_of(std::size_t packet_length) {
  switch (packet_length) {
    case ltp_size:
      return market::tick_mode::ltp;
    case index_quote_size:
      return market::tick_mode::index_quote;
    case index_full_size:
      return market::tick_mode::index_full;
    case quote_size:
      return market::tick_mode::quote;
    case full_size:
      return market::tick_mode::full;
    default:
      return std::nullopt;
  }
}

/// Unaligned big-endian reads.
[[nodiscard]] inline std::uint16_t load_u16(const char* p) {
  std::uint16_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap16(v);
}
[[nodiscard]] inline std::uint32_t load_u32(const char* p) {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}

struct walk_result {
  std::uint16_t packets = 0;  ///< whole packets, of any length
  bool truncated = false;     ///< the frame promises more than it has
};

/// Calls fn(packet bytes) for each whole packet, of any length, and never reads past the frame.
/// Heartbeats (one byte) and empty frames have no packets and are not truncated; bytes behind the
/// last packet are ignored, as every official client does.
template <class Fn>
walk_result for_each_packet(std::string_view frame, Fn&& fn) {
  walk_result out;
  if (frame.size() < 2) {
    return out;
  }
  const char* p = frame.data();
  const char* const end = p + frame.size();
  const std::uint16_t promised = load_u16(p);
  p += 2;
  while (out.packets < promised) {
    if (end - p < 2) {
      out.truncated = true;
      break;
    }
    const std::size_t length = load_u16(p);
    p += 2;
    if (static_cast<std::size_t>(end - p) < length) {
      out.truncated = true;
      break;
    }
    fn(std::string_view(p, length));
    p += length;
    ++out.packets;
  }
  return out;
}

/// Overwrites `out` whole; false, leaving it alone, when the length is none of v3's five. Prices
/// are exact (raw / divisor of the token's segment), zero times and zero levels stay zero, which is
/// "none".
[[nodiscard]] bool decode_packet(std::string_view packet, market::tick& out);
[[nodiscard]] std::optional<market::tick> decode_packet(std::string_view packet);

/// Appends the packet of the tick's mode. Refuses (errc::bad_input, naming instrument, field, value
/// and limit, `out` unchanged) what the wire cannot carry: times that are no whole seconds, prices
/// that are negative or no multiple of 1/divisor, quantities out of 32 bits, more than 65,535
/// orders in a level. The price change of an index is written as last - close.
[[nodiscard]] result<void> encode_packet(std::string& out, const market::tick& t);

/// Makes frames: `add` until `full()` or enough, then `finish`, which also begins the next frame.
class frame_builder {
 public:
  frame_builder();

  /// As `encode_packet`; errc::full when the frame has 65,535 packets.
  [[nodiscard]] result<void> add(const market::tick& t);
  /// A packet that is encoded already, of any length up to 65,535 bytes.
  [[nodiscard]] result<void> add_packet(std::string_view packet);

  [[nodiscard]] std::size_t packets() const { return packets_; }
  [[nodiscard]] bool empty() const { return packets_ == 0; }
  [[nodiscard]] bool full() const { return packets_ == max_packets; }
  /// Bytes so far, header included.
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::string finish();

 private:
  std::string bytes_;
  std::size_t packets_ = 0;
};

/// The newest exchange time in a frame, which paces a raw recording; 0 when no packet has one.
[[nodiscard]] market::timestamp newest_exchange_time(std::string_view frame);

}  // namespace artham::feed::kite
