#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace artham::conformance {

/// The largest message of the server that the cases are for.
inline constexpr std::size_t largest = 100'000;

/// What a client that speaks RFC 6455 badly or well sends to a server that echoes.
struct websocket_case {
  enum class dialect : std::uint8_t {
    text,     ///< only text messages
    binary,   ///< a subprotocol with binary messages
    deflate,  ///< as binary, and permessage-deflate
  };
  struct reply {
    std::uint8_t opcode;
    std::string payload;
    friend bool operator==(const reply&, const reply&) = default;
  };

  std::string name;
  dialect spoken = dialect::text;
  std::string bytes;
  std::vector<reply> replies;
  int close = 0;  ///< the server's code; 0: it goes on, and closes with 1000 when asked to
};

/// By RFC 6455.
[[nodiscard]] std::vector<websocket_case> framing_cases();
/// By RFC 7692.
[[nodiscard]] std::vector<websocket_case> deflate_cases();

}  // namespace artham::conformance
