#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// A server's WebSocket frames (RFC 6455: unmasked, not fragmented), written around their payloads.
namespace artham::protocol {

enum class opcode : std::uint8_t { text = 1, binary = 2 };

/// What the header of a frame takes at most.
inline constexpr std::size_t frame_header_max = 10;

/// The header of a payload of this size; returns its length. `packed`: by permessage-deflate.
inline std::size_t write_frame_header(char* out, opcode what, std::size_t payload,
                                      bool packed = false) {
  out[0] = static_cast<char>((packed ? 0xC0U : 0x80U) | static_cast<unsigned>(what));
  if (payload < 126) {
    out[1] = static_cast<char>(payload);
    return 2;
  }
  const std::size_t bytes = payload <= 0xFFFF ? 2 : 8;
  out[1] = static_cast<char>(bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < bytes; ++i)
    out[2 + i] = static_cast<char>(payload >> 8 * (bytes - 1 - i));
  return 2 + bytes;
}

/// Appends a frame; write(out) appends its payload.
template <std::invocable<std::string&> Write>
void append_frame(std::string& out, opcode what, Write&& write) {
  constexpr std::size_t usual = 4;
  const std::size_t at = out.size();
  out.append(usual, '\0');
  write(out);
  const std::size_t payload = out.size() - at - usual;
  char header[frame_header_max];
  const auto size = write_frame_header(header, what, payload);
  if (size < usual) out.erase(at, usual - size);
  if (size > usual) out.insert(at, size - usual, '\0');
  std::memcpy(out.data() + at, header, size);
}

inline void append_frame(std::string& out, opcode what, std::string_view payload) {
  append_frame(out, what, [payload](std::string& to) { to.append(payload); });
}

/// Takes the first of some whole frames; returns its payload.
inline std::string_view take_frame(std::string_view& frames, opcode& what) {
  what = static_cast<opcode>(static_cast<unsigned>(frames[0]) & 0x0FU);
  std::size_t size = static_cast<std::uint8_t>(frames[1]);
  const std::size_t header = size < 126 ? 2 : size == 126 ? 4 : 10;
  if (header != 2) {
    size = 0;
    for (std::size_t i = 2; i < header; ++i)
      size = size << 8U | static_cast<std::uint8_t>(frames[i]);
  }
  const auto payload = frames.substr(header, size);
  frames.remove_prefix(header + size);
  return payload;
}

}  // namespace artham::protocol
