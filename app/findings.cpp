#include "app/findings.hpp"

#include <cstdio>
#include <utility>

namespace artham::app {

void findings::difference(const std::string& line, nlohmann::json fields) {
  ++differences_;
  if (json_) {
    gathered_.push_back(std::move(fields));
  } else {
    std::printf("%s\n", line.c_str());
  }
}

void findings::note(const std::string& line) {
  if (json_) {
    notes_.push_back(line);
  } else {
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace artham::app
