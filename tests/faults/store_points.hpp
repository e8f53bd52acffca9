#pragma once

namespace artham::test {

/// A point of a store's transaction, and the passings of which one is chosen: a run surely has so
/// many.
struct store_point {
  const char* name;
  unsigned last;
};

/// In the order in which a transaction passes them; some only with a PostgreSQL.
inline constexpr store_point store_points[] = {
    {"store.begun", 20}, {"store.copy", 20},       {"store.staged", 8},
    {"store.rows", 20},  {"store.positioned", 20}, {"store.committed", 20},
};

}  // namespace artham::test
