#pragma once

#include <caf/atom.hpp>

namespace artham::messages {

/// CAF 0.17 tells errors of different enums apart by an atom, later versions by a type id.
constexpr caf::atom_value error_category = caf::atom("artham");
constexpr caf::atom_value crash_category = caf::atom("crash");

}  // namespace artham::messages
