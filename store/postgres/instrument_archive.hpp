#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "store/instrument_versions.hpp"
#include "store/postgres/connection.hpp"

namespace artham::store::postgres {

/// The point-in-time instrument table, shared by the writers: which instrument_id a token means on
/// a date. Thread-safe. It changes the table in transactions of its own on the connection that is
/// given, which must be in none.
class instrument_archive {
 public:
  [[nodiscard]] outcome<void> load(connection& c);
  /// See writer::put_instruments.
  [[nodiscard]] outcome<void> put(connection& c, std::span<const market::instrument> list,
                                  market::date valid_from);
  /// Makes rows for tokens of which nothing is known; other nodes may do so at the same time.
  [[nodiscard]] outcome<void> make_up(connection& c, std::span<const std::uint32_t> tokens);
  [[nodiscard]] std::optional<std::int64_t> id(std::uint32_t token, market::timestamp t);

 private:
  outcome<void> read(connection& c);
  outcome<void> lock_and_read(connection& c);

  std::mutex mutex_;
  instrument_versions versions_;
};

}  // namespace artham::store::postgres
