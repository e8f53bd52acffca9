#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/server/deflate.hpp"
#include "web/server/utf8.hpp"

namespace artham::web {

/// Status codes with which this server closes a WebSocket of its own accord. 1001 and 4000 to 4499:
/// come back; 4500 to 4999: do not.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;  ///< the server stops
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t not_text = 1003;  ///< a binary message, and only text was agreed
inline constexpr std::uint16_t bad_utf8 = 1007;  ///< or packed data that cannot be unpacked
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t no_room = 4002;  ///< the gateway is full, or did not answer in time
inline constexpr std::uint16_t no_session = 4501;  ///< the gateway refuses
}  // namespace close_code

/// Reads a client's side of RFC 6455: masked frames in, whole messages out. Knows no socket. Holds
/// at most one message of `max_message` bytes and one read's worth of unparsed bytes.
class frame_parser {
 public:
  struct rules {
    std::size_t max_message = 0;  ///< as it is and unpacked
    bool binary = false;          ///< messages may be
    bool deflate = false;         ///< messages may be packed (permessage-deflate)
  };

  enum class event : std::uint8_t {
    need_more,  ///< everything given has been parsed
    text,       ///< `payload` is a whole message, valid UTF-8
    binary,     ///< `payload` is a whole message
    ping,
    pong,
    close,  ///< `code` (1005 when the frame had none) and `payload` is the reason
    error,  ///< the peer broke the protocol or a limit: close with `code`, `payload` says why; ask
            ///< no further
  };

  explicit frame_parser(rules r) : rules_(r) {}

  void append(std::string_view bytes);
  [[nodiscard]] event next();
  /// Of the last event; may be moved from.
  std::string payload;
  std::uint16_t code = 0;

 private:
  event parse_header();
  event finish_frame();
  event fail(std::uint16_t with, std::string_view why);
  event fail_too_big();
  event fail_utf8();

  event take_payload(std::string_view piece);
  event take_packed(inflater::outcome outcome, std::size_t from);

  rules rules_;
  std::string input_;
  std::size_t read_ = 0;
  bool in_frame_ = false;
  bool failed_ = false;
  bool message_open_ = false;  ///< a fragmented message is under way
  bool final_ = false;
  std::uint8_t opcode_ = 0;
  bool binary_ = false;  ///< the message is
  std::uint8_t mask_[4] = {};
  std::uint64_t left_ = 0;    ///< of the frame's payload
  std::uint64_t offset_ = 0;  ///< into the frame's payload, for the mask
  std::string message_;
  utf8_check utf8_;                   ///< of the message
  std::optional<inflater> inflater_;  ///< of a packed message
  std::uint64_t packed_bytes_ = 0;    ///< of it, so far
  std::string control_;
};

/// Appends a server's frame (unmasked, not fragmented).
void append_message_header(std::string& out, bool binary, bool packed, std::size_t payload_size);
void append_close(std::string& out, std::uint16_t code, std::string_view reason);
void append_ping(std::string& out, std::string_view payload);
void append_pong(std::string& out, std::string_view payload);

}  // namespace artham::web
