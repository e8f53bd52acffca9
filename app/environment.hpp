#pragma once

#include <string>
#include <utility>
#include <vector>

#include "market/error.hpp"

namespace artham::app {

/// All variables of the environment.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> environment();

/// Prints `artham: message` to stderr and returns the exit code of the error.
int report(const error& e);

}  // namespace artham::app
