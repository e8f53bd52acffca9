#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/instrument.hpp"
#include "store/store.hpp"
#include "web/api/query.hpp"
#include "web/server/http.hpp"

/// `/v1/chain`, `/v1/chain/{underlying}`, `/v1/greeks` and `/v1/features`: what is asked, and the
/// answer out of the store. Answers are errc::not_found where there is nothing of that name.
namespace artham::web {

struct chain_request {
  std::string underlying;
  std::optional<market::date> expiry;  ///< none: the nearest that has not passed at `at`
  market::timestamp at = market::never;
  market::timestamp from = 0;  ///< of `history`
  market::timestamp to = market::never;
  std::size_t history = 0;  ///< > 0: so many chains without options instead of one with them
};
[[nodiscard]] result<chain_request> read_chain_request(const text_pairs& query,
                                                       std::string_view underlying);

/// Underlyings with their expiries.
[[nodiscard]] result<std::string> list_chains(store::reader& from);
[[nodiscard]] result<std::string> read_chain(store::reader& from, const chain_request& asked);

struct feature_request {
  instrument_name instrument;
  store::feature_query range;
};
[[nodiscard]] result<feature_request> read_feature_request(const text_pairs& query);

/// `range.limit` is one more than asked: whether there are more is part of the answer.
[[nodiscard]] result<std::string> read_greeks(store::reader& from, const market::instrument& i,
                                              const store::feature_query& range);
[[nodiscard]] result<std::string> read_features(store::reader& from, const market::instrument& i,
                                                const store::feature_query& range);

}  // namespace artham::web
