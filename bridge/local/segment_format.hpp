#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bridge/common/record_walk.hpp"
#include "messages/record/record.hpp"

/// The bytes of a segment file, version 1, little-endian. docs/journal.md is the description.
namespace artham::bridge::local {

enum class codec : std::uint8_t { none = 0, zstd = 1 };

/// First in every segment file. A segment belongs to one stream and one epoch.
struct segment_header {
  std::uint32_t magic = 0x53'4a'54'41;  ///< "ATJS"
  std::uint16_t version = 1;
  std::uint16_t size = 128;
  std::uint32_t epoch = 0;
  std::uint32_t name_size = 0;
  std::uint64_t first_seq = 0;
  std::int64_t created = 0;  ///< wall clock, ns
  char name[88] = {};
  std::uint64_t checksum = 0;  ///< xxh3-64 of the 120 bytes before
};
static_assert(sizeof(segment_header) == 128);

/// In front of every block; followed by `marks` mark_place entries and `stored` bytes of payload.
struct block_header {
  std::uint32_t magic = 0x42'4a'54'41;  ///< "ATJB"
  std::uint16_t version = 1;
  std::uint16_t size = 56;
  std::uint32_t epoch = 0;
  std::uint32_t marks = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t count = 0;
  std::uint8_t codec = 0;
  std::uint8_t zero[3] = {};
  std::uint32_t raw = 0;       ///< bytes of payload
  std::uint32_t stored = 0;    ///< bytes of payload in the file
  std::uint32_t reserved = 0;  ///< 0
  /// xxh3-64 of the stored payload, seeded with that of the mark table, seeded with that of the 48
  /// bytes before.
  std::uint64_t checksum = 0;
};
static_assert(sizeof(block_header) == 56);
static_assert(sizeof(mark_place) == 8);

/// A block is never larger than this, nor is an append.
inline constexpr std::uint64_t max_block_bytes = 64ULL << 20U;

[[nodiscard]] segment_header make_segment_header(std::string_view stream, std::uint32_t epoch,
                                                 std::uint64_t first_seq, std::int64_t created);
/// Nothing when the bytes are not an intact header, of any version: size and checksum keep their
/// places.
[[nodiscard]] std::optional<segment_header> read_segment_header(std::string_view bytes);
[[nodiscard]] std::string_view stream_of(const segment_header& h);

[[nodiscard]] inline std::uint64_t block_length(const block_header& h) {
  return h.size + std::uint64_t{h.marks} * sizeof(mark_place) + h.stored;
}
/// Fills in the checksum and lays out header and mark table; the stored payload goes behind.
[[nodiscard]] std::string block_head(block_header h, std::span<const mark_place> marks,
                                     std::string_view stored);
/// Header and mark table of a block that is not compressed.
[[nodiscard]] std::string plain_block_head(const record::block& b,
                                           std::span<const mark_place> marks);
/// The header at the front of `bytes` when magic, version and lengths make sense; says nothing of
/// the checksum.
[[nodiscard]] std::optional<block_header> read_block_header(std::string_view bytes);
/// Checks and reads the whole block in `bytes` (exactly block_length(h) of them). errc::corrupt
/// otherwise.
[[nodiscard]] result<record::block> read_block(const block_header& h, std::string_view bytes);

/// zstd's fast level, or nothing when that does not make it smaller.
[[nodiscard]] std::optional<std::string> compress(std::string_view raw);

/// `{first seq, 20 digits}-{epoch, 10 digits}.seg`: names sort by position.
[[nodiscard]] std::string segment_name(std::uint64_t first_seq, std::uint32_t epoch);
struct segment_id {
  std::uint64_t first_seq = 0;
  std::uint32_t epoch = 0;
};
[[nodiscard]] std::optional<segment_id> parse_segment_name(std::string_view name);

/// `{first seq, 20 digits}-{epoch, 10 digits}-{count, 6 digits}.begin`: a segment of marks that say
/// what is in force where the kept records begin. Segments before its end do not count any more.
struct begin_id {
  segment_id id;
  std::uint64_t count = 0;

  [[nodiscard]] std::uint64_t end_seq() const { return id.first_seq + count; }
};
[[nodiscard]] std::string begin_name(const begin_id& b);
[[nodiscard]] std::optional<begin_id> parse_begin_name(std::string_view name);

}  // namespace artham::bridge::local
