#pragma once

#include <filesystem>
#include <memory>

#include "store/access.hpp"

namespace artham::store::sqlite {

/// Opens the file with a connection of its own, also while a node runs; made, with its schema, if
/// it is not there. The file then is its owner's alone: it holds what tickets are signed with.
/// Errors as of sqlite::open.
[[nodiscard]] result<std::unique_ptr<access>> open_access(const std::filesystem::path& file);

}  // namespace artham::store::sqlite
