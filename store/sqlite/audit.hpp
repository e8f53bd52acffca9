#pragma once

#include <filesystem>
#include <memory>

#include "store/audit.hpp"

namespace artham::store::sqlite {

/// Opens an existing file for reading only. errc::refused when it cannot be opened, corrupt when it
/// is not a database.
[[nodiscard]] result<std::unique_ptr<audit>> open_audit(const std::filesystem::path& file);

}  // namespace artham::store::sqlite
