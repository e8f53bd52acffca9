#pragma once

#include <filesystem>
#include <vector>

#include "store/sqlite/read_pool.hpp"
#include "store/store.hpp"

namespace artham::store::sqlite {

/// What one asks an embedded store.
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
  read_pool pool_;
};

}  // namespace artham::store::sqlite
