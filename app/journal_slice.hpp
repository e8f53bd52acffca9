#pragma once

#include <cstdint>
#include <filesystem>

#include "app/journal_range.hpp"
#include "app/record_filter.hpp"
#include "bridge/bridge.hpp"

namespace artham::app {

/// The records of md:ticks from filter.from up to filter.to. What the marks in front of them have
/// put in force, settings and subscriptions, stands in the preamble as if it had happened when the
/// range begins. errc::usage when there is nothing in between.
[[nodiscard]] result<record_range> find_range(bridge::bridge& journal, const record_filter& filter);

struct slice_summary {
  std::uint64_t positions = 0;
  bool renumbered = false;
};

/// Writes what the filter selects of md:ticks, the contents that its marks name, and what
/// md:deadletter says of it, as a journal of its own. Epochs and positions stay; with instruments,
/// positions count anew.
[[nodiscard]] result<slice_summary> write_slice(bridge::bridge& journal,
                                                const record_filter& filter,
                                                const std::filesystem::path& out);

/// errc::usage unless `dir` is not there yet, or empty.
[[nodiscard]] result<void> check_new_directory(const std::filesystem::path& dir);

}  // namespace artham::app
