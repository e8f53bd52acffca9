#pragma once

#include "app/run.hpp"

namespace artham::app {

/// Checks every precondition of `artham run` with these settings and prints each with its remedy;
/// exit code 1 when one is not met.
int doctor(const settings_options& options, bool print_settings, bool json);

}  // namespace artham::app
