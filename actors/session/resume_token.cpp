#include "actors/session/resume_token.hpp"

#include <array>
#include <optional>
#include <utility>

#include <xxhash.h>

namespace artham::actors {

namespace {

constexpr char version = 2;
/// Without times and causes.
constexpr char version_before = 1;
constexpr std::size_t checksum_size = 4;
/// Longer texts are no tokens: room for a thousand streams.
constexpr std::size_t longest = 32 << 10;
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::uint32_t hash_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

void put_fixed(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
}

void put_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7U;
  }
  out += static_cast<char>(value);
}

/// Takes numbers from the front of bytes; all are zero once they ran out.
struct taker {
  std::string_view left;
  bool ran_out = false;

  std::uint64_t fixed(std::size_t bytes) {
    if (left.size() < bytes) return fail();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= std::uint64_t{static_cast<std::uint8_t>(left[i])} << 8 * i;
    left.remove_prefix(bytes);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left.empty()) return fail();
      const auto byte = static_cast<std::uint8_t>(left.front());
      left.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::uint64_t fail() {
    ran_out = true;
    left = {};
    return 0;
  }
};

std::string to_text(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8U | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 6; held -= 6) out += alphabet[bits >> (held - 6) & 0x3F];
  }
  if (held != 0) out += alphabet[bits << (6 - held) & 0x3F];
  return out;
}

std::optional<std::string> to_bytes(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held);
  }
  return out;
}

tl::unexpected<error> no_token() {
  return fail(errc::bad_input,
              "\"from\" is no resume token: send the last \"token\" that you got, unchanged");
}

}  // namespace

token_codec::token_codec(std::uint64_t journal, stream_list streams)
    : journal_(journal), streams_(std::move(streams)) {
  for (std::size_t i = 0; i < streams_.all().size(); ++i)
    places_.emplace(hash_of(streams_.all()[i].name), i);
}

std::string token_codec::encode(const messages::resume_point& p) const {
  std::string bytes(1, version);
  put_fixed(bytes, journal_, 8);
  put_number(bytes, static_cast<std::uint64_t>(p.time));
  for (std::size_t i = 0; i < p.at.size(); ++i) {
    put_fixed(bytes, hash_of(streams_.all()[i].name), 4);
    put_number(bytes, p.at[i].epoch);
    put_number(bytes, p.at[i].seq);
    // Epochs are counted from 1: 0 stands for none.
    const auto cause = p.cause(i);
    put_number(bytes, cause.at.epoch);
    if (cause.at.epoch == 0) continue;
    put_number(bytes, cause.at.seq);
    put_number(bytes, cause.ordinal);
  }
  put_fixed(bytes, hash_of(bytes), checksum_size);
  return to_text(bytes);
}

result<messages::resume_point> token_codec::decode(std::string_view text) const {
  if (text.size() > longest) return no_token();
  const auto bytes = to_bytes(text);
  if (!bytes || bytes->size() < 1 + 8 + checksum_size || to_text(*bytes) != text) return no_token();
  const auto body = std::string_view(*bytes).substr(0, bytes->size() - checksum_size);
  taker sum{std::string_view(*bytes).substr(body.size())};
  if (sum.fixed(checksum_size) != hash_of(body)) return no_token();
  const bool is_old = body.front() == version_before;
  if (body.front() != version && !is_old) {
    return fail(errc::bad_input, "the resume token is of version " +
                                     std::to_string(static_cast<int>(body.front())) +
                                     ", which is not known here; subscribe without \"from\"");
  }
  taker t{body.substr(1)};
  if (t.fixed(8) != journal_) {
    return fail(errc::bad_input,
                "the resume token is of another journal or cluster; subscribe without \"from\"");
  }
  messages::resume_point p;
  p.at.resize(streams_.all().size());
  p.causes.resize(p.at.size());
  if (!is_old) p.time = static_cast<market::timestamp>(t.number());
  while (!t.left.empty()) {
    const auto place = places_.find(static_cast<std::uint32_t>(t.fixed(4)));
    market::position at;
    at.epoch = static_cast<std::uint32_t>(t.number());
    at.seq = t.number();
    market::cause cause;
    if (!is_old) cause.at.epoch = static_cast<std::uint32_t>(t.number());
    if (cause.at.epoch != 0) {
      cause.at.seq = t.number();
      cause.ordinal = static_cast<std::uint32_t>(t.number());
    }
    if (t.ran_out) return no_token();
    if (place == places_.end()) continue;
    p.at[place->second] = at;
    p.causes[place->second] = cause;
  }
  if (t.ran_out) return no_token();
  return p;
}

}  // namespace artham::actors
