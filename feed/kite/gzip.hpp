#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::feed::kite {

/// Unpacks gzip (one or several members) or zlib data. Refuses damaged or cut-off data and more
/// than `max_size` bytes of output.
[[nodiscard]] result<std::string> gunzip(std::string_view packed, std::size_t max_size);

}  // namespace artham::feed::kite
