#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bridge/local/journal.hpp"
#include "bridge/local/stream.hpp"

/// What open, open_read_only and verify do with the files that they find.
namespace artham::bridge::local {

using stream_map = std::map<std::string, stream_ptr, std::less<>>;

enum class access : std::uint8_t { read_only, writable };

/// Finds the streams and where each ends. Writable: cuts torn tails and writes the last segments'
/// indexes.
[[nodiscard]] result<stream_map> load_streams(const std::filesystem::path& dir, access a,
                                              runtime::metrics& metrics, open_report& report);

/// Cuts records of derived streams whose cause lies beyond the top of their source, if that is
/// here.
[[nodiscard]] result<void> cut_derived(const stream_map& streams, open_report& report);

/// Checks every segment.
[[nodiscard]] result<void> verify_streams(const stream_map& streams, open_report& report);

}  // namespace artham::bridge::local
