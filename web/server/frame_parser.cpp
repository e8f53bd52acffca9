#include "web/server/frame_parser.hpp"

#include <algorithm>
#include <utility>

#include "web/server/utf8.hpp"

namespace artham::web {
namespace {

constexpr std::uint8_t op_continuation = 0;
constexpr std::uint8_t op_text = 1;
constexpr std::uint8_t op_binary = 2;
constexpr std::uint8_t op_close = 8;
constexpr std::uint8_t op_ping = 9;
constexpr std::uint8_t op_pong = 10;
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t packed_bit = 0x40;
constexpr std::uint8_t other_reserved_bits = 0x30;
constexpr std::size_t max_control = 125;

/// What does not compress gets larger by a few bytes in each of its blocks.
std::uint64_t most_packed(std::size_t message) {
  return message + message / 512 + 64;
}

bool is_control(std::uint8_t opcode) {
  return opcode >= 8;
}

/// What RFC 6455 section 7.4 lets an endpoint send.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

void append_header(std::string& out, std::uint8_t opcode, std::size_t size) {
  out += static_cast<char>(fin_bit | opcode);
  if (size <= max_control) {
    out += static_cast<char>(size);
    return;
  }
  const int bytes = size <= 0xffff ? 2 : 8;
  out += static_cast<char>(bytes == 2 ? 126 : 127);
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<std::uint64_t>(size) >> shift & 0xff);
}

void append_control(std::string& out, std::uint8_t opcode, std::string_view payload) {
  payload = payload.substr(0, max_control);
  append_header(out, opcode, payload.size());
  out += payload;
}

}  // namespace

void frame_parser::append(std::string_view bytes) {
  input_.erase(0, read_);
  read_ = 0;
  input_ += bytes;
}

frame_parser::event frame_parser::fail(std::uint16_t with, std::string_view why) {
  failed_ = true;
  code = with;
  payload = why;
  return event::error;
}

frame_parser::event frame_parser::fail_too_big() {
  return fail(close_code::too_big,
              "a message has at most " + std::to_string(rules_.max_message) + " bytes");
}

frame_parser::event frame_parser::fail_utf8() {
  return fail(close_code::bad_utf8, "a text message is UTF-8");
}

frame_parser::event frame_parser::take_payload(std::string_view piece) {
  if (is_control(opcode_)) {
    control_ += piece;
    return event::need_more;
  }
  const auto from = message_.size();
  if (inflater_) return take_packed(inflater_->take(piece, message_, rules_.max_message), from);
  message_ += piece;
  if (!binary_ && !utf8_.take(piece)) return fail_utf8();
  return event::need_more;
}

/// What was unpacked to the message, behind `from`.
frame_parser::event frame_parser::take_packed(inflater::outcome outcome, std::size_t from) {
  // What comes first is said first, however the bytes were cut.
  if (!binary_ && !utf8_.take(std::string_view(message_).substr(from))) return fail_utf8();
  if (outcome == inflater::outcome::too_big) return fail_too_big();
  if (outcome == inflater::outcome::corrupt)
    return fail(close_code::bad_utf8, "a packed message that cannot be unpacked");
  return event::need_more;
}

