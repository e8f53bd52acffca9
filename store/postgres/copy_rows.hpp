#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "market/time.hpp"

/// Rows for COPY … WITH (FORMAT binary), big-endian
/// (https://www.postgresql.org/docs/15/sql-copy.html).
namespace artham::store::postgres {

/// A time as PostgreSQL has it, and what is below its microsecond.
struct split_time {
  std::int64_t since_2000 = 0;  ///< microseconds; INT64_MAX: infinity
  std::int16_t below = 0;       ///< ns, 0 to 999
};
/// Rounds down. market::never becomes infinity.
[[nodiscard]] constexpr split_time split(market::timestamp t) {
  constexpr std::int64_t epoch_2000 = 946'684'800'000'000;
  if (t == market::never) return {INT64_MAX, 0};
  std::int64_t micro = t / 1000;
  std::int64_t below = t % 1000;
  if (below < 0) {
    below += 1000;
    --micro;
  }
  return {micro - epoch_2000, static_cast<std::int16_t>(below)};
}
/// Days since 2000-01-01, as PostgreSQL counts dates.
[[nodiscard]] constexpr std::int32_t date_since_2000(std::int32_t days_since_1970) {
  return days_since_1970 - 10'957;
}

/// Appends rows one after the other: `row(n)`, then exactly n fields.
class copy_rows {
 public:
  copy_rows() { clear(); }
  /// Back to the header, which every COPY begins with.
  void clear() {
    bytes_.assign(std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
    rows_ = 0;
  }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  /// What is there so far, to be sent; the object goes on behind it.
  void sent() { bytes_.clear(); }
  void finish() { raw(std::uint16_t{0xffff}); }

  void row(std::int16_t fields) {
    ++rows_;
    raw(static_cast<std::uint16_t>(fields));
  }
  void int16(std::int16_t v) { fixed(static_cast<std::uint16_t>(v)); }
  void int32(std::int32_t v) { fixed(static_cast<std::uint32_t>(v)); }
  void int64(std::int64_t v) { fixed(static_cast<std::uint64_t>(v)); }
  void real(double v) { fixed(std::bit_cast<std::uint64_t>(v)); }
  void time(split_time t) { int64(t.since_2000); }
  void date(market::date d) { int32(date_since_2000(d.days)); }
  void null() { raw(std::uint32_t{0xffffffff}); }
  void bytes(std::string_view v) {
    raw(static_cast<std::uint32_t>(v.size()));
    bytes_.append(v);
  }
  void text(std::string_view v) { bytes(v); }
  /// A field of `size` bytes, which `more_bytes` then brings.
  void begin_bytes(std::size_t size) { raw(static_cast<std::uint32_t>(size)); }
  void more_bytes(std::string_view v) { bytes_.append(v); }
  template <class T>
  void known(bool is, T v) {
    if (!is) {
      null();
    } else if constexpr (std::is_same_v<T, double>) {
      real(v);
    } else {
      int64(v);
    }
  }

  /// An array without NULLs: each element is `of(i)` for i below n.
  template <class Int, class Of>
  void array(std::size_t n, Of&& of) {
    static_assert(sizeof(Int) == 4 || sizeof(Int) == 8);
    constexpr std::uint32_t type = sizeof(Int) == 4 ? 23 : 20;
    constexpr std::size_t element = 4 + sizeof(Int);
    raw(static_cast<std::uint32_t>(20 + n * element));
    raw(std::uint32_t{1});  // dimensions
    raw(std::uint32_t{0});  // no NULLs
    raw(type);
    raw(static_cast<std::uint32_t>(n));
    raw(std::uint32_t{1});  // lower bound
    auto at = bytes_.size();
    bytes_.resize(at + n * element);
    for (std::size_t i = 0; i < n; ++i, at += element) {
      put(at, std::uint32_t{sizeof(Int)});
      put(at + 4, static_cast<std::make_unsigned_t<Int>>(of(i)));
    }
  }

 private:
  template <class U>
  static U big_endian(U v) {
    if constexpr (sizeof(U) == 2) return __builtin_bswap16(v);
    if constexpr (sizeof(U) == 4) return __builtin_bswap32(v);
    if constexpr (sizeof(U) == 8) return __builtin_bswap64(v);
  }
  template <class U>
  void put(std::size_t at, U v) {
    v = big_endian(v);
    std::memcpy(bytes_.data() + at, &v, sizeof v);
  }
  template <class U>
  void raw(U v) {
    v = big_endian(v);
    bytes_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  template <class U>
  void fixed(U v) {
    char field[4 + sizeof(U)];
    const auto size = big_endian(std::uint32_t{sizeof(U)});
    v = big_endian(v);
    std::memcpy(field, &size, 4);
    std::memcpy(field + 4, &v, sizeof v);
    bytes_.append(field, sizeof field);
  }

  std::string bytes_;
  std::uint64_t rows_ = 0;
};

}  // namespace artham::store::postgres
