#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"

namespace artham::feed::kite {

struct http_request {
  std::string method = "GET";
  std::string url;  ///< http:// or https://, with path, without query
  std::string query{};
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

struct http_limits {
  std::string ca_file{};  ///< PEM; empty: the system's authorities
  std::chrono::milliseconds timeout{
      7'000};  ///< of each step that brings nothing; ten times that for all
  std::size_t max_body = 256 * 1024 * 1024;  ///< before and after unpacking
};

struct http_response {
  int status = 0;
  std::string content_type;
  std::string body;  ///< unpacked
};

/// One request on a connection of its own; blocks. Any HTTP status is an answer; redirects are not
/// followed. Gzip answers are unpacked. Error texts hold the host, never query, body or headers.
[[nodiscard]] result<http_response> http_call(const http_request& request,
                                              const http_limits& limits);

}  // namespace artham::feed::kite