frame_parser::event frame_parser::parse_header() {
  const auto* p = reinterpret_cast<const std::uint8_t*>(input_.data()) + read_;
  const std::size_t available = input_.size() - read_;
  if (available < 2) return event::need_more;
  const unsigned length = p[1] & 0x7f;
  const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;

  const bool packed = (p[0] & packed_bit) != 0;
  if ((p[0] & other_reserved_bits) != 0 || (packed && !rules_.deflate))
    return fail(close_code::protocol_error, "reserved bits are set, no extension was agreed");
  opcode_ = p[0] & 0x0f;
  final_ = (p[0] & fin_bit) != 0;
  if (opcode_ > op_pong || (opcode_ > op_binary && opcode_ < op_close))
    return fail(close_code::protocol_error, "unknown opcode");
  if (packed && opcode_ != op_text && opcode_ != op_binary)
    return fail(close_code::protocol_error, "only a message's first frame says that it is packed");
  if ((p[1] & 0x80) == 0) return fail(close_code::protocol_error, "a client's frames are masked");
  if (is_control(opcode_)) {
    if (!final_) return fail(close_code::protocol_error, "control frames are not fragmented");
    if (length > max_control)
      return fail(close_code::protocol_error, "control frames have at most 125 bytes");
  } else if (opcode_ == op_binary && !rules_.binary) {
    return fail(close_code::not_text, "only text messages are taken here");
  } else if (message_open_ != (opcode_ == op_continuation)) {
    return fail(close_code::protocol_error, message_open_ ? "a new message inside a fragmented one"
                                                          : "a continuation of no message");
  }
  if (available < 2 + extra + 4) return event::need_more;

  left_ = length;
  if (extra != 0) {
    left_ = 0;
    for (std::size_t i = 0; i < extra; ++i) left_ = left_ << 8 | p[2 + i];
    if (left_ < (extra == 2 ? 126u : 65536u))
      return fail(close_code::protocol_error, "a length is written in its shortest form");
  }
  if (opcode_ == op_text || opcode_ == op_binary) {
    binary_ = opcode_ == op_binary;
    utf8_ = {};
    packed_bytes_ = 0;
    if (packed) inflater_.emplace();
  }
  if (!is_control(opcode_)) {
    const auto most = inflater_ ? most_packed(rules_.max_message) - packed_bytes_
                                : rules_.max_message - message_.size();
    if (left_ > most) return fail_too_big();
    packed_bytes_ += left_;
  }
  std::copy_n(p + 2 + extra, 4, mask_);
  read_ += 2 + extra + 4;
  offset_ = 0;
  in_frame_ = true;
  return event::text;  // any but need_more and error: the header is complete
}

frame_parser::event frame_parser::finish_frame() {
  in_frame_ = false;
  if (!is_control(opcode_)) {
    message_open_ = !final_;
    if (!final_) return event::need_more;
    if (inflater_) {
      const auto from = message_.size();
      const auto outcome = inflater_->finish(message_, rules_.max_message);
      if (take_packed(outcome, from) == event::error) return event::error;
      inflater_.reset();
    }
    if (!binary_ && !utf8_.complete()) return fail_utf8();
    payload = std::exchange(message_, {});
    return binary_ ? event::binary : event::text;
  }
  payload = std::exchange(control_, {});
  if (opcode_ == op_ping) return event::ping;
  if (opcode_ == op_pong) return event::pong;
  code = 1005;
  if (payload.empty()) return event::close;
  if (payload.size() == 1) return fail(close_code::protocol_error, "a close code has two bytes");
  const unsigned sent =
      static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
  if (!may_be_sent(sent)) return fail(close_code::protocol_error, "a close code that is none");
  payload.erase(0, 2);
  if (!is_utf8(payload)) return fail(close_code::bad_utf8, "a close reason is UTF-8");
  code = static_cast<std::uint16_t>(sent);
  return event::close;
}

frame_parser::event frame_parser::next() {
  while (!failed_) {
    if (!in_frame_) {
      const event header = parse_header();
      if (!in_frame_) return header;
    }
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.size() - read_));
    for (std::size_t i = read_; i < read_ + take; ++i)
      input_[i] = static_cast<char>(static_cast<std::uint8_t>(input_[i]) ^ mask_[offset_++ & 3]);
    const std::string_view piece = std::string_view(input_).substr(read_, take);
    read_ += take;
    left_ -= take;
    if (take_payload(piece) == event::error) return event::error;
    if (left_ != 0) return event::need_more;
    if (const event done = finish_frame(); done != event::need_more) return done;
  }
  return event::error;
}

void append_message_header(std::string& out, bool binary, bool packed, std::size_t payload_size) {
  const std::uint8_t opcode = binary ? op_binary : op_text;
  append_header(out, packed ? packed_bit | opcode : opcode, payload_size);
}

void append_close(std::string& out, std::uint16_t code, std::string_view reason) {
  reason = reason.substr(0, max_control - 2);
  while (!is_utf8(reason)) reason.remove_suffix(1);
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason;
  append_control(out, op_close, payload);
}

void append_ping(std::string& out, std::string_view payload) {
  append_control(out, op_ping, payload);
}

void append_pong(std::string& out, std::string_view payload) {
  append_control(out, op_pong, payload);
}

}  // namespace artham::web
