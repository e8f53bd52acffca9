#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/redis/connection.hpp"
#include "bridge/redis/entry_id.hpp"
#include "bridge/redis/stream_kind.hpp"
#include "messages/record/record.hpp"

/// Entries of streams. Their ID is (epoch, seq) of the last position that they stand for; their
/// fields are pairs of name and value, these first:
///
///     v  1, the version
///     f  md:ticks, md:deadletter: the first position that the entry stands for; positions before
///        those of its records are in other shards. All other streams: the ID of the entry that it
///        follows, 0-0 for none, so that a reader knows what is missing.
///     n  dense streams: positions of the records; others: how many records
///     c  how the records lie: `raw`, `zstd` (one frame), `columns` (tick_columns.hpp: u32 size
///        of the rest in one frame, the frame, the packets; md:ticks only) or `fields`
///     x  checksum, 16 hexadecimal digits: XXH3-64 of `p` (of the records, with `fields`), seeded
///        with XXH3-64 of "{v} {f} {n} {c} {ID}"
///
/// With the first three one more, `p`: records with their headers, as in a block. With `fields`
/// each record is spelled out, for people and other programs, in this order (those of the second
/// record end in .2, and so on):
///
///     kind                    kite_frame, packed_ticks, mark, bar, dead_letter, chain, ...
///     count, flags            of the record's header
///     receive, wall           md:ticks: nanoseconds UTC, market time and wall time
///     cause, ordinal          others: the position that made it, and its place among the outputs
///     tokens                  of the instruments, blank between, where they are known
///     body                    verbatim
///
/// With `fields` an entry of md:ticks and md:deadletter is one record, of others all records of one
/// cause.
namespace artham::bridge::redis {

inline constexpr std::uint64_t max_payload_bytes = 64U << 20U;

struct entry {
  record::position first;  ///< dense streams: field f
  record::position after;  ///< others: field f
  record::position last;
  std::uint64_t count = 0;  ///< field n
  std::string_view payload;
};

/// Names and values by turns.
using entry_fields = std::vector<std::string>;
[[nodiscard]] entry_fields pack(numbering n, const entry& e, bool compress);
[[nodiscard]] entry_fields spell_out(numbering n, const entry& e);
/// What one entry holds with encoding `fields`: cuts `e` into those.
[[nodiscard]] std::vector<entry> cut(numbering n, const entry& e);

/// An entry as it was found.
struct found_entry {
  enum class state : std::uint8_t {
    good,
    foreign,  ///< not ours: nothing is known of it
    damaged,  ///< ours, and cannot be read; or of a newer version
  };
  found_entry::state what = state::good;
  std::string why;  ///< unless good
  record::position last;
  std::optional<record::position> f;  ///< nothing when that cannot be read either
  /// Positions from here on are the records'; those before, `elsewhere` ones.
  std::uint64_t records_from = 0;
  record::block_ptr block;  ///< of a good one
};
[[nodiscard]] found_entry read_entry(numbering n, entry_id id, reply_view fields);

}  // namespace artham::bridge::redis
