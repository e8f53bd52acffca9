#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/postgres/connection.hpp"

namespace artham::store::postgres {

/// A connection to a database whose schema is current: opened when something is asked, and again
/// after a loss. One thread at a time.
class reconnecting {
 public:
  /// `place` stands in messages.
  reconnecting(std::string place, std::string conninfo, std::chrono::milliseconds timeout)
      : place_(std::move(place)), conninfo_(std::move(conninfo)), timeout_(timeout) {}

  /// Open, with a current schema.
  result<connection*> open();
  /// Runs statements separated by semicolons; after a failure no transaction is open.
  result<std::vector<answer>> ask(const std::string& sql);
  /// Likewise, one statement with parameters $1, $2, …
  result<answer> ask(const std::string& sql, std::span<const parameter> values);
  /// What is said of a failure of the connection, whose transaction is ended.
  error failed(const failure& f);
  /// Ends the transaction that is open, if there is a connection.
  void roll_back();

 private:
  std::string place_;
  std::string conninfo_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<connection> connection_;
};

}  // namespace artham::store::postgres
