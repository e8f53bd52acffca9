#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Scripted stand-ins for Kite's ticker and REST API on loopback.
namespace artham::test {

/// A folder of its own, removed at the end.
class temporary_folder {
 public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A certificate that signs itself, for the names given as OpenSSL writes them.
struct certificate {
  std::string pem;
  std::string key_pem;
};
[[nodiscard]] certificate make_certificate(const std::string& names = "IP:127.0.0.1,DNS:localhost");

/// What the ticker does with a connection.
enum class reply : std::uint8_t {
  accept,
  http_403,
  http_429,
  http_502,
  nothing,  ///< takes the connection and never says a word
  garbage,  ///< answers the handshake with something that is no HTTP
};

class mock_ticker {
 public:
  explicit mock_ticker(const certificate* tls = nullptr);
  ~mock_ticker();
  mock_ticker(const mock_ticker&) = delete;
  mock_ticker& operator=(const mock_ticker&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url(std::string_view path = {}) const;

  /// For the connections to come, one each; afterwards all are accepted.
  void script(std::vector<reply> replies);
  /// Text messages that every new session gets at once.
  void greet(std::vector<std::string> texts);

  // On the newest session.
  void text(std::string message);
  void binary(std::string message);
  void pong();
  void close();  ///< with code 1001
  void drop();   ///< without a word

  struct session_record {
    std::string target;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::vector<std::string> received;           ///< text messages
    bool said_goodbye = false;                   ///< ended by a close frame of the client
    bool ended = false;
  };
  /// TCP connections so far, refused ones included, with their times.
  [[nodiscard]] std::vector<std::chrono::steady_clock::time_point> arrivals() const;
  [[nodiscard]] std::vector<session_record> sessions() const;

  struct impl;

 private:
  std::unique_ptr<impl> impl_;
};

struct rest_request {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};
struct rest_answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool silent = false;  ///< no answer at all
  std::string raw;      ///< sent instead, when not empty
};

/// Answers one request after the other with `handler`.
class mock_rest {
 public:
  explicit mock_rest(std::function<rest_answer(const rest_request&)> handler);
  ~mock_rest();
  mock_rest(const mock_rest&) = delete;
  mock_rest& operator=(const mock_rest&) = delete;
  [[nodiscard]] std::string url() const;

  struct impl;

 private:
  std::unique_ptr<impl> impl_;
};

/// Polls until `done` or the deadline; true when done.
[[nodiscard]] bool eventually(const std::function<bool()>& done,
                              std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace artham::test
