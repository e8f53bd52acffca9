#pragma once

#include <string>
#include <string_view>

#include "market/mark.hpp"
#include "messages/record/record.hpp"

namespace artham::record {

/// Body of a mark record: u8 version (1), kind, cause, flag, mode, u8[3] zero, i64 from, u32 token
/// count, u16 subject length, u16 has_hashes (0 or 1), u32 tokens, subject, hashes (settings,
/// calendar, instruments, 32 bytes each). Times stand in the header (with_times), the position
/// follows from the record's place. A subject is cut at 65,535 bytes; hashes that are all zero are
/// not written.
[[nodiscard]] std::string encode(const market::mark& m);
/// Refuses (errc::corrupt) other kinds, unknown versions and enumerators, and lengths that do not
/// add up.
[[nodiscard]] result<market::mark> decode_mark(const header& h, position at, std::string_view body);

}  // namespace artham::record
