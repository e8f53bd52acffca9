#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "store/store.hpp"

namespace artham::store::sqlite {

/// Reading connections, made as they are needed and kept: each call has one for itself.
class sqlite_reader final : public reader {
 public:
  explicit sqlite_reader(std::filesystem::path file);

  [[nodiscard]] result<std::vector<record::bar_record>> bars(const bar_query& q) override;
  [[nodiscard]] result<std::vector<market::bar>> candles(std::string_view source,
                                                         const bar_query& q) override;
  [[nodiscard]] result<std::vector<stored_instrument>> instruments() override;
  using reader::find;
  [[nodiscard]] result<std::optional<stored_instrument>> find(
      std::string_view key, std::optional<market::date> on) override;
  [[nodiscard]] result<std::vector<std::string>> chain_underlyings() override;
  [[nodiscard]] result<std::vector<stored_expiry>> chain_expiries(
      std::string_view underlying) override;
  [[nodiscard]] result<std::optional<record::feature_record>> chain(std::string_view underlying,
                                                                    market::date expiry,
                                                                    market::timestamp at) override;
  [[nodiscard]] result<std::vector<record::feature_record>> chain_history(
      std::string_view underlying, market::date expiry, const feature_query& q) override;
  [[nodiscard]] result<std::vector<stored_greeks>> greeks(std::uint32_t token,
                                                          const feature_query& q) override;
  [[nodiscard]] result<std::vector<record::feature_record>> instrument_features(
      std::uint32_t token, const feature_query& q) override;
  [[nodiscard]] result<std::vector<gap_row>> gaps(market::timestamp from,
                                                  market::timestamp to) override;
  [[nodiscard]] result<std::uint64_t> count_ticks() override;
  [[nodiscard]] result<std::vector<stored_position>> positions() override;

 private:
  template <class Fn>
  auto with_connection(Fn&& fn) -> decltype(fn(std::declval<SQLite::Database&>()));

  std::filesystem::path file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SQLite::Database>> idle_;
};

}  // namespace artham::store::sqlite
