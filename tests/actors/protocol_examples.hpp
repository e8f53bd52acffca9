#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/places.hpp"

/// The examples of docs/protocol.md, which are held against what a gateway says.
namespace artham::test {

inline constexpr std::string_view elided = "\xe2\x80\xa6";
inline constexpr std::string_view to_us = "    \xe2\x86\x92 ";
inline constexpr std::string_view from_us = "    \xe2\x86\x90 ";

struct protocol_example {
  std::string command;
  std::string answer;
};

/// Commands, each with its answer; those about alerts, or the others.
inline std::vector<protocol_example> protocol_examples(bool of_alerts) {
  std::ifstream in(source_dir() + "/docs/protocol.md");
  std::vector<protocol_example> all;
  std::string line;
  bool in_answer = false;
  while (std::getline(in, line)) {
    if (line.starts_with(to_us)) {
      all.push_back({line.substr(to_us.size()), ""});
      in_answer = false;
    } else if (line.starts_with(from_us) && !all.empty() && all.back().answer.empty()) {
      all.back().answer = line.substr(from_us.size());
      in_answer = true;
    } else if (in_answer && line.starts_with("     ")) {
      all.back().answer += line;
    } else {
      in_answer = false;
    }
  }
  std::erase_if(all, [&](const protocol_example& e) {
    return (e.command.find("\"alert") != std::string::npos) != of_alerts;
  });
  return all;
}

/// That what is told has all that the example has.
inline void check_like(const nlohmann::json& told, const nlohmann::json& example,
                       const std::string& where) {
  CAPTURE(where);
  if (example == elided) return;
  REQUIRE(told.type() == example.type());
  if (example.is_object()) {
    for (const auto& [name, value] : example.items()) {
      REQUIRE_MESSAGE(told.contains(name), name);
      check_like(told[name], value, where + "." + name);
    }
  } else if (example.is_array()) {
    REQUIRE(told.size() == example.size());
    for (std::size_t i = 0; i < example.size(); ++i)
      check_like(told[i], example[i], where + "[" + std::to_string(i) + "]");
  } else {
    CHECK(told == example);
  }
}

}  // namespace artham::test
