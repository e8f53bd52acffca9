#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace artham::test {

/// A client of /v1/stream, or of another path, over a real socket; every wait has a limit.
class ws_client {
 public:
  explicit ws_client(std::uint16_t port, const std::string& path = "/v1/stream");
  ~ws_client();
  ws_client(const ws_client&) = delete;
  ws_client& operator=(const ws_client&) = delete;

  void send(const std::string& text);
  void send_binary(const std::string& bytes);
  /// The next message; nothing when the connection ended or `limit` passed.
  std::optional<nlohmann::json> next(std::chrono::seconds limit = std::chrono::seconds(30));
  /// The next message whatever is in it; nothing as above.
  std::optional<std::string> next_bytes(std::chrono::seconds limit = std::chrono::seconds(30));
  /// The next message for which `match` holds; others are passed over.
  template <class Fn>
  std::optional<nlohmann::json> next_that(Fn&& match,
                                          std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < deadline) {
      auto m = next();
      if (!m || match(*m)) return m;
    }
    return std::nullopt;
  }
  /// Of the close frame that ended the connection.
  [[nodiscard]] unsigned close_code() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

struct http_answer {
  int status = 0;
  std::string body;
};
[[nodiscard]] http_answer http_get(std::uint16_t port, const std::string& target);

}  // namespace artham::test
