#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "bridge/local/journal.hpp"
#include "bridge/local/stream.hpp"

namespace artham::bridge::local {

/// True for records that are to go; then all behind them go, too.
using is_beyond = std::function<bool(const record::header&, record::position)>;

/// Cuts the end of a stream that nobody uses yet: from its first record beyond, in the last stretch
/// of blocks that hold one. Nothing when there is none. After a crash in between it is made again.
[[nodiscard]] result<std::optional<open_report::cut>> cut_stream(stream& s,
                                                                 const is_beyond& beyond);

/// Ends the file there, durably.
[[nodiscard]] result<void> truncate_file(const file& f, const std::filesystem::path& path,
                                         std::uint64_t size);

}  // namespace artham::bridge::local
