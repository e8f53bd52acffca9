#include "config/database_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace artham::config {

namespace {

constexpr std::array<std::string_view, 2> schemes{"postgresql://", "postgres://"};

std::string_view behind_scheme(std::string_view url) {
  const auto at = url.find("://");
  return at == std::string_view::npos ? url : url.substr(at + 3);
}

/// With `%70` for `p`.
std::string decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    unsigned char c = 0;
    const auto digits = text.substr(0, 3);
    const auto* end = digits.data() + digits.size();
    if (digits.size() == 3 && digits[0] == '%' &&
        std::from_chars(digits.data() + 1, end, c, 16).ptr == end) {
      out += static_cast<char>(c);
      text.remove_prefix(3);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

bool names_password(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto one = parameters.substr(0, parameters.find('&'));
    parameters.remove_prefix(std::min(one.size() + 1, parameters.size()));
    const auto key = decoded(one.substr(0, one.find('=')));
    if (key == "password" || key == "sslpassword") return true;
  }
  return false;
}

}  // namespace

bool is_database_url(std::string_view url) {
  if (url.empty()) return true;
  for (const auto scheme : schemes) {
    if (url.starts_with(scheme)) return true;
  }
  return false;
}

bool has_password(std::string_view url) {
  const auto rest = behind_scheme(url);
  const auto question = rest.find('?');
  if (question != std::string_view::npos && names_password(rest.substr(question + 1))) return true;
  // What libpq takes for a user ends with the first @; one with / or ? in the password is meant
  // too.
  auto user = rest.substr(0, rest.find('/'));
  if (user.find('@') == std::string_view::npos) user = rest.substr(0, question);
  const auto at = user.rfind('@');
  if (at == std::string_view::npos) return false;
  const auto colon = user.substr(0, at).find(':');
  return colon != std::string_view::npos && colon + 1 < at;
}

std::string_view without_parameters(std::string_view url) {
  return url.substr(0, url.find('?'));
}

}  // namespace artham::config
