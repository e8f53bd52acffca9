#pragma once

#include <vector>

#include "actors/bars/quarantine_book.hpp"
#include "app/bar_check.hpp"
#include "app/findings.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// Compares the table of quarantines with md:deadletter, up to where that is stored.
[[nodiscard]] result<void> check_quarantines(store::audit& stored,
                                             const std::vector<actors::placed_letter>& letters,
                                             record::position stored_until,
                                             const check_context& context, findings& found);

/// Notes what is in quarantine, and what was.
void note_quarantines(const std::vector<actors::placed_letter>& letters,
                      const check_context& context, findings& found);

}  // namespace artham::app
