#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// RFC 6455 frames and RFC 7692 data as a client may make them, well or badly.
namespace artham::conformance {

struct frame_shape {
  bool masked = true;
  int length_bytes = -1;                     ///< 0, 2 or 8; -1: as few as do
  std::optional<std::uint64_t> said_length;  ///< instead of the payload's
};

/// `first`: FIN, reserved bits, opcode.
inline std::string frame(unsigned first, std::string_view payload, frame_shape shape = {}) {
  std::string out(1, static_cast<char>(first));
  const std::uint64_t n = shape.said_length.value_or(payload.size());
  int bytes = shape.length_bytes;
  if (bytes < 0) bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
  const unsigned mask_bit = shape.masked ? 0x80 : 0;
  out += static_cast<char>(mask_bit | (bytes == 0 ? n : bytes == 2 ? 126 : 127));
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(n >> shift & 0xff);
  if (!shape.masked) return out += payload;
  constexpr std::string_view mask("\x37\xfa\x21\x3d", 4);
  out += mask;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

inline std::string close_payload(unsigned code, std::string_view reason = "") {
  std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return out += reason;
}

/// A message as it goes into a packed frame.
inline std::string packed(std::string_view plain, int level = 6, int window_bits = 15) {
  z_stream s{};
  if (deflateInit2(&s, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&s, plain.size()) + 64, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  s.avail_in = static_cast<uInt>(plain.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  deflate(&s, Z_SYNC_FLUSH);
  out.resize(out.size() - s.avail_out);
  deflateEnd(&s);
  if (!out.ends_with(std::string_view("\0\0\xff\xff", 4))) throw std::runtime_error("deflate");
  out.resize(out.size() - 4);
  return out;
}

/// Nothing when it is none.
inline std::optional<std::string> unpacked(std::string_view bytes) {
  z_stream s{};
  if (inflateInit2(&s, -15) != Z_OK) return std::nullopt;
  const std::string in = std::string(bytes) + std::string("\0\0\xff\xff", 4);
  std::string out(8 << 20, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  s.avail_in = static_cast<uInt>(in.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  const int said = inflate(&s, Z_SYNC_FLUSH);
  out.resize(out.size() - s.avail_out);
  inflateEnd(&s);
  if (said != Z_OK || s.avail_in != 0) return std::nullopt;
  return out;
}

}  // namespace artham::conformance
