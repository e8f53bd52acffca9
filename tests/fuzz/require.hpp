#pragma once

#include <cstdio>
#include <cstdlib>

namespace artham::fuzz {

/// A broken rule aborts, as a crash does.
inline void require(bool holds, const char* rule) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
  }
}

}  // namespace artham::fuzz
