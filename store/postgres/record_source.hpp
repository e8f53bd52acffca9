#pragma once

#include <memory>

#include "store/postgres/database.hpp"
#include "store/record_source.hpp"

namespace artham::store::postgres {

/// Over connections of its own, made when they are needed. A server that is away, or does not
/// answer in time, is errc::unavailable; the next call tries again.
[[nodiscard]] std::unique_ptr<record_source> open_records(server s);

}  // namespace artham::store::postgres
