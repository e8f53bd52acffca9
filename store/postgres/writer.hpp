#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/postgres/backend.hpp"
#include "store/postgres/tick_rows.hpp"
#include "store/postgres/time_tables.hpp"
#include "store/store.hpp"

namespace artham::store::postgres {

/// A writing connection, made anew by the call after it was lost. A patient one takes whatever
/// keeps it from the database for something that passes; a dump of instruments then waits in the
/// backend.
class postgres_writer final : public writer {
 public:
  postgres_writer(std::shared_ptr<backend> db, tick_layout layout, bool patient);

  /// Connects unless it is connected; what is refused is refused.
  result<void> connect();

  result<commit_report> commit(const batch& b) override;
  [[nodiscard]] result<std::optional<stored_position>> position(std::string_view consumer,
                                                                std::string_view stream,
                                                                std::uint32_t shard) override;
  result<void> put_bars(market::timeframe tf, std::span<const record::bar_record> bars) override;
  result<void> put_instruments(std::span<const market::instrument> list,
                               market::date valid_from) override;
  result<candle_counts> put_candles(std::string_view source, market::timeframe tf,
                                    std::span<const market::bar> candles) override;

 private:
  /// Connects, patiently if it is so.
  result<void> get_connected();
  /// Ends what the last call left, if it failed.
  error failed(const failure& f);
  /// Of a token that get_ready_for has seen to.
  [[nodiscard]] std::int32_t id(std::uint32_t token, market::timestamp t);
  outcome<void> get_ready_for(const batch& b);
  outcome<bool> begin(const batch& b);
  outcome<bool> is_stored(std::span<const stored_position> positions);
  outcome<commit_report> try_commit(const batch& b, bool row_by_row);
  result<commit_report> already_stored(const batch& b);

  outcome<void> write(const batch& part);
  outcome<void> write_ticks(std::span<const tick_row> ticks);
  outcome<void> write_bars(market::timeframe tf, std::span<const record::bar_record> bars);
  outcome<void> write_gaps(std::span<const market::mark> marks);
  outcome<void> write_quarantines(std::span<const quarantine_row> rows);
  /// Writes what the server takes, and what it does not into dead_letters.
  outcome<void> write_or_bury(const batch& part, commit_report& report);
  outcome<void> bury(const batch& row, const failure& why);

  std::shared_ptr<backend> db_;
  tick_layout layout_;
  bool patient_;
  instrument_ids ids_;
  std::unique_ptr<connection> c_;
  std::optional<partitions> partitions_;
  tick_packer packer_;
};

}  // namespace artham::store::postgres
