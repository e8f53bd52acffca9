#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "tests/web/raw_client.hpp"
#include "web/server/frame_parser.hpp"

using namespace artham::web;
using testing::client_frame;
using event = frame_parser::event;

namespace {

constexpr std::uint8_t fin = 0x80;

event feed(frame_parser& p, std::string_view bytes) {
  p.append(bytes);
  return p.next();
}

int error_of(std::string_view bytes) {
  frame_parser p({1000, false});
  return feed(p, bytes) == event::error ? p.code : 0;
}

}  // namespace

TEST_CASE("messages come out whole, however they were cut") {
  rc::check([](const std::vector<std::string>& texts) {
    std::string wire;
    std::vector<std::string> expected;
    for (const auto& t : texts) {
      std::string ascii;
      for (const char c : t) ascii += static_cast<char>(c & 0x7f);
      const std::size_t half = *rc::gen::inRange<std::size_t>(0, ascii.size() + 1);
      if (*rc::gen::arbitrary<bool>()) {
        wire += client_frame(1, ascii.substr(0, half));
        wire += client_frame(fin | 9, "between");
        wire += client_frame(fin | 0, ascii.substr(half));
      } else {
        wire += client_frame(fin | 1, ascii);
      }
      expected.push_back(std::move(ascii));
    }
    frame_parser parser({1 << 20, false});
    std::vector<std::string> got;
    while (!wire.empty()) {
      const std::size_t n = *rc::gen::inRange<std::size_t>(1, wire.size() + 1);
      parser.append(wire.substr(0, n));
      wire.erase(0, n);
      for (event e = parser.next(); e != event::need_more; e = parser.next()) {
        RC_ASSERT(e == event::text || e == event::ping);
        if (e == event::text) got.push_back(parser.payload);
      }
    }
    RC_ASSERT(got == expected);
  });
}

TEST_CASE("any bytes end in an event, never in more memory than the limits") {
  rc::check([](const std::string& bytes) {
    frame_parser parser({64, false});
    parser.append(bytes);
    for (int i = 0; i < 1000; ++i) {
      const event e = parser.next();
      if (e == event::need_more || e == event::error) return;
      RC_ASSERT(parser.payload.size() <= 125u);
    }
    RC_ASSERT(bytes.size() >= 6000u);
  });
}

TEST_CASE("long lengths are read") {
  const std::string text(70'000, 'x');
  frame_parser parser({100'000, false});
  CHECK(feed(parser, client_frame(fin | 1, text)) == event::text);
  CHECK(parser.payload == text);
  CHECK(feed(parser, client_frame(fin | 1, text.substr(0, 300))) == event::text);
  CHECK(parser.payload.size() == 300);
}

TEST_CASE("what breaks the protocol is named by its code") {
  CHECK(error_of(client_frame(fin | 2, "binary")) == close_code::not_text);
  CHECK(error_of(client_frame(fin | 1, "\xff")) == close_code::bad_utf8);
  CHECK(error_of(client_frame(fin | 1, std::string(1001, 'x'))) == close_code::too_big);
  CHECK(error_of(client_frame(fin | 0x41, "reserved bit")) == close_code::protocol_error);
  CHECK(error_of(client_frame(fin | 3, "unknown opcode")) == close_code::protocol_error);
  CHECK(error_of(client_frame(fin | 0, "continues nothing")) == close_code::protocol_error);
  CHECK(error_of(client_frame(9, "fragmented ping")) == close_code::protocol_error);
  CHECK(error_of(client_frame(fin | 9, std::string(126, 'x'))) == close_code::protocol_error);
  CHECK(error_of(std::string("\x81\x02hi", 4)) == close_code::protocol_error);
  CHECK(error_of(std::string("\x81\xfe\x00\x05....", 8)) == close_code::protocol_error);
  CHECK(error_of(client_frame(fin | 8, "x")) == close_code::protocol_error);
  CHECK(error_of(client_frame(fin | 8, "\x03\xed")) == close_code::protocol_error);  // 1005
  CHECK(error_of(client_frame(fin | 8, "\x03\xe8\xff")) == close_code::bad_utf8);
  CHECK(error_of(client_frame(1, "a") + client_frame(fin | 1, "b")) == close_code::protocol_error);
}

TEST_CASE("a message is too big as soon as its header says so, in parts too") {
  std::string huge("\x81\xff\x00\x00\x00\xff\x00\x00\x00\x00....", 14);
  CHECK(error_of(huge) == close_code::too_big);
  CHECK(error_of(client_frame(1, std::string(600, 'x')) +
                 client_frame(fin, std::string(600, 'x'))) == close_code::too_big);
}

TEST_CASE("a close frame gives code and reason") {
  frame_parser p({1000, false});
  CHECK(feed(p, client_frame(fin | 8, "")) == event::close);
  CHECK(p.code == 1005);
  frame_parser q({1000, false});
  CHECK(feed(q, client_frame(fin | 8, "\x03\xe9gone")) == event::close);
  CHECK(q.code == 1001);
  CHECK(q.payload == "gone");
}

TEST_CASE("a server's frames have the shortest length and valid reasons") {
  const auto header = [](std::size_t n) {
    std::string out;
    append_message_header(out, false, false, n);
    return out;
  };
  CHECK(header(125) == "\x81\x7d");
  CHECK(header(126) == std::string("\x81\x7e\x00\x7e", 4));
  CHECK(header(65536) == std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  std::string close;
  append_close(close, 1000,
               std::string(122, 'x') + "\xe2\x82\xb9");  // the cut falls inside a letter
  CHECK(close.size() == 2 + 2 + 122);
}

TEST_CASE("binary messages come out where they were agreed upon") {
  frame_parser p({1000, true});
  p.append(client_frame(2, "\xff") + client_frame(fin | 0, std::string("\0", 1)) +
           client_frame(fin | 1, "text"));
  CHECK(p.next() == event::binary);
  CHECK(p.payload == std::string("\xff\0", 2));
  CHECK(p.next() == event::text);
  std::string out;
  append_message_header(out, true, false, 5);
  CHECK(out == "\x82\x05");
}
