#include <cstddef>
#include <cstdint>
#include <string_view>

// In force to the end of the file: nothing of the standard library may be instantiated below.
#if defined(__x86_64__)
#pragma GCC target("avx2")
#endif

#include "market/option/batch_loops.hpp"

namespace artham::market::option::detail {

namespace {
typedef double lanes __attribute__((vector_size(32)));
}

void value_avx2(pricing model, const value_job& job) {
  if (model == pricing::black76) {
    value_loop<lanes, true>(job);
  } else {
    value_loop<lanes, false>(job);
  }
}

void implied_avx2(pricing model, const implied_job& job) {
  if (model == pricing::black76) {
    implied_loop<lanes, true>(job);
  } else {
    implied_loop<lanes, false>(job);
  }
}

}  // namespace artham::market::option::detail
