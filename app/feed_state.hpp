#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "market/error.hpp"

namespace artham::app {

/// Which market a data directory was filled from, so that another one is refused: `feed.json` in
/// it.
struct feed_identity {
  std::string kind;  ///< `synthetic`, `recording` or `ticker`
  std::string what;  ///< for people: seed and size, file name, URL
  std::string key;   ///< equal means the same market

  friend bool operator==(const feed_identity&, const feed_identity&) = default;
};

/// Accepts an empty directory (and writes the file) or one filled from the same market; else
/// errc::conflict says what it holds and the way out.
[[nodiscard]] result<void> claim_data_directory(const std::filesystem::path& dir,
                                                const feed_identity& who);

}  // namespace artham::app
