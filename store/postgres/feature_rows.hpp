#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "store/postgres/connection.hpp"
#include "store/postgres/copy_rows.hpp"
#include "store/store.hpp"

/// md:features as rows of chain_features, option_greeks and instrument_features, by way of staging
/// tables.
namespace artham::store::postgres {

/// CREATE TEMP TABLE …; three of them.
extern const std::string make_new_features;

/// In the caller's transaction; rows that are there stay as they are. `id_of` says which instrument
/// a token means at a time.
[[nodiscard]] outcome<void> write_features(
    connection& c, std::span<const record::feature_record> records,
    const std::function<std::int32_t(std::uint32_t token, market::timestamp t)>& id_of);

}  // namespace artham::store::postgres
