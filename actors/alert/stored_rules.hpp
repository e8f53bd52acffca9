#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "actors/alert/alert_input.hpp"
#include "market/alert/rule_set.hpp"
#include "store/alerts.hpp"

namespace artham::actors {

/// A rule of the store, parsed. errc::bad_input names what cannot be read.
[[nodiscard]] result<market::alert::rule> parse_rule(const store::alert_rule& r);

/// A version with where it counts: as recorded, else from `at` or where it was made, whichever is
/// later, to where the next version was made, or `at`.
[[nodiscard]] result<market::alert::bound_rule> bind_rule(const store::stored_rule& r,
                                                          record::position at);
[[nodiscard]] store::alert_progress progress_of(const market::alert::bound_rule& r);

/// An alert as it is stored, without its place.
[[nodiscard]] store::alert_row alert_row_of(const market::alert::fired& f,
                                            const store::alert_rule& rule, market::timestamp wall);

}  // namespace artham::actors
