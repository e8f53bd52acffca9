#pragma once

#include <filesystem>
#include <memory>

#include "store/store.hpp"

namespace artham::store::sqlite {

/// Opens the file, made if it is not there, brings its schema up to date and creates the tables of
/// the timeframes. errc::io (unwritable, no directory), conflict (newer schema), corrupt (not a
/// database).
[[nodiscard]] result<std::unique_ptr<database>> open(const std::filesystem::path& file,
                                                     const options& o);

}  // namespace artham::store::sqlite
