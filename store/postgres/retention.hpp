#pragma once

#include <vector>

#include "store/postgres/connection.hpp"
#include "store/postgres/migrations.hpp"
#include "store/store.hpp"

namespace artham::store::postgres {

/// Drops the partitions or chunks that hold nothing younger than is to be kept, and notes in
/// `removed` from where each table goes on. A table that a reader holds is left for the next time.
[[nodiscard]] outcome<std::vector<removed_rows>> remove_old(connection& c, const schema& s,
                                                            const retention& keep,
                                                            market::timestamp now);

/// Has TimescaleDB compress what is older; for a schema that `compresses`.
[[nodiscard]] outcome<void> compress_after(connection& c, const schema& s, market::duration age);

}  // namespace artham::store::postgres
