#include "tests/support/places.hpp"

namespace artham::test {

const std::string& source_dir() {
  static const std::string path = ARTHAM_SOURCE_DIR;
  return path;
}

const std::string& program() {
  static const std::string path = ARTHAM_PROGRAM;
  return path;
}

}  // namespace artham::test
