#include <array>

#include "tests/conformance/websocket_cases.hpp"
#include "tests/conformance/wire.hpp"

namespace artham::conformance {
namespace {

using dialect = websocket_case::dialect;
constexpr unsigned fin = 0x80;
constexpr unsigned more = 0;
constexpr unsigned text = 1;
constexpr unsigned binary = 2;
constexpr unsigned closing = 8;
constexpr unsigned ping = 9;
constexpr unsigned pong = 10;

using list = std::vector<websocket_case>;

websocket_case good(std::string name, dialect d, std::string bytes,
                    std::vector<websocket_case::reply> replies) {
  return {std::move(name), d, std::move(bytes), std::move(replies), 0};
}
websocket_case bad(std::string name, dialect d, std::string bytes, int code) {
  return {std::move(name), d, std::move(bytes), {}, code};
}
std::string number(std::uint64_t n) {
  return " " + std::to_string(n);
}

void lengths(list& out) {
  for (const std::size_t n : {0, 1, 125, 126, 127, 128, 65'535, 65'536, 65'537}) {
    const std::string payload(n, 'x');
    out.push_back(good("text of length" + number(n), dialect::text, frame(fin | text, payload),
                       {{text, payload}}));
    out.push_back(good("binary of length" + number(n), dialect::binary,
                       frame(fin | binary, payload), {{binary, payload}}));
    out.push_back(bad("unmasked, of length" + number(n), dialect::text,
                      frame(fin | text, payload, {false, -1, {}}), 1002));
  }
  for (const std::size_t n : {0, 1, 125}) {
    out.push_back(bad("two bytes of length for" + number(n), dialect::text,
                      frame(fin | text, std::string(n, 'x'), {true, 2, {}}), 1002));
    out.push_back(bad("a control frame with two bytes of length for" + number(n), dialect::text,
                      frame(fin | ping, std::string(n, 'x'), {true, 2, {}}), 1002));
  }
  for (const std::size_t n : {0, 125, 126, 65'535})
    out.push_back(bad("eight bytes of length for" + number(n), dialect::text,
                      frame(fin | text, std::string(n, 'x'), {true, 8, {}}), 1002));
  for (const std::uint64_t n : {std::uint64_t{largest} + 1, std::uint64_t{1} << 32,
                                std::uint64_t{1} << 62, ~std::uint64_t{0}})
    out.push_back(bad("a frame that says it has" + number(n), dialect::text,
                      frame(fin | text, "", {true, -1, n}), 1009));
}

void limits(list& out) {
  const std::string whole(largest, 'x');
  out.push_back(
      good("the largest message", dialect::text, frame(fin | text, whole), {{text, whole}}));
  out.push_back(good("the largest message in two", dialect::text,
                     frame(text, whole.substr(0, 60'000)) + frame(fin | more, whole.substr(60'000)),
                     {{text, whole}}));
  out.push_back(bad(
      "one byte more in two", dialect::text,
      frame(text, whole.substr(0, 60'000)) + frame(fin | more, whole.substr(60'000) + "x"), 1009));
  out.push_back(bad("the largest, then an unfinished byte", dialect::text,
                    frame(text, whole) + frame(more, "x"), 1009));
  out.push_back(
      bad("binary, where only text is taken", dialect::text, frame(fin | binary, "x"), 1003));
  out.push_back(bad("the beginning of binary, where only text is taken", dialect::text,
                    frame(binary, "x"), 1003));
}

void reserved(list& out) {
  for (unsigned bits = 1; bits < 8; ++bits)
    for (const unsigned opcode : {text, binary, closing, ping, pong})
      out.push_back(bad("reserved bits" + number(bits) + " of opcode" + number(opcode),
                        dialect::binary, frame(fin | bits << 4 | opcode, ""), 1002));
  out.push_back(bad("reserved bits in a continuation", dialect::text,
                    frame(text, "x") + frame(fin | 0x10, "y"), 1002));
  for (const unsigned opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    for (const unsigned last : {0U, fin})
      out.push_back(bad("opcode" + number(opcode) + (last != 0 ? ", final" : ", not final"),
                        dialect::text, frame(last | opcode, "x"), 1002));
  out.push_back(bad("an unknown opcode behind a message", dialect::text,
                    frame(text, "x") + frame(fin | 3, ""), 1002));
}

void controls(list& out) {
  for (const std::size_t n : {0, 1, 8, 124, 125}) {
    const std::string payload(n, '\xfe');
    out.push_back(good("ping of length" + number(n), dialect::text, frame(fin | ping, payload),
                       {{pong, payload}}));
    out.push_back(good("unasked pong of length" + number(n), dialect::text,
                       frame(fin | pong, payload) + frame(fin | text, "on"), {{text, "on"}}));
  }
  for (const unsigned opcode : {closing, ping, pong}) {
    out.push_back(
        bad("not final, opcode" + number(opcode), dialect::text, frame(opcode, ""), 1002));
    for (const std::size_t n : {126, 127, 65'536})
      out.push_back(bad("too long, opcode" + number(opcode) + ", length" + number(n), dialect::text,
                        frame(fin | opcode, std::string(n, 'x')), 1002));
    out.push_back(bad("unmasked, opcode" + number(opcode), dialect::text,
                      frame(fin | opcode, "", {false, -1, {}}), 1002));
  }
}

void fragments(list& out) {
  const std::string whole = "in pieces, \xe2\x82\xb9 and all";
  for (std::size_t pieces = 2; pieces <= whole.size(); pieces += 3)
    for (const bool pinged : {false, true}) {
      std::string bytes;
      std::size_t at = 0;
      for (std::size_t i = 0; i < pieces; ++i) {
        const std::size_t end = whole.size() * (i + 1) / pieces;
        const unsigned first = (i == 0 ? text : more) | (i + 1 == pieces ? fin : 0);
        if (i != 0 && pinged) bytes += frame(fin | ping, "between");
        bytes += frame(first, whole.substr(at, end - at));
        at = end;
      }
      auto c = good(number(pieces) + " pieces" + (pinged ? ", pings between" : ""), dialect::text,
                    bytes, {{text, whole}});
      if (pinged) c.replies.insert(c.replies.begin(), {pong, "between"});
      out.push_back(std::move(c));
    }
  out.push_back(good("empty pieces", dialect::text,
                     frame(text, "") + frame(more, "") + frame(fin | more, ""), {{text, ""}}));
  out.push_back(good("an empty piece in the middle", dialect::binary,
                     frame(binary, "a") + frame(more, "") + frame(fin | more, "b"),
                     {{binary, "ab"}}));
  out.push_back(
      good("two messages, both in pieces", dialect::text,
           frame(text, "a") + frame(fin | more, "b") + frame(text, "c") + frame(fin | more, "d"),
           {{text, "ab"}, {text, "cd"}}));
  out.push_back(good("a close between pieces", dialect::text,
                     frame(text, "a") + frame(fin | closing, close_payload(1000)), {}));
  for (const unsigned last : {0U, fin}) {
    out.push_back(bad("a continuation of nothing", dialect::text, frame(last | more, "x"), 1002));
    out.push_back(bad("a continuation behind a whole message", dialect::text,
                      frame(fin | text, "a") + frame(last | more, "x"), 1002));
    out.back().replies = {{text, "a"}};
    out.push_back(bad("text inside a message", dialect::text,
                      frame(text, "a") + frame(last | text, "x"), 1002));
    out.push_back(bad("binary inside a message", dialect::binary,
                      frame(text, "a") + frame(last | binary, "x"), 1002));
  }
}

constexpr std::array good_texts = {
    "",
    "plain",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
    "\xef\xbf\xbe",
    "\xe2\x82\xb9 \xf0\x9f\x93\x88",
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
};
constexpr std::array bad_texts = {
    "\x80",         "\xbf",         "\xc0\xaf",         "\xc1\xbf",         "\xe0\x80\xaf",
    "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",     "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80", "\xf5\x80",     "\xf8\x88\x80\x80", "\xfc\x84\x80",     "\xfe",
    "\xff",         "\xc2\xc2",     "\xe2\x28\xa1",     "\xe2\x82\x28",     "\xf0\x9f\x28",
};

void utf8(list& out) {
  for (std::size_t i = 0; i < good_texts.size(); ++i) {
    const std::string s = good_texts[i];
    out.push_back(good("UTF-8" + number(i), dialect::text, frame(fin | text, s), {{text, s}}));
    std::string split;
    for (std::size_t k = 0; k < s.size(); ++k) split += frame(k == 0 ? text : more, s.substr(k, 1));
    if (s.empty()) continue;
    out.push_back(good("UTF-8 in single bytes" + number(i), dialect::text,
                       split + frame(fin | more, ""), {{text, s}}));
  }
  for (std::size_t i = 0; i < bad_texts.size(); ++i) {
    const std::string s = std::string("\xce\xba ok ") + bad_texts[i];
    out.push_back(bad("no UTF-8" + number(i), dialect::text, frame(fin | text, s), 1007));
    out.push_back(bad("no UTF-8 in a message that is not over" + number(i), dialect::text,
                      frame(text, s.substr(0, 7)) + frame(more, s.substr(7)), 1007));
    out.push_back(bad("no UTF-8 in a frame that is not over" + number(i), dialect::text,
                      frame(text, s, {true, -1, 5'000}), 1007));
    out.push_back(good("binary may be what it likes" + number(i), dialect::binary,
                       frame(fin | binary, s), {{binary, s}}));
  }
  for (const char* cut : {"\xc3", "\xe2\x82", "\xf0\x9f\x93"}) {
    out.push_back(bad("the last character is cut", dialect::text, frame(fin | text, cut), 1007));
    out.push_back(bad("the last character is cut, in pieces", dialect::text,
                      frame(text, cut) + frame(fin | more, ""), 1007));
  }
}

void closes(list& out) {
  const auto closed = [&](std::string name, const std::string& payload, int code) {
    out.push_back({std::move(name),
                   dialect::text,
                   frame(fin | closing, payload) + frame(fin | text, "never"),
                   {},
                   code});
  };
  closed("close without a code", "", 1000);
  closed("close with half a code", "\x03", 1002);
  for (const unsigned code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
                              1014, 3000, 3999, 4000, 4999})
    closed("close" + number(code), close_payload(code), static_cast<int>(code));
  for (const unsigned code :
       {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65'535})
    closed("close" + number(code), close_payload(code), 1002);
  closed("close with a reason", close_payload(1000, "done \xe2\x82\xb9"), 1000);
  closed("close with the longest reason", close_payload(1000, std::string(123, 'r')), 1000);
  closed("close with too long a reason", close_payload(1000, std::string(124, 'r')), 1002);
  for (const char* reason : {"\xff", "\xe2\x82", "\xed\xa0\x80", "ok \xc0\xaf"})
    closed("close with a reason that is no UTF-8", close_payload(1000, reason), 1007);
}

}  // namespace

list framing_cases() {
  list out;
  lengths(out);
  limits(out);
  reserved(out);
  controls(out);
  fragments(out);
  utf8(out);
  closes(out);
  return out;
}

}  // namespace artham::conformance
