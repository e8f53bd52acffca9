#pragma once

#include <filesystem>
#include <memory>

#include "store/alerts.hpp"

namespace artham::store::sqlite {

/// Opens the file with a connection of its own; made, with its schema, if it is not there. What was
/// committed outlasts a power cut. Errors as of sqlite::open.
[[nodiscard]] result<std::unique_ptr<alert_book>> open_alerts(const std::filesystem::path& file);

}  // namespace artham::store::sqlite
