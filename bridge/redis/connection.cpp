#include "bridge/redis/connection.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace artham::bridge::redis {
namespace {

void append_number(std::string& out, char mark, std::size_t n) {
  out += mark;
  out += std::to_string(n);
  out += "\r\n";
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, '$', text.size());
  out += text;
  out += "\r\n";
}

std::string seconds_text(std::chrono::nanoseconds d) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return std::to_string(ms) + " ms";
}

/// How long poll may wait; at least a millisecond, so that it does not spin before the time.
int poll_limit(connection::clock::time_point until) {
  const auto left = until - connection::clock::now();
  if (left <= std::chrono::nanoseconds(0)) return 0;
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count()) + 1;
}

struct meaning {
  std::string_view word;
  errc code;
};
constexpr std::array meanings{
    meaning{"LOADING", errc::unavailable},
    meaning{"BUSY", errc::unavailable},
    meaning{"MASTERDOWN", errc::unavailable},
    meaning{"TRYAGAIN", errc::unavailable},
    meaning{"READONLY", errc::unavailable},
    meaning{"OOM", errc::full},
    meaning{"MISCONF", errc::io},
    meaning{"WRONGTYPE", errc::corrupt},
    meaning{"NOSCRIPT", errc::not_found},
    meaning{"NOGROUP", errc::not_found},
    meaning{"BUSYGROUP", errc::conflict},
    meaning{"FENCED", errc::conflict},
    meaning{"NOTNEXT", errc::conflict},
    meaning{"EMPTIED", errc::conflict},
};

std::string_view way_out(std::string_view word) {
  if (word == "NOAUTH" || word == "WRONGPASS")
    return "; set bridge.redis.password (and the user in bridge.redis.url)";
  if (word == "NOPERM")
    return "; give that user the rights (ACL SETUSER name ~* +@all -@admin +config|get)";
  if (word == "OOM") return "; raise its maxmemory, or let consumers catch up";
  if (word == "MISCONF") return "; look into its log: its disk may be full";
  if (word == "WRONGTYPE")
    return "; the key belongs to another program: give artham its own database";
  return "";
}

}  // namespace

// Answers.

bool reply_view::is_nil() const {
  return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL;
}
bool reply_view::is_array() const {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY;
}
bool reply_view::is_error() const {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR;
}
std::optional<std::int64_t> reply_view::integer() const {
  if (reply_ == nullptr || reply_->type != REDIS_REPLY_INTEGER) return std::nullopt;
  return reply_->integer;
}
bool reply_view::is_text() const {
  return reply_ != nullptr &&
         (reply_->type == REDIS_REPLY_STRING || reply_->type == REDIS_REPLY_STATUS);
}
std::string_view reply_view::text() const {
  if (!is_text() && !is_error()) return {};
  return {reply_->str, reply_->len};
}
std::size_t reply_view::size() const {
  return is_array() ? reply_->elements : 0;
}
reply_view reply_view::operator[](std::size_t i) const {
  return reply_view(i < size() ? reply_->element[i] : nullptr);
}

void reply::freed::operator()(redisReply* r) const {
  freeReplyObject(r);
}
reply::reply(redisReply* r) : reply_view(r), owned_(r) {}

error error_of(std::string_view answer, std::string_view place) {
  const auto word = answer.substr(0, answer.find(' '));
  auto code = errc::refused;
  for (const auto& m : meanings) {
    if (m.word == word) code = m.code;
  }
  if (answer.starts_with("ERR max number of clients")) code = errc::unavailable;
  return {code, "Redis at " + std::string(place) + ": " + std::string(answer) +
                    std::string(way_out(word))};
}

script::script(std::string_view text) : text_(text) {
  std::array<unsigned char, 20> hash{};
  // Fails only without memory or without SHA-1.
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha1(), nullptr) != 1)
    std::abort();
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto byte : hash) {
    sha_ += digits[byte >> 4U];
    sha_ += digits[byte & 15U];
  }
}

// Connections.

void connection::freed::operator()(redisContext* c) const {
  redisFree(c);
}

connection::connection(redisContext* c, const endpoint& to)
    : context_(c), place_(to.text()), timeout_(to.timeout) {}

connection::~connection() {
  if (next_ != nullptr) freeReplyObject(next_);
}

