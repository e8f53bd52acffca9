#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>

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
  /// Another one whenever answers of `id` may be others.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  outcome<void> read(connection& c);
  outcome<void> lock_and_read(connection& c);

  std::mutex mutex_;
  instrument_versions versions_;
  std::atomic<std::uint64_t> version_ = 1;
};

/// What one writer has asked of the archive: a look at a map of its own for every tick, without a
/// lock.
class instrument_ids {
 public:
  explicit instrument_ids(instrument_archive& archive) : archive_(archive) {}
  /// None for a token that is not in the archive.
  [[nodiscard]] std::optional<std::int32_t> id(std::uint32_t token, market::timestamp t);

 private:
  struct known {
    market::timestamp from;  ///< the day in India that the id is of
    std::int32_t id;
  };
  instrument_archive& archive_;
  std::uint64_t version_ = 0;
  std::unordered_map<std::uint32_t, known> known_;
};

}  // namespace artham::store::postgres
