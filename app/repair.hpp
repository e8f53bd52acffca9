#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/rebuild.hpp"
#include "market/error.hpp"
#include "store/store.hpp"

namespace artham::app {

/// What became of one bar builder that was in quarantine.
struct repaired_builder {
  std::string instrument;
  record::position from;   ///< where its bars had stopped
  record::position until;  ///< the last record whose bars were made again
  std::size_t bars = 0;    ///< rows, revisions included
  std::string error;       ///< not empty: it still cannot be built, and stays in quarantine
};

/// Opens the store, with tables for those timeframes.
using store_opener = std::function<result<std::unique_ptr<store::database>>(
    const std::vector<market::timeframe>& timeframes)>;

/// Makes the bars that quarantined builders owe, stores them, and ends those quarantines by a
/// record in md:deadletter. Also stores again what an earlier repair had stored and lost. The
/// journal must not be in use. A builder that fails again stays as it is.
[[nodiscard]] result<std::vector<repaired_builder>> repair(const std::filesystem::path& data,
                                                           const rebuild_options& how,
                                                           const store_opener& open);
/// Into the database file of the data directory.
[[nodiscard]] result<std::vector<repaired_builder>> repair(const std::filesystem::path& data,
                                                           const rebuild_options& how);

}  // namespace artham::app
