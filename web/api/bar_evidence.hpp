#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "market/bar_proof.hpp"
#include "messages/record/bar_codec.hpp"

namespace artham::web {

/// A proof lists at most so many ticks.
inline constexpr std::size_t max_proof_ticks = 20'000;

/// What the journal says about a stored bar.
struct bar_evidence {
  struct difference {
    std::string column;
    std::string stored;
    std::string recomputed;
  };
  std::optional<record::bar_record> recomputed;  ///< none: the ticks make no such revision
  std::vector<difference> differences;           ///< columns of the two
  std::vector<market::proven_tick> ticks;        ///< inside the bar, in tick order
  record::position replayed_from;                ///< the first record that was looked at
  record::position replayed_to;                  ///< the bar's cause

  [[nodiscard]] bool equal() const { return recomputed && differences.empty(); }
};

/// May block. errc::full: the bar has too many ticks; not_found: its ticks are not in the journal
/// any more.
using evidence_source =
    std::function<result<bar_evidence>(market::timeframe, const record::bar_record& stored)>;

}  // namespace artham::web
