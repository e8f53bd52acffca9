#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"

namespace artham::bridge::redis {

/// Records whose full packets (184 bytes, of Kite frames) lie by columns in few bits, as
/// differences to the packet of the same instrument before. docs/streams.md gives the bytes.
struct columns {
  std::string rest;     ///< the records without their full packets; repeats itself
  std::string packets;  ///< the full packets; no compressor finds much
};

/// Nothing where that gains nothing: there are too few full packets, or the bytes are no records.
[[nodiscard]] std::optional<columns> to_columns(std::string_view records);

/// The same records, byte for byte. `rest` and `packets` may be anything: errc::corrupt. Answers
/// not more than `most` bytes.
[[nodiscard]] result<std::string> from_columns(std::string_view rest, std::string_view packets,
                                               std::size_t most);

}  // namespace artham::bridge::redis
