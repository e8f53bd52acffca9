#include "app/environment.hpp"

#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace artham::app {

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

int report(const error& e) {
  std::fprintf(stderr, "artham: %s\n", e.message.c_str());
  return exit_code(e.code);
}

}  // namespace artham::app
