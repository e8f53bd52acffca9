#pragma once

#include <memory>

#include "store/audit.hpp"
#include "store/postgres/database.hpp"

namespace artham::store::postgres {

/// Reads all that is there in one transaction that changes nothing. Errors as of `open`; not_found
/// when there is no schema `artham`.
[[nodiscard]] result<std::unique_ptr<audit>> open_audit(const server& s);

}  // namespace artham::store::postgres
