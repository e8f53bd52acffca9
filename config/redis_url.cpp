#include "config/redis_url.hpp"

#include <charconv>

namespace artham::config {
namespace {

constexpr int most_databases = 1'000'000;

template <class Number>
bool read_number(std::string_view text, Number& to, int largest) {
  int value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end || value < 0 || value > largest) return false;
  to = static_cast<Number>(value);
  return true;
}

/// Takes `user@` off the front. False when there is a password too.
bool take_user(std::string_view& rest, std::string& user) {
  const auto at = rest.find('@');
  if (at == std::string_view::npos) return true;
  user = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return !user.empty() && user.find_first_of(":/") == std::string::npos;
}

}  // namespace

std::optional<redis_address> parse_redis_url(std::string_view url) {
  constexpr std::string_view tcp = "redis://";
  constexpr std::string_view unix_socket = "unix://";
  redis_address a;
  if (url.starts_with(unix_socket)) {
    auto rest = url.substr(unix_socket.size());
    if (!take_user(rest, a.user)) return std::nullopt;
    const auto question = rest.find('?');
    a.socket = rest.substr(0, question);
    if (question != std::string_view::npos) {
      const auto query = rest.substr(question + 1);
      if (!query.starts_with("db=") || !read_number(query.substr(3), a.database, most_databases))
        return std::nullopt;
    }
    if (!a.socket.starts_with('/') || a.socket.size() < 2) return std::nullopt;
    return a;
  }
  if (!url.starts_with(tcp)) return std::nullopt;
  auto rest = url.substr(tcp.size());
  if (!take_user(rest, a.user)) return std::nullopt;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const auto database = rest.substr(slash + 1);
    if (!database.empty() && !read_number(database, a.database, most_databases))
      return std::nullopt;
    rest = rest.substr(0, slash);
  }
  const auto bracket = rest.rfind(']');
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    if (!read_number(rest.substr(colon + 1), a.port, 65'535) || a.port == 0) return std::nullopt;
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty() || rest.find_first_of("@?# ") != std::string_view::npos) return std::nullopt;
  a.host = rest;
  return a;
}

}  // namespace artham::config
