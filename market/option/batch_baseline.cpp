#include "market/option/batch_loops.hpp"

namespace artham::market::option::detail {

namespace {
typedef double lanes __attribute__((vector_size(16)));
}

void value_baseline(pricing model, const value_job& job) {
  if (model == pricing::black76) {
    value_loop<lanes, true>(job);
  } else {
    value_loop<lanes, false>(job);
  }
}

void implied_baseline(pricing model, const implied_job& job) {
  if (model == pricing::black76) {
    implied_loop<lanes, true>(job);
  } else {
    implied_loop<lanes, false>(job);
  }
}

}  // namespace artham::market::option::detail
