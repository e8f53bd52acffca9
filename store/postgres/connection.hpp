#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

#include "market/error.hpp"
#include "store/postgres/database.hpp"

namespace artham::store::postgres {

/// What the server, or the way to it, said no with.
struct failure {
  std::string sqlstate;  ///< empty: the connection is lost
  std::string message;
};
template <class T>
using outcome = tl::expected<T, failure>;

/// One result of a command.
class answer {
 public:
  explicit answer(PGresult* r) : result_(r) {}
  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] std::string_view text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  [[nodiscard]] bool is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  [[nodiscard]] std::int64_t integer(int row, int column) const;
  /// Rows that an INSERT or UPDATE touched.
  [[nodiscard]] std::uint64_t affected() const;
  [[nodiscard]] PGresult* raw() const { return result_.get(); }

 private:
  struct deleter {
    void operator()(PGresult* r) const { PQclear(r); }
  };
  std::unique_ptr<PGresult, deleter> result_;
};

/// A parameter in text form; none: NULL.
using parameter = std::optional<std::string>;

/// A connection that writes: libpq without blocking, so that a server that went silent is given up
/// after the timeout. One thread at a time. After a lost connection every call fails.
class connection {
 public:
  [[nodiscard]] static outcome<std::unique_ptr<connection>> open(const std::string& conninfo,
                                                                 std::chrono::milliseconds timeout);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  [[nodiscard]] bool lost() const { return lost_; }
  /// 150018 for 15.18.
  [[nodiscard]] int version() const { return PQserverVersion(raw_); }
  /// As an SQL literal with its quotes.
  [[nodiscard]] std::string literal(std::string_view text) const;

  /// Runs statements separated by semicolons in one round trip; the answer of each. The first that
  /// fails ends it.
  outcome<std::vector<answer>> run(const std::string& statements);
  /// One statement with parameters $1, $2, …
  outcome<answer> run(const std::string& statement, std::span<const parameter> parameters);

  /// As run; the last statement is COPY … FROM STDIN, whose data then follow.
  outcome<std::vector<answer>> begin_copy(const std::string& statements);
  outcome<void> put(std::string_view data);
  /// Ends the data. With an error text the server takes none of them.
  outcome<std::uint64_t> end_copy(const char* error = nullptr);

 private:
  connection(PGconn* raw, std::chrono::milliseconds timeout) : raw_(raw), timeout_(timeout) {}
  outcome<void> flush();
  /// Waits until the socket is ready; fails when the timeout passes.
  outcome<void> wait(short events);
  /// The next result; none when the command is through.
  outcome<std::optional<answer>> next();
  outcome<std::vector<answer>> collect(bool until_copy);
  failure lose(std::string message);
  void drain();

  PGconn* raw_;
  std::chrono::milliseconds timeout_;
  bool lost_ = false;
};

}  // namespace artham::store::postgres
