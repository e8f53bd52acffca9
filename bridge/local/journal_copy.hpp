#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge::local {

/// Writes one stream of a new journal, block by block, each with the positions that it has: what is
/// left out in front or in between is missing there. Nothing is synced.
class stream_copy {
 public:
  /// `dir` is the journal's; made when absent.
  stream_copy(std::filesystem::path dir, std::string stream);

  /// Blocks come in the order of their positions.
  [[nodiscard]] result<void> add(const record::block& b);
  /// Ends the last file; errors of writing show here at the latest.
  [[nodiscard]] result<void> finish();

 private:
  [[nodiscard]] result<void> begin_segment(const record::block& b);

  std::filesystem::path dir_;
  std::string stream_;
  std::filesystem::path path_;
  std::ofstream out_;
  std::uint32_t epoch_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Keeps a content in the new journal under its hash.
[[nodiscard]] result<void> copy_object(const std::filesystem::path& dir, std::string_view content);

}  // namespace artham::bridge::local
