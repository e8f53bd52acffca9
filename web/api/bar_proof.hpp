#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "market/instrument.hpp"
#include "web/api/bar_evidence.hpp"
#include "web/api/query.hpp"
#include "web/server/http.hpp"

/// `/v1/bars/proof`: the evidence of one stored bar.
namespace artham::web {

struct proof_request {
  instrument_name instrument;
  market::timeframe timeframe;
  market::timestamp start = 0;
  std::optional<std::uint32_t> revision;  ///< none: the last one
};
/// The error names the parameter. `stored`: the timeframes that there are.
[[nodiscard]] result<proof_request> read_proof_request(const text_pairs& query,
                                                       std::span<const market::timeframe> stored);

/// The wanted one among all revisions of a bar; null when it is not there.
[[nodiscard]] const record::bar_record* find_revision(std::span<const record::bar_record> all,
                                                      std::optional<std::uint32_t> revision);

[[nodiscard]] std::string proof_json(const market::instrument& i, market::timeframe tf,
                                     const record::bar_record& stored, const bar_evidence& e);

}  // namespace artham::web
