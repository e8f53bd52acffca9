#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/record/record.hpp"

namespace artham::record {

[[nodiscard]] inline std::string dead_letters_stream() {
  return "md:deadletter";
}

/// Behind everything.
inline constexpr position no_position{UINT32_MAX, UINT64_MAX};

enum class letter_kind : std::uint8_t {
  record = 1,  ///< the record `at` is left out by that actor
  actor = 2,   ///< the actor takes nothing from `at` on
  lifted = 3,  ///< the quarantine of the actor that began at `at` has ended with the cause
};
enum class letter_actor : std::uint8_t { bar_builder = 1 };
[[nodiscard]] std::string_view to_string(letter_kind k);
[[nodiscard]] std::string_view to_string(letter_actor a);

/// One entry of md:deadletter: what an actor leaves out, and why (docs/streams.md).
struct dead_letter {
  record::cause cause;  ///< record, actor: `at`; lifted: the last record that it covered
  letter_kind what = letter_kind::record;
  letter_actor actor = letter_actor::bar_builder;
  std::uint32_t token = 0;  ///< the actor's instrument
  position at;              ///< of md:ticks
  timestamp time = 0;       ///< market time at `at`, or where the quarantine was lifted
  std::string text;         ///< the error, for people
  friend bool operator==(const dead_letter&, const dead_letter&) = default;
};

/// Appends the body: u8 version (1), what, actor, zero, u32 token, i64 time, u64 seq, u32 epoch,
/// u16 length, text (cut at 65,535 bytes). The cause stands in the header.
void encode(std::string& out, const dead_letter& l);
/// Refuses (errc::corrupt) other record kinds, unknown versions and enumerators, and lengths that
/// do not add up.
[[nodiscard]] result<dead_letter> decode_dead_letter(const header& h, std::string_view body);

}  // namespace artham::record
