#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/postgres/copy_rows.hpp"
#include "store/store.hpp"

/// Bars as rows of bars_{tf}, by way of a staging table.
namespace artham::store::postgres {

/// CREATE TEMP TABLE new_bars …
extern const std::string make_new_bars;
extern const std::string new_bars_copy;
/// INSERT of what is staged; a revision that is there stays as it is.
[[nodiscard]] std::string insert_new_bars(const std::string& table);

void append_bar(copy_rows& out, const record::bar_record& r, std::int32_t instrument_id);

}  // namespace artham::store::postgres
