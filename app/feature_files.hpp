#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "app/feature_drain.hpp"
#include "bridge/memory/memory.hpp"
#include "market/error.hpp"
#include "messages/record/feature_codec.hpp"

namespace artham::app {

/// chains.csv, greeks.csv and features.csv, written while the features are made: takes md:features
/// out of a bridge in memory and lets go of what is written.
class feature_files {
 public:
  using offset_of_token = std::function<market::duration(std::uint32_t token, market::timestamp t)>;

  [[nodiscard]] static result<feature_files> create(const std::filesystem::path& dir,
                                                    offset_of_token offset_of);

  /// Has fn told each record besides.
  void tell(std::function<void(const record::feature_record&)> fn) { tell_ = std::move(fn); }
  /// Writes what has come since the last call.
  result<void> drain(bridge::memory::memory_bridge& from);
  /// The rest is written; the files' paths by name.
  result<std::map<std::string, std::filesystem::path>> finish();
  /// Rows per file.
  [[nodiscard]] const std::map<std::string, std::size_t>& counts() const { return counts_; }

 private:
  struct output {
    std::filesystem::path path;
    std::ofstream stream;
  };
  feature_files() = default;
  void write(const std::string& name, const std::string& text, std::size_t rows);
  void take(const record::feature_record& r);

  std::map<std::string, output> files_;
  std::map<std::string, std::size_t> counts_;
  offset_of_token offset_of_;
  std::function<void(const record::feature_record&)> tell_;
  feature_drain drain_;
  std::string text_;
};

}  // namespace artham::app
