#pragma once

#include <span>
#include <string>
#include <string_view>

#include "store/store.hpp"
#include "web/api/bar_indicators.hpp"
#include "web/api/query.hpp"

/// What `/v1/bars` is asked for.
namespace artham::web {

inline constexpr std::size_t max_bars = 10'000;

enum class bar_format : std::uint8_t { json, csv, ndjson };

struct bars_request {
  instrument_name instrument;
  store::bar_query query;  ///< but for token and as_of, which have to be looked up
  bool descending = false;
  bool everything = false;  ///< `limit=all`
  bool official = false;    ///< the exchange's candles instead of our bars
  bar_format format = bar_format::json;
  market::timestamp as_of = market::never;
  indicator_specs indicators;
};

/// `accept` is the header field of that name: it chooses the format when the query does not.
[[nodiscard]] result<bars_request> read_bars_request(const text_pairs& query,
                                                     std::span<const market::timeframe> stored,
                                                     std::string_view accept = {});

/// Lets `q` go on behind this place of the page before, in the direction in which it reads.
void go_on(store::bar_query& q, store::bar_place behind);

/// A place as `next` and `cursor` have it: `START.REVISION`, start in nanoseconds.
[[nodiscard]] std::string cursor_text(store::bar_place p);
/// A header field `Link` that names the request of the next page: `target`, with this cursor.
[[nodiscard]] std::string next_page_link(std::string_view target, store::bar_place next);

}  // namespace artham::web
