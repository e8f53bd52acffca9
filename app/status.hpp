#pragma once

#include <string>

namespace artham::app {

/// Asks a running node for its status and its tree and prints them; returns the exit code.
int status(const std::string& url, bool json);

}  // namespace artham::app
