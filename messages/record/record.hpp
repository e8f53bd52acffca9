#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/mark.hpp"
#include "market/position.hpp"
#include "market/time.hpp"

/// Records, blocks and streams: how everything that artham knows travels and lasts. docs/journal.md
/// and docs/streams.md give the bytes. No CAF here.
namespace artham::record {

using market::cause;
using market::position;
using market::timestamp;

/// What a record's body is. Numbers are for ever; a new layout gets a new number.
enum class kind : std::uint8_t {
  kite_frame = 1,    ///< one WebSocket frame, verbatim; counts its whole packets
  packed_ticks = 2,  ///< decoded ticks from another source (tick_pack.hpp); counts them
  mark = 3,          ///< market::mark (mark_codec.hpp)
  bar = 4,           ///< market::bar with its cause (bar_codec.hpp)
  dead_letter = 5,
  chain = 6,               ///< feature::chain_row with its cause (feature_codec.hpp)
  instrument_feature = 7,  ///< feature::instrument_row, likewise
  elsewhere = 8,           ///< positions of md:ticks that are in other shards; no body
};

/// In front of every record's body, little-endian, 24 bytes:
/// u32 body size, u16 count, u8 kind, u8 flags, u64 a, u64 b.
/// md:ticks: a = receive time (market time), b = wall time.
/// Derived streams: a = cause seq, b = cause epoch << 32 | ordinal.
struct header {
  std::uint32_t size = 0;
  std::uint16_t count = 1;
  record::kind kind = kind::mark;
  std::uint8_t flags = 0;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};
static_assert(sizeof(header) == 24);
inline constexpr std::size_t header_size = 24;
/// Flags of frames and packed ticks in a shard that are parts of a record of md:ticks: the record's
/// beginning is in the part before, its end in a later one; each maybe in another shard.
inline constexpr std::uint8_t continued = 1;
inline constexpr std::uint8_t goes_on = 2;

[[nodiscard]] inline timestamp receive_time(const header& h) {
  return static_cast<timestamp>(h.a);
}
[[nodiscard]] inline timestamp wall_time(const header& h) {
  return static_cast<timestamp>(h.b);
}
[[nodiscard]] inline cause cause_of(const header& h) {
  return {{static_cast<std::uint32_t>(h.b >> 32), h.a}, static_cast<std::uint32_t>(h.b)};
}
[[nodiscard]] inline header with_times(kind k, std::uint16_t count, timestamp receive,
                                       timestamp wall) {
  return {0, count, k, 0, static_cast<std::uint64_t>(receive), static_cast<std::uint64_t>(wall)};
}
[[nodiscard]] inline header with_cause(kind k, const cause& c) {
  return {0, 1, k, 0, c.at.seq, std::uint64_t{c.at.epoch} << 32 | c.ordinal};
}

/// Appends header and body (below 4 GiB); the header's size is set here.
void append(std::string& payload, header h, std::string_view body);

/// A stretch of one stream that was written at once. Immutable once shared.
struct block {
  std::uint32_t epoch = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t count = 0;  ///< positions covered: [first_seq, first_seq + count)
  /// Failed its checksum: `payload` is empty, `marks` holds one gap that says so.
  bool damaged = false;
  /// Of a derived stream whose records stand where their causes do (bridge/redis): several may have
  /// one position, which no two blocks share.
  bool by_cause = false;
  std::string payload;              ///< records, each with its header
  std::vector<market::mark> marks;  ///< the marks among the records, in order (md:ticks)

  [[nodiscard]] position first() const { return {epoch, first_seq}; }
  [[nodiscard]] position last() const { return {epoch, first_seq + count - 1}; }
};
using block_ptr = std::shared_ptr<const block>;

/// Calls fn(header, first seq of the record, body) for each record of a block, in order. The block
/// must have passed its checks (a reader serves no other).
template <class Fn>
void for_each(const block& b, Fn&& fn) {
  const char* p = b.payload.data();
  const char* const end = p + b.payload.size();
  std::uint64_t seq = b.first_seq;
  while (p != end) {
    header h;
    std::memcpy(&h, p, header_size);  // x86-64 and arm64 are little-endian; checked in record.cpp
    if (b.by_cause) seq = h.a;
    fn(h, seq, std::string_view(p + header_size, h.size));
    p += header_size + h.size;
    seq += h.count;
  }
}
/// Walks the record headers of untrusted bytes: errc::corrupt unless they tile it exactly, are of
/// known kinds, each take at least one position (exactly one but for frames and packed ticks) and
/// `count` together.
[[nodiscard]] result<void> check_payload(std::string_view payload, std::uint64_t count);

/// `md:ticks`, `md:bars:final.5m`, ...; with more than one shard `md:ticks:3`.
[[nodiscard]] inline std::string ticks_stream() {
  return "md:ticks";
}
[[nodiscard]] inline std::string final_bars_stream(std::string_view timeframe) {
  return "md:bars:final." + std::string(timeframe);
}
/// Values, not records: only the newest are kept, and what is missing is missed by nobody.
[[nodiscard]] inline std::string live_bars_stream(std::string_view timeframe) {
  return "md:bars:live." + std::string(timeframe);
}
[[nodiscard]] inline std::string live_features_stream() {
  return "md:features:live";
}
/// Of any shard.
[[nodiscard]] inline bool is_live(std::string_view stream) {
  return stream.starts_with("md:bars:live.") || stream.starts_with("md:features:live");
}

}  // namespace artham::record
