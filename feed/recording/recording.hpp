#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/time.hpp"

/// Recordings: a tick CSV (tick_csv.hpp) or raw frames (hex_frames.hpp).
namespace artham::feed::recording {

/// By the name: `.hex` is raw frames, everything else a tick CSV.
[[nodiscard]] bool is_hex(std::string_view path);

/// What a recording holds, seen in one pass over it.
struct survey {
  std::vector<std::uint32_t> tokens;  ///< sorted, distinct
  std::uint64_t ticks = 0;            ///< rows, or packets of a known length
  market::timestamp first = 0;        ///< smallest exchange time; 0 when nothing has one
  market::timestamp last = 0;         ///< largest
};

/// Reads a recording to its end and checks that every row can be sent as a Kite packet, so that an
/// exchange refuses it before it serves a part of it. Refuses one without a tick.
[[nodiscard]] result<survey> survey_recording(const std::string& path);

/// SHA-256 of the file's bytes, lower-case hexadecimal: tells one recording from another.
[[nodiscard]] result<std::string> recording_hash(const std::string& path);

}  // namespace artham::feed::recording
