#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/redis/redis.hpp"

struct redisContext;
struct redisReply;

namespace artham::bridge::redis {

/// One value of an answer. Lives as long as the `reply` that it is from; what is not of the asked
/// type is empty, so that a strange answer needs no checks on the way.
class reply_view {
 public:
  explicit reply_view(const redisReply* r) : reply_(r) {}

  [[nodiscard]] bool is_nil() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_error() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  /// Of a string, status or error.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] bool is_text() const;      ///< a string or status
  [[nodiscard]] std::size_t size() const;  ///< of an array
  /// Nil behind the end.
  [[nodiscard]] reply_view operator[](std::size_t i) const;

 private:
  const redisReply* reply_;
};

/// An answer.
class reply : public reply_view {
 public:
  explicit reply(redisReply* r);

 private:
  struct freed {
    void operator()(redisReply* r) const;
  };
  std::unique_ptr<redisReply, freed> owned_;
};

/// What an error answer means. unavailable: it is loading or busy; refused: we are not let in, or
/// it will not do that; full: out of memory; io: it cannot write its files; corrupt: the key holds
/// something else; not_found: no such script or group; conflict: the group is there already, or one
/// of our scripts says no.
[[nodiscard]] error error_of(std::string_view answer, std::string_view place);

/// A Lua script and its SHA-1.
class script {
 public:
  explicit script(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& sha() const { return sha_; }

 private:
  std::string text_;
  std::string sha_;
};

/// A connection that is let in. Of one thread, but for `wake`. Arguments and answers may hold any
/// bytes. After errc::unavailable it is broken and answers nothing else.
class connection {
 public:
  using args = std::span<const std::string_view>;
  using clock = std::chrono::steady_clock;

  /// Connects, says who we are (CLIENT SETNAME `name`, no spaces) and selects the database, all
  /// within the endpoint's timeout each. errc::unavailable or refused.
  [[nodiscard]] static result<std::unique_ptr<connection>> open(const endpoint& to,
                                                                std::string_view name);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// One command and its answer; an error answer is an error (error_of).
  [[nodiscard]] result<reply> command(args a);
  [[nodiscard]] result<reply> command(std::initializer_list<std::string_view> a);
  /// EVALSHA, or EVAL where the server does not know the script.
  [[nodiscard]] result<reply> eval(const script& s, args keys, args values);

  /// Adds a command to what the next `send` or `next_reply` sends. Each has one answer, in order.
  void append(args a);
  void append(std::initializer_list<std::string_view> a);
  /// EVALSHA, or EVAL with `whole`. A server that does not know the script answers
  /// errc::not_found; `whole` teaches it.
  void append_eval(const script& s, args keys, args values, bool whole = false);
  /// Sends what was appended.
  [[nodiscard]] result<void> send();
  /// The next answer, sending what was appended before. An error answer is a reply that is_error.
  /// errc::unavailable when nothing came for the endpoint's timeout, and `longer`.
  [[nodiscard]] result<reply> next_reply(market::duration longer = 0);
  /// False when no answer came before the time, or `fd` (if not -1) can be read first.
  [[nodiscard]] result<bool> wait_reply(clock::time_point until, int fd);

  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  [[nodiscard]] bool is_broken() const { return broken_.has_value(); }
  /// For CLIENT UNBLOCK.
  [[nodiscard]] std::int64_t id() const { return id_; }
  /// Of the server, as endpoint::text.
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  struct freed {
    void operator()(redisContext* c) const;
  };
  connection(redisContext* c, const endpoint& to);
  [[nodiscard]] result<void> enter(const endpoint& to, std::string_view name);
  [[nodiscard]] tl::unexpected<error> broken(const std::string& why);
  /// True when an answer has come and waits in `next_`.
  [[nodiscard]] result<bool> parse();
  [[nodiscard]] result<void> receive();

  std::unique_ptr<redisContext, freed> context_;
  std::string place_;
  std::chrono::nanoseconds timeout_;
  std::string out_;
  std::size_t unanswered_ = 0;
  redisReply* next_ = nullptr;
  std::optional<error> broken_;
  std::int64_t id_ = 0;
};

}  // namespace artham::bridge::redis
