#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <pqxx/pqxx>

#include "messages/record/record.hpp"
#include "store/postgres/time_text.hpp"

namespace artham::store::postgres {

/// Reads the columns of a row one after the other; NULL gives 0.
class taker {
 public:
  explicit taker(const pqxx::row& row, int first = 0) : row_(row), column_(first) {}

  [[nodiscard]] bool is_null() const { return row_[column_].is_null(); }
  void skip() { ++column_; }
  /// Valid as long as the result.
  std::string_view text() {
    const auto field = row_[column_++];
    return {field.c_str(), field.size()};
  }
  std::int64_t integer() {
    const auto t = text();
    std::int64_t value = 0;
    std::from_chars(t.data(), t.data() + t.size(), value);
    return value;
  }
  std::uint32_t small() { return static_cast<std::uint32_t>(integer()); }
  double real() {
    const auto t = text();
    double value = 0;
    std::from_chars(t.data(), t.data() + t.size(), value);
    return value;
  }
  market::timestamp time() { return time_of(text()); }
  /// A time whose next column is what lies below its microsecond.
  market::timestamp exact_time() {
    const auto t = time();
    const auto below = integer();
    return t == market::never ? t : t + below;
  }
  record::position position() {
    record::position p;
    p.epoch = small();
    p.seq = static_cast<std::uint64_t>(integer());
    return p;
  }
  record::cause cause() {
    record::cause c;
    c.at = position();
    c.ordinal = small();
    return c;
  }

 private:
  const pqxx::row& row_;
  int column_;
};

}  // namespace artham::store::postgres
