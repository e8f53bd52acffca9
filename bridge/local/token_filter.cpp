#include "bridge/local/token_filter.hpp"

#include <algorithm>
#include <cstring>

namespace artham::bridge::local {
namespace {

constexpr std::size_t bits_per_token = 10;
constexpr int probes = 7;

/// The finaliser of splitmix64.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e37'79b9'7f4a'7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11ebU;
  return x ^ (x >> 31U);
}

/// Calls fn(byte, bit) for each probe until it returns false; returns what the last call did.
template <class Fn>
bool probe(std::uint32_t token, std::size_t bytes, Fn&& fn) {
  const auto h = mix(token);
  const auto step = static_cast<std::uint32_t>(h >> 32U) | 1U;
  auto at = static_cast<std::uint32_t>(h);
  for (int i = 0; i < probes; ++i, at += step) {
    const auto bit = (std::uint64_t{at} * (bytes * 8)) >> 32U;
    if (!fn(bit / 8, 1U << (bit % 8))) return false;
  }
  return true;
}

template <class T>
T load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

std::uint32_t big_endian(const char* p, int bytes) {
  std::uint32_t v = 0;
  for (int i = 0; i < bytes; ++i) v = v << 8U | static_cast<std::uint8_t>(p[i]);
  return v;
}

/// u16 number of packets, then u16 length and the packet, which begins with its token; all
/// big-endian.
void tokens_of_kite_frame(std::string_view body, token_set& into) {
  if (body.size() < 2) return;
  auto packets = big_endian(body.data(), 2);
  body.remove_prefix(2);
  for (; packets != 0 && body.size() >= 2; --packets) {
    const auto length = big_endian(body.data(), 2);
    body.remove_prefix(2);
    if (length > body.size()) return;
    if (length >= 4) into.insert(big_endian(body.data(), 4));
    body.remove_prefix(length);
  }
}

/// messages/record/tick_pack.hpp
void tokens_of_packed_ticks(std::string_view body, token_set& into) {
  constexpr std::size_t head = 4;
  constexpr std::size_t entry = 40;
  for (std::size_t at = head; at + entry <= body.size(); at += entry) {
    into.insert(load<std::uint32_t>(body.data() + at));
  }
}

}  // namespace

void token_set::insert(std::uint32_t token) {
  if ((size_ + 1) * 2 > slots_.size()) grow();
  const std::uint64_t value = std::uint64_t{token} + 1;
  for (auto i = mix(token) & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i] == value) return;
    if (slots_[i] == 0) {
      slots_[i] = value;
      ++size_;
      return;
    }
  }
}

void token_set::clear() {
  std::ranges::fill(slots_, 0U);
  size_ = 0;
}

void token_set::grow() {
  const auto old = std::move(slots_);
  slots_.assign(std::max<std::size_t>(64, old.size() * 2), 0);
  size_ = 0;
  for (const auto slot : old) {
    if (slot != 0) insert(static_cast<std::uint32_t>(slot - 1));
  }
}

std::string make_filter(const token_set& tokens) {
  std::string filter((tokens.size() * bits_per_token / 64 + 1) * 8, '\0');
  tokens.for_each([&](std::uint32_t token) {
    probe(token, filter.size(), [&](std::size_t byte, unsigned bit) {
      filter[byte] = static_cast<char>(static_cast<std::uint8_t>(filter[byte]) | bit);
      return true;
    });
  });
  return filter;
}

bool may_hold(std::string_view filter, std::span<const std::uint32_t> tokens) {
  return std::ranges::any_of(tokens, [&](std::uint32_t token) {
    return probe(token, filter.size(), [&](std::size_t byte, unsigned bit) {
      return (static_cast<std::uint8_t>(filter[byte]) & bit) != 0;
    });
  });
}

bool collect_tokens(const record::block& b, token_set& into) {
  bool known = true;
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view body) {
    switch (h.kind) {
      case record::kind::kite_frame:
        return tokens_of_kite_frame(body, into);
      case record::kind::packed_ticks:
        return tokens_of_packed_ticks(body, into);
      case record::kind::mark:
      case record::kind::elsewhere:
        return;
      case record::kind::bar:  // messages/record/bar_codec.hpp
        if (body.size() >= 8) return into.insert(load<std::uint32_t>(body.data() + 4));
        break;
      default:
        break;
    }
    known = false;
  });
  return known;
}

}  // namespace artham::bridge::local
