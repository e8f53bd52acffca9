#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace artham::app {

/// What a check found: differences, and what one should know besides. Printed as it is found, or
/// gathered for JSON.
class findings {
 public:
  explicit findings(bool json) : json_(json) {}

  /// `fields` say the same as `line`, for programs.
  void difference(const std::string& line, nlohmann::json fields);
  void note(const std::string& line);

  [[nodiscard]] std::size_t differences() const { return differences_; }
  [[nodiscard]] const nlohmann::json& gathered() const { return gathered_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  bool json_;
  std::size_t differences_ = 0;
  nlohmann::json gathered_ = nlohmann::json::array();
  std::vector<std::string> notes_;
};

}  // namespace artham::app
