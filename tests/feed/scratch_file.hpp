#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace artham::test {

/// A file in a directory of its own, gone with this object.
class scratch_file {
 public:
  scratch_file(const std::string& name, std::string_view content) {
    std::string pattern = (std::filesystem::temp_directory_path() / "artham-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("no scratch directory " + pattern);
    }
    directory_ = pattern;
    path_ = (directory_ / name).string();
    std::ofstream(path_, std::ios::binary) << content;
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;
  ~scratch_file() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::filesystem::path directory_;
  std::string path_;
};

}  // namespace artham::test
