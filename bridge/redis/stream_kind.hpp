#pragma once

#include <string>
#include <string_view>

namespace artham::bridge::redis {

/// How a stream's positions come about.
enum class numbering : unsigned char {
  ticks,     ///< md:ticks[:n]: those of the ingest node's journal, dense
  letters,   ///< md:deadletter[:n]: counted by its writer, dense
  live,      ///< md:bars:live.*, md:features:live: counted by its writer, the newest are kept
  by_cause,  ///< all others: those of the records' causes
};
[[nodiscard]] numbering numbering_of(std::string_view stream);
[[nodiscard]] inline bool is_dense(numbering n) {
  return n != numbering::by_cause;
}
/// Entries that a stream of live values keeps, roughly: of its last ten seconds at 100 a second.
inline constexpr std::size_t live_entries = 1000;

// Keys beside the streams, which have their own names.
inline constexpr std::string_view tops_key = "artham:tops";
inline constexpr std::string_view objects_key = "artham:objects";
/// A hash whose field `fence` every append is compared with.
[[nodiscard]] std::string fence_key(std::string_view lease);
/// A hash: consumer to the last ID that it needs no longer.
[[nodiscard]] std::string cursors_key(std::string_view stream);

}  // namespace artham::bridge::redis
