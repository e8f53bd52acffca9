#pragma once

#include <string>
#include <string_view>

#include "bridge/redis/entry_codec.hpp"

namespace artham::bridge::redis {

/// Appends the fields of each record of a checked payload.
void append_record_fields(entry_fields& out, numbering n, std::string_view payload);
/// The payload that the fields from index `from` on spell out. errc::corrupt.
[[nodiscard]] result<std::string> read_record_fields(numbering n, reply_view fields,
                                                     std::size_t from);

}  // namespace artham::bridge::redis
