#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"

namespace artham::bridge::local {

/// Files named by the SHA-256 of their content.
class object_store {
 public:
  explicit object_store(std::filesystem::path dir) : dir_(std::move(dir)) {}
  /// Durable when it returns.
  result<market::content_hash> put(std::string_view content) const;
  /// errc::corrupt when the file no longer has the content that its name says.
  [[nodiscard]] result<std::string> get(const market::content_hash& hash) const;
  /// Files that no longer have the content that their names say.
  [[nodiscard]] result<std::vector<std::filesystem::path>> damaged() const;

 private:
  std::filesystem::path dir_;
};

}  // namespace artham::bridge::local
