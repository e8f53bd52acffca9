#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <pqxx/pqxx>

#include "store/postgres/time_text.hpp"

namespace artham::store::postgres {

/// A query and its parameters, written side by side: values never become part of the text. It is
/// planned for these values, so that partitions are left out and rows are estimated.
class statement {
 public:
  statement& operator<<(std::string_view sql) {
    sql_.append(sql);
    return *this;
  }
  statement& value(std::string v) {
    parameters_.push_back(std::move(v));
    sql_.append("$").append(std::to_string(parameters_.size()));
    return *this;
  }
  statement& value(std::int64_t v) { return value(std::to_string(v)); }
  statement& time(market::timestamp t) { return value(micro_of(t).text); }

  [[nodiscard]] pqxx::result run(pqxx::transaction_base& t) const {
    return t.exec_params(sql_, pqxx::prepare::make_dynamic_params(parameters_));
  }

 private:
  std::string sql_;
  std::vector<std::string> parameters_;
};

}  // namespace artham::store::postgres
