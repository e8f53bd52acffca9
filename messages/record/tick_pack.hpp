#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/tick.hpp"
#include "messages/record/record.hpp"
#include "messages/record/tick_part.hpp"

namespace artham::record {

/// The most ticks that one record can hold.
inline constexpr std::size_t max_packed_ticks = 65'535;

/// Appends the body of a packed_ticks record: u8 version (1), u8 zero, u16 count, then per tick u32
/// token, u8 fields, u8 mode, u16 zero, i64 time, last, volume or size, oi: 4 + 40 bytes each. For
/// sources that no Kite frame can carry (tick CSV with sub-second times or fractional sizes). At
/// most max_packed_ticks. Position, digest and slot are not kept: the record's place gives the
/// first, decoding the second.
void encode(std::string& out, std::span<const market::bar_input> ticks);
/// Appends the ticks, `first` being the position of the first; `digest` is a hash of the 40 bytes.
/// Refuses (errc::corrupt, `out` as before) unknown versions, fields and modes, and lengths that do
/// not add up.
[[nodiscard]] result<void> decode_ticks(position first, std::string_view body,
                                        std::vector<market::bar_input>& out);

/// Cuts bodies of packed_ticks records.
[[nodiscard]] tick_cutter packed_tick_cutter();

}  // namespace artham::record
