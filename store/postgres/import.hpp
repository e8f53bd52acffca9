#pragma once

#include <span>

#include "store/postgres/database.hpp"

namespace artham::store::postgres {

/// Fills the table of instruments, which must be there and empty (errc::conflict), with all
/// versions of all instruments under the ids that they have; in order of id and date. Atomic. A
/// database that is open does not see them until it is opened again.
[[nodiscard]] result<void> import_instruments(const server& s,
                                              std::span<const stored_instrument> versions);

}  // namespace artham::store::postgres
