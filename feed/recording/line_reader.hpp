#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::feed::recording {

/// Lines of a file, one at a time, in memory that the longest line bounds.
class line_reader {
 public:
  /// errc::not_found when there is no such file, errc::io when it cannot be opened.
  [[nodiscard]] static result<line_reader> open(const std::string& path, std::size_t longest_line);

  /// The next line without its end (LF or CR LF); nothing at the end of the file. Valid until the
  /// next call. errc::bad_input for a line that is too long, errc::io when reading fails.
  [[nodiscard]] result<std::optional<std::string_view>> next();
  /// Of the line that `next` gave last, from 1.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct closer {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };

  line_reader(std::string path, std::FILE* file, std::size_t longest_line);
  /// Reads more behind what is buffered; false at the end of the file.
  [[nodiscard]] result<bool> fill();

  std::string path_;
  std::unique_ptr<std::FILE, closer> file_;
  std::size_t longest_line_;
  std::string buffer_;
  std::size_t begin_ = 0;  ///< of what was not given out yet
  std::uint64_t line_ = 0;
};

}  // namespace artham::feed::recording
