#include <cstdlib>

#include "runtime/failpoint.hpp"

namespace artham::runtime {

bool failpoint_due(const char* /*name*/) noexcept {
  return false;
}

void failpoint_end() noexcept {
  std::abort();
}

}  // namespace artham::runtime
