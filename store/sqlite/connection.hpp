#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "market/error.hpp"
#include "market/timeframe.hpp"

namespace artham::store::sqlite {

inline constexpr std::string_view bar_table_prefix = "bars_";

/// `bars_5m`, and `bars_2_5r` for 2.5r: a name that needs no quotes.
[[nodiscard]] inline std::string bar_table(market::timeframe tf) {
  auto name = std::string(bar_table_prefix) + market::to_string(tf);
  std::ranges::replace(name, '.', '_');
  return name;
}
/// The other way round; none for a table of something else.
[[nodiscard]] inline std::optional<market::timeframe> timeframe_of_table(std::string_view name) {
  if (!name.starts_with(bar_table_prefix)) return std::nullopt;
  std::string text(name.substr(bar_table_prefix.size()));
  std::ranges::replace(text, '_', '.');
  const auto tf = market::parse_timeframe(text);
  return tf ? std::optional(*tf) : std::nullopt;
}

/// Which of our errors a SQLite result code is.
[[nodiscard]] inline errc code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case 5:  // SQLITE_BUSY
    case 6:  // SQLITE_LOCKED
    case 7:  // SQLITE_NOMEM
      return errc::unavailable;
    case 13:  // SQLITE_FULL
      return errc::full;
    case 10:  // SQLITE_IOERR
      return errc::io;
    case 8:   // SQLITE_READONLY
    case 14:  // SQLITE_CANTOPEN
    case 23:  // SQLITE_AUTH
      return errc::refused;
    case 11:  // SQLITE_CORRUPT
    case 26:  // SQLITE_NOTADB
      return errc::corrupt;
    default:
      return errc::bad_input;
  }
}

/// Runs fn; what SQLiteCpp throws becomes an error that names the file.
template <class Fn>
auto guarded(const std::string& file, Fn&& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const SQLite::Exception& e) {
    return tl::unexpected<error>(error{code_of(e.getErrorCode()), file + ": " + e.what()});
  }
}

}  // namespace artham::store::sqlite
