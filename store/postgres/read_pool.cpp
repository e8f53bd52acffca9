#include "store/postgres/read_pool.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "store/postgres/connection.hpp"
#include "store/postgres/server.hpp"

namespace artham::store::postgres {

namespace {

constexpr std::size_t idle_at_most = 4;

/// Why a connection cannot be had: libpqxx does not tell the server's code.
error reason(const std::string& place, const std::string& conninfo, const server& s,
             const char* otherwise) {
  const auto again = connection::open(conninfo, s.timeout);
  if (again) return error_of(place, {}, otherwise);
  return error_of(place, again.error().sqlstate, again.error().message);
}

}  // namespace

result<std::unique_ptr<read_connection>> read_connection::open(
    const server& s, std::string_view application, std::chrono::milliseconds statement_timeout) {
  const auto info = conninfo(s, application);
  if (!info) return tl::unexpected(info.error());
  const auto place = place_of(s);
  return guarded(place, [&]() -> result<std::unique_ptr<read_connection>> {
    std::unique_ptr<read_connection> made;
    try {
      made.reset(new read_connection(*info));
    } catch (const pqxx::broken_connection& e) {
      return tl::unexpected(reason(place, *info, s, e.what()));
    }
// What is set below would be gone on a connection that libpqxx makes again by itself.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    made->connection_.inhibit_reactivation(true);
#pragma GCC diagnostic pop
    pqxx::nontransaction(made->connection_)
        .exec(
            "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET extra_float_digits = 1; "
            "SET bytea_output = 'hex'; SET client_encoding = 'UTF8'; "
            "SET default_transaction_read_only = on; SET jit = off; SET enable_bitmapscan = off; "
            "SET enable_sort = off; SET statement_timeout = " +
            std::to_string(statement_timeout.count()));
    return made;
  });
}

stall_watch::stall_watch(std::chrono::milliseconds limit)
    // Behind the server's own timeout, which tells more.
    : limit_(limit + limit / 4), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void stall_watch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    stopping_.wait_for(lock, stop, limit_ / 5, [] { return false; });
    const auto now = std::chrono::steady_clock::now();
    for (auto* c : calls_) {
      if (c->too_late_ || c->until_ > now) continue;
      c->too_late_ = true;
      shutdown(c->socket_, SHUT_RDWR);
    }
  }
}

stall_watch::call::call(stall_watch& watch, int socket, bool& too_late)
    : watch_(watch),
      socket_(socket),
      too_late_(too_late),
      until_(std::chrono::steady_clock::now() + watch.limit_) {
  const std::lock_guard lock(watch_.mutex_);
  place_ = watch_.calls_.insert(watch_.calls_.end(), this);
}

stall_watch::call::~call() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.calls_.erase(place_);
}

read_pool::read_pool(server s)
    : server_(std::move(s)), place_(place_of(server_)), watch_(server_.timeout) {}

std::unique_ptr<read_connection> read_pool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto c = std::move(idle_.back());
  idle_.pop_back();
  return c;
}

void read_pool::give_back(std::unique_ptr<read_connection> c) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_at_most) idle_.push_back(std::move(c));
}

void read_pool::forget() {
  std::vector<std::unique_ptr<read_connection>> lost;
  const std::lock_guard lock(mutex_);
  lost.swap(idle_);
}

}  // namespace artham::store::postgres
