#pragma once

#include <string>
#include <vector>

#include "messages/record/feature_codec.hpp"
#include "store/feature_columns.hpp"
#include "store/postgres/taker.hpp"
#include "store/store.hpp"

/// Rows of the schema as what they stand for. The column lists are what the functions beside them
/// read, from where the taker stands.
namespace artham::store::postgres {

extern const std::string bar_columns_of_record;
[[nodiscard]] record::bar_record take_bar(taker& in);

/// For take_chain, take_option and take_instrument_feature of store/feature_columns.hpp.
extern const std::string chain_columns;
extern const std::string option_columns;
extern const std::string instrument_feature_columns;

extern const std::string instrument_columns;
[[nodiscard]] stored_instrument take_instrument(taker& in);

extern const std::string gap_columns;
[[nodiscard]] gap_row take_gap(taker& in);

/// Without source and timeframe.
extern const std::string candle_columns;
[[nodiscard]] market::bar take_candle(taker& in);

/// All of them, by consumer, stream and shard.
[[nodiscard]] std::vector<stored_position> read_positions(pqxx::transaction_base& t);

}  // namespace artham::store::postgres
