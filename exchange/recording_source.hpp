#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exchange/options.hpp"
#include "exchange/source.hpp"
#include "market/error.hpp"

namespace artham::exchange {

/// What a recording holds, as frames that the exchange plays: the lines of a `.hex` file, or the
/// rows of a tick CSV, where neighbours of one exchange second share a frame of at most 1,000
/// packets.
struct recording_info {
  std::uint64_t frames = 0;
  std::set<std::uint32_t> tokens;
  market::timestamp first = 0;  ///< market time of the first frame: its newest exchange time
  market::timestamp last = 0;   ///< of the last one
};

/// Reads the file to its end. Refuses, naming file, line and field, what is malformed and what
/// Kite's wire cannot carry; refuses a recording without a tick and one whose frames have no
/// exchange time.
[[nodiscard]] result<recording_info> inspect_recording(const std::string& file);

/// Plays from the first frame that is not skipped; there it starts. Market time of a frame is the
/// newest exchange time so far. Reads as it plays: memory does not grow with the file.
[[nodiscard]] result<std::unique_ptr<source>> make_recording_source(
    const recording_source_options& o, const recording_info& info,
    std::vector<market::instrument> instruments);

/// Those among `calendars` by which the tokens' exchanges trade (market::calendar_of).
[[nodiscard]] result<std::vector<market::calendar_ptr>> calendars_of(
    const std::set<std::uint32_t>& tokens,
    const std::map<std::string, market::calendar_ptr>& calendars);

}  // namespace artham::exchange
