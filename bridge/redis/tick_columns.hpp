#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"

namespace artham::bridge::redis {

/// Records whose full packets (184 bytes, of Kite frames) lie by columns, as differences to the
/// packet of the same instrument before. docs/streams.md gives the bytes.
struct columns {
  std::string bytes;
  /// Where what follows is distributed otherwise than what is before: good places for a compressor
  /// to begin a block. Rising, none for few packets.
  std::vector<std::size_t> cuts;
};

/// Nothing where that gains nothing: there are too few full packets, or the bytes are no records.
[[nodiscard]] std::optional<columns> to_columns(std::string_view records);

/// The same records, byte for byte. `bytes` may be anything: errc::corrupt. Answers not more than
/// `most` bytes.
[[nodiscard]] result<std::string> from_columns(std::string_view bytes, std::size_t most);

}  // namespace artham::bridge::redis
