#include "messages/record/mark_codec.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "messages/record/bytes.hpp"

namespace artham::record {

using market::gap_cause;
using market::mark;
using market::mark_kind;
using market::tick_mode;

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t fixed_size = 24;
constexpr std::size_t hash_size = sizeof(market::content_hash);

tl::unexpected<error> corrupt(const std::string& what) {
  return fail(errc::corrupt, "mark record: " + what);
}

/// Enumerators are dense: the byte is one of [first, last].
template <class E>
bool take_enum(bytes::taker& in, E first, E last, E& out) {
  const auto v = in.take<std::uint8_t>();
  out = static_cast<E>(v);
  return v >= static_cast<std::uint8_t>(first) && v <= static_cast<std::uint8_t>(last);
}

}  // namespace

std::string encode(const mark& m) {
  assert(m.tokens.size() <= std::numeric_limits<std::uint32_t>::max());
  const bool has_hashes = m.hashes != market::config_hashes{};
  const std::size_t subject_size =
      std::min<std::size_t>(m.subject.size(), std::numeric_limits<std::uint16_t>::max());
  std::string out;
  out.reserve(fixed_size + m.tokens.size() * 4 + subject_size + (has_hashes ? 3 * hash_size : 0));
  using bytes::put;
  put(out, version);
  put(out, static_cast<std::uint8_t>(m.kind));
  put(out, static_cast<std::uint8_t>(m.cause));
  put(out, m.flag);
  put(out, static_cast<std::uint8_t>(m.mode));
  out.append(3, '\0');
  put(out, m.from);
  put(out, static_cast<std::uint32_t>(m.tokens.size()));
  put(out, static_cast<std::uint16_t>(subject_size));
  put(out, static_cast<std::uint16_t>(has_hashes));
  for (const std::uint32_t token : m.tokens) {
    put(out, token);
  }
  out.append(m.subject, 0, subject_size);
  if (has_hashes) {
    for (const auto* h : {&m.hashes.settings, &m.hashes.calendar, &m.hashes.instruments}) {
      out.append(reinterpret_cast<const char*>(h->data()), h->size());
    }
  }
  return out;
}

result<mark> decode_mark(const header& h, position at, std::string_view body) {
  if (h.kind != kind::mark || h.count != 1) {
    return corrupt("a record of kind " + std::to_string(static_cast<int>(h.kind)) +
                   " stands where a mark should");
  }
  if (body.size() < fixed_size) {
    return corrupt("breaks off after " + std::to_string(body.size()) + " bytes");
  }
  bytes::taker in(body.data());
  if (const auto v = in.take<std::uint8_t>(); v != version) {
    return corrupt("layout " + std::to_string(v) + ", this version reads layout 1");
  }
  mark m;
  m.position = at;
  m.time = receive_time(h);
  m.wall = wall_time(h);
  if (!take_enum(in, mark_kind::clock, mark_kind::config, m.kind)) {
    return corrupt("unknown kind " + std::to_string(static_cast<int>(m.kind)));
  }
  if (!take_enum(in, gap_cause::none, gap_cause::feed_error, m.cause)) {
    return corrupt("unknown cause " + std::to_string(static_cast<int>(m.cause)));
  }
  in.take(m.flag);
  if (!take_enum(in, tick_mode::ltp, tick_mode::full, m.mode)) {
    return corrupt("unknown mode " + std::to_string(static_cast<int>(m.mode)));
  }
  char zero[3];
  in.take(zero, sizeof zero);
  in.take(m.from);
  const std::size_t tokens = in.take<std::uint32_t>();
  const std::size_t subject_size = in.take<std::uint16_t>();
  const std::size_t has_hashes = in.take<std::uint16_t>();
  if (has_hashes > 1 ||
      body.size() != fixed_size + tokens * 4 + subject_size + has_hashes * 3 * hash_size) {
    return corrupt("its lengths do not add up to " + std::to_string(body.size()) + " bytes");
  }
  m.tokens.resize(tokens);
  in.take(m.tokens.data(), tokens * 4);
  m.subject.resize(subject_size);
  in.take(m.subject.data(), subject_size);
  if (has_hashes != 0) {
    for (auto* c : {&m.hashes.settings, &m.hashes.calendar, &m.hashes.instruments}) {
      in.take(c->data(), c->size());
    }
  }
  return m;
}

}  // namespace artham::record
