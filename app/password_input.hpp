#pragma once

#include <string>

#include "market/error.hpp"
#include "runtime/secret.hpp"

namespace artham::app {

/// A new password: typed twice on a terminal, where it is not shown, else the first line of
/// standard input. errc::bad_input for two that differ, or none.
[[nodiscard]] result<runtime::secret> read_new_password(const std::string& who);

}  // namespace artham::app
