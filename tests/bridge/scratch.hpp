#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace artham::test {

class scratch {
 public:
  scratch() {
    // Memory where there is some: what is tested here is not how fast a disk syncs.
    std::error_code absent;
    const std::filesystem::path memory = "/dev/shm";
    const auto in = std::filesystem::is_directory(memory, absent)
                        ? memory
                        : std::filesystem::temp_directory_path();
    std::string made = (in / "artham-bridge-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) {
      made = (std::filesystem::temp_directory_path() / "artham-bridge-XXXXXX").string();
      if (::mkdtemp(made.data()) == nullptr) std::abort();
    }
    path_ = made;
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace artham::test
