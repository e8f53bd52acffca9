#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "store/postgres/database.hpp"
#include "store/postgres/sqlstate.hpp"

namespace artham::store::postgres {

/// Runs fn; what libpqxx throws becomes an error that names the place.
template <class Fn>
auto guarded(const std::string& place, Fn&& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const pqxx::sql_error& e) {
    return tl::unexpected<error>(error_of(place, e.sqlstate(), e.what()));
  } catch (const pqxx::failure& e) {
    return tl::unexpected<error>(error_of(place, {}, e.what()));
  } catch (const pqxx::pqxx_exception& e) {
    return tl::unexpected<error>(error{errc::corrupt, place + ": " + e.base().what()});
  }
}

/// A connection that only reads. What it is asked comes in UTC and ISO.
class read_connection {
 public:
  /// `statement_timeout` 0: statements may take as long as they want. errc::unavailable, and what
  /// the server refuses a client for.
  [[nodiscard]] static result<std::unique_ptr<read_connection>> open(
      const server& s, std::string_view application, std::chrono::milliseconds statement_timeout);

  [[nodiscard]] pqxx::connection& raw() { return connection_; }

 private:
  explicit read_connection(const std::string& conninfo)
      : connection_(conninfo), quiet_(connection_) {}

  pqxx::connection connection_;
  pqxx::quiet_errorhandler quiet_;
};

/// Ends connections whose server does not answer a call: their socket is shut, and the call fails.
class stall_watch {
 public:
  explicit stall_watch(std::chrono::milliseconds limit);

  /// One call, watched as long as this object lives; `too_late` becomes true when it is ended.
  class call {
   public:
    call(stall_watch& watch, int socket, bool& too_late);
    ~call();
    call(const call&) = delete;
    call& operator=(const call&) = delete;

   private:
    friend class stall_watch;
    stall_watch& watch_;
    int socket_;
    bool& too_late_;
    std::chrono::steady_clock::time_point until_;
    std::list<call*>::iterator place_;
  };

 private:
  void run(const std::stop_token& stop);

  std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::condition_variable_any stopping_;
  std::list<call*> calls_;
  std::jthread thread_;
};

/// Reading connections, made as they are needed and kept: each call has one for itself.
class read_pool {
 public:
  explicit read_pool(server s);

  [[nodiscard]] const std::string& place() const { return place_; }

  /// Calls fn(transaction). A kept connection that turns out to be lost is no failure: the call
  /// runs again on a new one. One that is lost, or does not answer, is closed.
  template <class Fn>
  auto with(Fn&& fn) -> decltype(fn(std::declval<pqxx::transaction_base&>())) {
    for (bool again = false;; again = true) {
      auto kept = again ? nullptr : take();
      const bool was_kept = kept != nullptr;
      if (!was_kept) {
        auto made = read_connection::open(server_, "artham reader", server_.timeout);
        if (!made) return tl::unexpected(made.error());
        kept = std::move(*made);
      }
      bool too_late = false;
      auto answer = guarded(place_, [&] {
        const stall_watch::call watched(watch_, kept->raw().sock(), too_late);
        pqxx::nontransaction transaction(kept->raw());
        return fn(static_cast<pqxx::transaction_base&>(transaction));
      });
      if (answer || answer.error().code != errc::unavailable) {
        give_back(std::move(kept));
        return answer;
      }
      if (too_late) return fail(errc::unavailable, place_ + ": the server did not answer in time");
      if (!was_kept || kept->raw().is_open()) return answer;
      // The others went the same way.
      forget();
    }
  }

 private:
  [[nodiscard]] std::unique_ptr<read_connection> take();
  void give_back(std::unique_ptr<read_connection> c);
  void forget();

  server server_;
  std::string place_;
  stall_watch watch_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<read_connection>> idle_;
};

}  // namespace artham::store::postgres
