#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "market/calendar.hpp"
#include "market/timeframe.hpp"
#include "messages/record/bar_codec.hpp"

namespace artham::app {

/// All bars of a derived stream by instrument, start and revision; of equal ones the first, as a
/// store keeps it.
[[nodiscard]] result<std::vector<record::bar_record>> bars_of(bridge::bridge& from,
                                                              market::timeframe tf);

/// bars_{tf}.csv of several timeframes: name to content.
class bar_files {
 public:
  /// Adds the last revision of each bar that was not withdrawn. `bars` is sorted as bars_of does.
  void add(market::timeframe tf, const std::vector<record::bar_record>& bars,
           const std::function<const market::calendar&(std::uint32_t token)>& calendar_of);
  /// A file that is written already, for the digest.
  void add_written(const std::string& name, std::filesystem::path file, std::size_t rows);
  /// Rows per file.
  [[nodiscard]] const std::map<std::string, std::size_t>& counts() const { return counts_; }
  /// `sha256:…` over name, newline and bytes of each file in the order of their names.
  [[nodiscard]] result<std::string> digest() const;
  [[nodiscard]] result<void> write(const std::filesystem::path& dir) const;

 private:
  std::map<std::string, std::string> files_;
  std::map<std::string, std::filesystem::path> written_;
  std::map<std::string, std::size_t> counts_;
};

}  // namespace artham::app
