#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/redis/connection.hpp"

namespace artham::bridge::redis {

/// A connection for calls that wait for their answer: opened when it is needed, and anew after it
/// broke. Thread-safe.
class control {
 public:
  explicit control(endpoint server, std::string name)
      : server_(std::move(server)), name_(std::move(name)) {}

  /// Once more with a new connection when the old one turns out to be dead.
  [[nodiscard]] result<reply> command(std::initializer_list<std::string_view> args);
  [[nodiscard]] result<reply> eval(const script& s, std::initializer_list<std::string_view> keys,
                                   connection::args values);
  /// Zeros for a stream without entries. errc::corrupt when that is not one of ours.
  [[nodiscard]] result<record::position> top(std::string_view stream);

 private:
  [[nodiscard]] result<reply> ask(const std::function<result<reply>(connection&)>& question);

  endpoint server_;
  std::string name_;
  std::mutex mutex_;
  std::unique_ptr<connection> connection_;
};

/// What top_script answered. errc::corrupt.
[[nodiscard]] result<record::position> top_of(std::string_view stream, reply_view answer);

}  // namespace artham::bridge::redis
