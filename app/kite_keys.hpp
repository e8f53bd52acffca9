#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "feed/kite/rest.hpp"
#include "market/error.hpp"
#include "runtime/secret.hpp"

namespace artham::app {

/// A key at Kite Connect, as the settings have it.
struct kite_key {
  std::string api_key;  ///< may be empty, of the first one
  runtime::secret api_secret;
  std::filesystem::path token_file;  ///< where `artham kite login` keeps its access token
};

/// feed.api_key, then feed.more_keys. The first one's token lies in feed.access_token_file, else in
/// the data directory; the others' beside it, with the key in the name.
[[nodiscard]] std::vector<kite_key> kite_keys(const config::settings& s,
                                              const std::filesystem::path& data);

/// The one of this name; empty: the first. errc::usage names those there are.
[[nodiscard]] result<kite_key> find_kite_key(const config::settings& s,
                                             const std::filesystem::path& data,
                                             const std::string& api_key);

/// What the REST API is asked with: the first key that is logged in, else the first key without a
/// token. An error when its token file cannot be used.
[[nodiscard]] result<feed::kite::credentials> rest_credentials(const config::settings& s,
                                                               const std::filesystem::path& data);

}  // namespace artham::app
