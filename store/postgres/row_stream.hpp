#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <pqxx/pqxx>

namespace artham::store::postgres {

/// The rows of a query, fetched some at a time; must not outlive its transaction.
class row_stream {
 public:
  row_stream(pqxx::transaction_base& t, std::string name, const std::string& query,
             std::size_t fetch = 4096)
      : transaction_(t), name_(std::move(name)), fetch_(fetch) {
    transaction_.exec("DECLARE " + name_ + " NO SCROLL CURSOR FOR " + query);
  }

  /// Some rows, fewer than are fetched at a time only at the end; none behind it.
  pqxx::result next_rows() {
    if (ended_) return {};
    auto rows = transaction_.exec("FETCH " + std::to_string(fetch_) + " FROM " + name_);
    if (rows.size() < fetch_) {
      ended_ = true;
      transaction_.exec("CLOSE " + name_);
    }
    return rows;
  }

  /// The next row; none behind the last.
  std::optional<pqxx::row> next() {
    if (at_ == rows_.size()) {
      rows_ = next_rows();
      at_ = 0;
      if (rows_.empty()) return std::nullopt;
    }
    return rows_[at_++];
  }

 private:
  pqxx::transaction_base& transaction_;
  std::string name_;
  std::size_t fetch_;
  pqxx::result rows_;
  pqxx::result::size_type at_ = 0;
  bool ended_ = false;
};

}  // namespace artham::store::postgres
