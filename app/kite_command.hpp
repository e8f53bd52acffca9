#pragma once

#include <string>

#include "app/run.hpp"

namespace artham::app {

/// Exchanges a request token for the day's access token of a key (empty: of feed.api_key) and keeps
/// it (mode 0600). Without a request token prints the login page's address. Returns the exit code.
int kite_login(const settings_options& options, const std::string& api_key,
               const std::string& request_token);

/// Loads the instrument dump of today into the store's archive.
int kite_instruments(const settings_options& options);

}  // namespace artham::app
