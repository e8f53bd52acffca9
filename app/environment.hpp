#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "market/error.hpp"

namespace artham::app {

/// All variables of the environment.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> environment();

/// Where the access token of `artham kite login` is kept: feed.access_token_file, else in the data
/// directory.
[[nodiscard]] std::filesystem::path access_token_file(const config::settings& s,
                                                      const std::filesystem::path& data);

/// Prints `artham: message` to stderr and returns the exit code of the error.
int report(const error& e);

}  // namespace artham::app