result<std::unique_ptr<connection>> connection::open(const endpoint& to, std::string_view name) {
  const timeval limit{static_cast<time_t>(to.timeout / market::second),
                      static_cast<suseconds_t>(to.timeout % market::second / 1000)};
  auto* c = to.socket.empty() ? redisConnectWithTimeout(to.host.c_str(), to.port, limit)
                              : redisConnectUnixWithTimeout(to.socket.c_str(), limit);
  if (c == nullptr) return fail(errc::unavailable, "Redis at " + to.text() + ": out of memory");
  std::unique_ptr<connection> made(new connection(c, to));
  if (c->err != 0) {
    return fail(errc::unavailable, "Redis at " + to.text() +
                                       " cannot be reached: " + std::string(c->errstr) +
                                       "; is it running, and is bridge.redis.url right?");
  }
  if (to.socket.empty()) {
    const int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  // We wait ourselves, with poll: for a time that is ours, and for a wake-up beside it.
  fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
  fcntl(c->fd, F_SETFD, FD_CLOEXEC);
  if (auto ok = made->enter(to, name); !ok) return tl::unexpected(ok.error());
  return made;
}

result<void> connection::enter(const endpoint& to, std::string_view name) {
  if (!to.password.empty() || !to.user.empty()) {
    const std::string user = to.user.empty() ? "default" : to.user;
    auto in = command({"AUTH", user, to.password.reveal()});
    if (!in) return tl::unexpected(in.error());
  }
  append({"CLIENT", "SETNAME", name});
  append({"SELECT", std::to_string(to.database)});
  append({"CLIENT", "ID"});
  for (int i = 0; i < 3; ++i) {
    auto r = next_reply();
    if (!r) return tl::unexpected(r.error());
    if (r->is_error()) return tl::unexpected(error_of(r->text(), place_));
    if (i == 2) id_ = r->integer().value_or(0);
  }
  return {};
}

tl::unexpected<error> connection::broken(const std::string& why) {
  broken_ = error{errc::unavailable, "Redis at " + place_ + ": " + why};
  return tl::unexpected(*broken_);
}

void connection::append(args a) {
  append_number(out_, '*', a.size());
  for (const auto& text : a) append_text(out_, text);
  ++unanswered_;
}

void connection::append(std::initializer_list<std::string_view> a) {
  append(args(a.begin(), a.size()));
}

void connection::append_eval(const script& s, args keys, args values, bool whole) {
  append_number(out_, '*', 3 + keys.size() + values.size());
  append_text(out_, whole ? "EVAL" : "EVALSHA");
  append_text(out_, whole ? s.text() : s.sha());
  append_text(out_, std::to_string(keys.size()));
  for (const auto& text : keys) append_text(out_, text);
  for (const auto& text : values) append_text(out_, text);
  ++unanswered_;
}

result<void> connection::send() {
  if (broken_) return tl::unexpected(*broken_);
  std::size_t sent = 0;
  auto until = clock::now() + timeout_;
  while (sent != out_.size()) {
    const auto n = ::send(context_->fd, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      until = clock::now() + timeout_;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
      return broken(std::string("sending failed: ") + std::strerror(errno));
    // A server that waits for us to read its answers takes nothing meanwhile.
    pollfd fd{context_->fd, POLLOUT | POLLIN, 0};
    if (poll(&fd, 1, poll_limit(until)) == 0 && clock::now() >= until)
      return broken("took nothing for " + seconds_text(timeout_));
    if ((fd.revents & POLLIN) != 0) {
      if (auto ok = receive(); !ok) return ok;
    }
  }
  out_.clear();
  return {};
}

/// What has come goes to the parser.
result<void> connection::receive() {
  std::array<char, 64U << 10U> buffer;
  const auto n = ::recv(context_->fd, buffer.data(), buffer.size(), 0);
  if (n == 0) return broken("closed the connection");
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return {};
    return broken(std::string("the connection failed: ") + std::strerror(errno));
  }
  if (redisReaderFeed(context_->reader, buffer.data(), static_cast<std::size_t>(n)) != REDIS_OK)
    return broken(std::string("an answer cannot be read: ") + context_->reader->errstr);
  return {};
}

result<bool> connection::parse() {
  if (next_ != nullptr) return true;
  void* got = nullptr;
  if (redisReaderGetReply(context_->reader, &got) != REDIS_OK) {
    return broken(std::string("an answer cannot be read: ") + context_->reader->errstr +
                  "; is this a Redis?");
  }
  next_ = static_cast<redisReply*>(got);
  return next_ != nullptr;
}

result<bool> connection::wait_reply(clock::time_point until, int wake) {
  if (broken_) return tl::unexpected(*broken_);
  if (!out_.empty()) {
    if (auto ok = send(); !ok) return tl::unexpected(ok.error());
  }
  for (;;) {
    auto there = parse();
    if (!there || *there) return there;
    std::array<pollfd, 2> fds{pollfd{context_->fd, POLLIN, 0}, pollfd{wake, POLLIN, 0}};
    const auto ready = poll(fds.data(), wake < 0 ? 1 : 2, poll_limit(until));
    if (ready < 0 && errno != EINTR)
      return broken(std::string("poll failed: ") + std::strerror(errno));
    if (ready > 0 && fds[0].revents != 0) {
      if (auto ok = receive(); !ok) return tl::unexpected(ok.error());
      continue;
    }
    if (ready > 0 || (ready == 0 && clock::now() >= until)) return false;
  }
}

result<reply> connection::next_reply(market::duration longer) {
  const auto limit = timeout_ + std::chrono::nanoseconds(longer);
  auto there = wait_reply(clock::now() + limit, -1);
  if (!there) return tl::unexpected(there.error());
  if (!*there) return broken("did not answer within " + seconds_text(limit));
  if (unanswered_ != 0) --unanswered_;
  return reply(std::exchange(next_, nullptr));
}

result<reply> connection::command(args a) {
  append(a);
  auto r = next_reply();
  if (r && r->is_error()) return tl::unexpected(error_of(r->text(), place_));
  return r;
}

result<reply> connection::command(std::initializer_list<std::string_view> a) {
  return command(args(a.begin(), a.size()));
}

result<reply> connection::eval(const script& s, args keys, args values) {
  for (const bool whole : {false, true}) {
    append_eval(s, keys, values, whole);
    auto r = next_reply();
    if (!r) return r;
    if (!r->is_error()) return r;
    if (whole || !r->text().starts_with("NOSCRIPT"))
      return tl::unexpected(error_of(r->text(), place_));
  }
  return fail(errc::refused, "Redis at " + place_ + " does not know a script that it was given");
}

}  // namespace artham::bridge::redis
