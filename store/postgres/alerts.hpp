#pragma once

#include <memory>

#include "store/alerts.hpp"
#include "store/postgres/database.hpp"

namespace artham::store::postgres {

/// Connects at the first call, and again when the connection was lost; brings the schema up to
/// date. errc::usage for the URL; a server that is away is errc::unavailable of the calls.
[[nodiscard]] result<std::unique_ptr<alert_book>> open_alerts(const server& s);

}  // namespace artham::store::postgres
