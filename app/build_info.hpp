#pragma once

#include <string_view>

namespace artham::app {

/// `0.1.0`
[[nodiscard]] std::string_view version();

}  // namespace artham::app
