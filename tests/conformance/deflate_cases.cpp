#include "tests/conformance/websocket_cases.hpp"
#include "tests/conformance/wire.hpp"

namespace artham::conformance {
namespace {

constexpr unsigned fin = 0x80;
constexpr unsigned rsv1 = 0x40;
constexpr unsigned more = 0;
constexpr unsigned text = 1;
constexpr unsigned binary = 2;
constexpr unsigned ping = 9;
constexpr unsigned pong = 10;

using list = std::vector<websocket_case>;
constexpr auto deflated = websocket_case::dialect::deflate;

std::string bytes_of(std::initializer_list<int> all) {
  std::string out;
  for (const int b : all) out += static_cast<char>(b);
  return out;
}

std::string prose(std::size_t size) {
  std::string out;
  std::uint32_t n = 1;
  while (out.size() < size)
    out += "tick " + std::to_string((n = n * 1664525 + 1013904223) >> 20) + " ";
  out.resize(size);
  return out;
}

void good_messages(list& out) {
  const auto good = [&](std::string name, std::string bytes,
                        std::vector<websocket_case::reply> replies) {
    out.push_back({std::move(name), deflated, std::move(bytes), std::move(replies), 0});
  };
  for (const std::size_t n : {0, 1, 5, 125, 126, 127, 128, 1'000, 65'535, 65'536, 100'000})
    for (const unsigned opcode : {text, binary}) {
      const auto plain = prose(n);
      good("packed, of length " + std::to_string(n), frame(fin | rsv1 | opcode, packed(plain)),
           {{static_cast<std::uint8_t>(opcode), plain}});
    }
  for (int level = 0; level <= 9; ++level) {
    const auto plain = prose(20'000);
    good("packed by level " + std::to_string(level), frame(fin | rsv1 | text, packed(plain, level)),
         {{text, plain}});
  }
  for (int bits = 9; bits <= 15; ++bits) {
    const auto plain = prose(50'000);
    good("a window of bits " + std::to_string(bits),
         frame(fin | rsv1 | text, packed(plain, 6, bits)), {{text, plain}});
  }
  good("not packed", frame(fin | text, prose(300)), {{text, prose(300)}});
  good("by turns",
       frame(fin | rsv1 | text, packed("one")) + frame(fin | text, "two") +
           frame(fin | rsv1 | text, packed("three")),
       {{text, "one"}, {text, "two"}, {text, "three"}});
  const auto plain = prose(4'000);
  const auto small = packed(plain);
  for (const std::size_t step : {1, 10, 333}) {
    std::string all;
    for (std::size_t at = 0; at < small.size(); at += step) {
      const bool last = at + step >= small.size();
      all += frame((at == 0 ? rsv1 | text : more) | (last ? fin : 0), small.substr(at, step));
      if (!last && at % 3 == 0) all += frame(fin | ping, "between");
    }
    good("packed, in pieces of " + std::to_string(step), all, {{pong, "between"}, {text, plain}});
  }
  good("packed, with empty pieces",
       frame(rsv1 | text, "") + frame(more, small) + frame(fin | more, ""), {{text, plain}});
  // RFC 7692, 7.2.3.
  const struct {
    const char* name;
    std::string bytes;
  } examples[] = {
      {"one block", bytes_of({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})},
      {"no compression",
       bytes_of({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00})},
      {"a last block", bytes_of({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00})},
      {"two blocks",
       bytes_of({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00})},
  };
  for (const auto& e : examples)
    good(std::string("the RFC's example: ") + e.name, frame(fin | rsv1 | text, e.bytes),
         {{text, "Hello"}});
  good("an empty message is one byte", frame(fin | rsv1 | text, std::string(1, '\0')),
       {{text, ""}});
}

void bad_messages(list& out) {
  const auto bad = [&](std::string name, std::string bytes, int code) {
    out.push_back({std::move(name), deflated, std::move(bytes), {}, code});
  };
  for (const int first : {0x07, 0xff, 0x06})
    bad("a block of no kind " + std::to_string(first), frame(fin | rsv1 | text, bytes_of({first})),
        1007);
  bad("a stored block whose lengths differ",
      frame(fin | rsv1 | text, bytes_of({0x00, 0x05, 0x00, 0xfa, 0xfe, 'H'})), 1007);
  bad("a distance before the message",
      frame(fin | rsv1 | text, bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00})), 1007);
  const auto whole = packed(prose(2'000));
  for (const std::size_t n : {std::size_t{2}, whole.size() / 2, whole.size() - 2})
    bad("packed, cut behind " + std::to_string(n), frame(fin | rsv1 | text, whole.substr(0, n)),
        1007);
  bad("bad data in a message that is not over", frame(rsv1 | text, bytes_of({0xff, 0xff})), 1007);
  bad("packed, and no UTF-8", frame(fin | rsv1 | text, packed("ok \xed\xa0\x80")), 1007);
  bad("packed, and the last character is cut", frame(fin | rsv1 | text, packed("ok \xe2\x82")),
      1007);
  // The second message of a client that keeps its window across messages.
  bad("context that was given up",
      frame(fin | rsv1 | text, bytes_of({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})) +
          frame(fin | rsv1 | text, bytes_of({0xf2, 0x00, 0x11, 0x00, 0x00})),
      1007);
  out.back().replies = {{text, "Hello"}};
  for (const std::size_t n : {largest + 1, std::size_t{1} << 20, std::size_t{32} << 20})
    bad("a bomb of " + std::to_string(n),
        frame(fin | rsv1 | binary, packed(std::string(n, '\0'), 9)), 1009);
  bad("a bomb that is not over",
      frame(rsv1 | text, packed(std::string(1 << 20, 'x'), 9), {true, -1, 50'000}), 1009);
  std::string nothing;
  while (nothing.size() < largest + 1'000) nothing += bytes_of({0x00, 0x00, 0x00, 0xff, 0xff});
  bad("much that unpacks to nothing", frame(fin | rsv1 | text, nothing), 1009);
  bad("a packed ping", frame(fin | rsv1 | ping, ""), 1002);
  bad("a packed close", frame(fin | rsv1 | 8, close_payload(1000)), 1002);
  bad("a continuation that says it is packed",
      frame(rsv1 | text, packed("one")) + frame(fin | rsv1 | more, ""), 1002);
  for (const unsigned bits : {0x10U, 0x20U, 0x50U, 0x60U, 0x70U})
    bad("other reserved bits " + std::to_string(bits), frame(fin | bits | text, packed("x")), 1002);
}

}  // namespace

list deflate_cases() {
  list out;
  good_messages(out);
  bad_messages(out);
  return out;
}

}  // namespace artham::conformance
