#include "messages/record/tick_pack.hpp"

#include <cassert>

#include "messages/record/bytes.hpp"

namespace artham::record {

using market::bar_input;
using market::tick_mode;

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t fixed_size = 4;
constexpr std::size_t count_offset = 2;
constexpr std::size_t entry_size = 40;
constexpr std::uint8_t known_fields =
    bar_input::volume | bar_input::size | bar_input::open_interest | bar_input::ahead;

tl::unexpected<error> corrupt(const std::string& what) {
  return fail(errc::corrupt, "packed ticks: " + what);
}

template <class T>
T load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

std::vector<tick_part> cut(std::string_view body, std::uint16_t count,
                           const shard_of_token& shard_of) {
  std::vector<tick_part> parts;
  if (count == 0 || body.size() != fixed_size + count * entry_size ||
      load<std::uint8_t>(body.data()) != version ||
      load<std::uint16_t>(body.data() + count_offset) != count) {
    return parts;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = body.substr(fixed_size + i * entry_size, entry_size);
    const auto shard = shard_of(load<std::uint32_t>(entry.data()));
    if (parts.empty() || parts.back().shard != shard) {
      parts.push_back({shard, 0, std::string(body.substr(0, fixed_size))});
    }
    ++parts.back().count;
    parts.back().body.append(entry);
  }
  for (auto& p : parts) std::memcpy(p.body.data() + count_offset, &p.count, sizeof p.count);
  return parts;
}

void join(std::string& body, std::string_view part) {
  const auto count = static_cast<std::uint16_t>(load<std::uint16_t>(body.data() + count_offset) +
                                                load<std::uint16_t>(part.data() + count_offset));
  std::memcpy(body.data() + count_offset, &count, sizeof count);
  body.append(part.substr(fixed_size));
}

/// FNV-1a over the entry's 64-bit words.
std::uint64_t digest_of(const char* entry) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < entry_size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, entry + i, sizeof word);
    h = (h ^ word) * 0x100000001b3u;
  }
  return h;
}

}  // namespace

void encode(std::string& out, std::span<const bar_input> ticks) {
  assert(ticks.size() <= max_packed_ticks);
  using bytes::put;
  out.reserve(out.size() + fixed_size + ticks.size() * entry_size);
  put(out, version);
  put(out, std::uint8_t{0});
  put(out, static_cast<std::uint16_t>(ticks.size()));
  for (const auto& t : ticks) {
    put(out, t.token);
    put(out, t.fields);
    put(out, static_cast<std::uint8_t>(t.mode));
    put(out, std::uint16_t{0});
    put(out, t.time);
    put(out, t.last.units);
    put(out, t.volume_or_size);
    put(out, t.oi);
  }
}

result<void> decode_ticks(position first, std::string_view body, std::vector<bar_input>& out) {
  if (body.size() < fixed_size) {
    return corrupt("breaks off after " + std::to_string(body.size()) + " bytes");
  }
  bytes::taker in(body.data());
  if (const auto v = in.take<std::uint8_t>(); v != version) {
    return corrupt("layout " + std::to_string(v) + ", this version reads layout 1");
  }
  in.take<std::uint8_t>();
  const std::size_t count = in.take<std::uint16_t>();
  if (body.size() != fixed_size + count * entry_size) {
    return corrupt(std::to_string(count) + " ticks do not make " + std::to_string(body.size()) +
                   " bytes");
  }
  const std::size_t before = out.size();
  out.reserve(before + count);
  for (std::size_t i = 0; i < count; ++i) {
    bar_input t;
    in.take(t.token);
    in.take(t.fields);
    const auto mode = in.take<std::uint8_t>();
    in.take<std::uint16_t>();
    in.take(t.time);
    in.take(t.last.units);
    in.take(t.volume_or_size);
    in.take(t.oi);
    if ((t.fields & ~known_fields) != 0 || mode > static_cast<std::uint8_t>(tick_mode::full)) {
      out.resize(before);
      return corrupt("tick " + std::to_string(i) + " has unknown fields or mode");
    }
    t.mode = static_cast<tick_mode>(mode);
    t.epoch = first.epoch;
    t.seq = first.seq + i;
    t.digest = digest_of(body.data() + fixed_size + i * entry_size);
    out.push_back(t);
  }
  return {};
}

tick_cutter packed_tick_cutter() {
  return {cut, join};
}

}  // namespace artham::record
