#pragma once

#include <string>

namespace artham::test {

/// Where the checkout is.
[[nodiscard]] const std::string& source_dir();
/// The built program.
[[nodiscard]] const std::string& program();

}  // namespace artham::test
