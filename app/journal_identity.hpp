#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "market/error.hpp"

namespace artham::app {

/// A number that tells this data directory's journal from all others, so that a client's resume
/// token is not taken for one of another; in the file `journal.id`, which is made the first time.
/// errc::io, errc::corrupt.
[[nodiscard]] result<std::uint64_t> journal_identity(const std::filesystem::path& data);
/// The same of a cluster, whose gateways all have the same streams.
[[nodiscard]] std::uint64_t cluster_identity(std::string_view name);

}  // namespace artham::app
