#pragma once

#include <string>
#include <string_view>

#include "market/bar.hpp"
#include "messages/record/record.hpp"

namespace artham::record {

/// A bar and what made it. The timeframe is the stream's.
struct bar_record {
  record::cause cause;
  market::bar bar;
  friend bool operator==(const bar_record&, const bar_record&) = default;
};

/// Appends the body of a bar record: u8 version (1), u8 fields, u16 flags, u32 token, i64 start,
/// end, open, high, low, close, volume, oi, oi_change, vwap, u32 ticks, u32 revision, first (u32
/// epoch, u64 seq), last (likewise): 120 bytes. The cause stands in the header.
void encode(std::string& out, const market::bar& b);
/// Refuses (errc::corrupt) other kinds, unknown versions and fields, and any other length.
[[nodiscard]] result<bar_record> decode_bar(const header& h, std::string_view body);

}  // namespace artham::record
