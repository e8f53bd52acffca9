#pragma once

#include <filesystem>
#include <memory>

#include "store/record_source.hpp"

namespace artham::store::sqlite {

/// Over connections of its own to a store that is there: a file that cannot be read is an error of
/// each call.
[[nodiscard]] std::unique_ptr<record_source> open_records(const std::filesystem::path& file);

}  // namespace artham::store::sqlite
