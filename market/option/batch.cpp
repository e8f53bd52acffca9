#include "market/option/batch.hpp"

#include "market/option/batch_loops.hpp"

namespace artham::market::option {

namespace detail {

namespace {
terms terms_at(const double* const (&in)[7], std::size_t i) {
  return {in[0][i] < 0 ? side::put : side::call, in[1][i], in[2][i], in[3][i], in[4][i], in[5][i]};
}
}  // namespace

void value_one(pricing model, const value_job& job, std::size_t i) {
  const auto v = option::value(model, terms_at(job.in, i), job.in[6][i]);
  const double values[] = {v.price, v.delta, v.gamma, v.theta, v.vega, v.rho};
  for (std::size_t k = 0; k < 6; ++k) job.out[k][i] = values[k];
  job.is[i] = v.is;
}

void implied_one(pricing model, const implied_job& job, std::size_t i) {
  const auto r = option::implied_volatility(model, terms_at(job.in, i), job.in[6][i]);
  job.volatility[i] = r.volatility;
  job.is[i] = r.is;
}

}  // namespace detail

std::vector<instruction_set> instruction_sets() {
  std::vector<instruction_set> all = {instruction_set::baseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) all.push_back(instruction_set::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    all.push_back(instruction_set::avx512);
#endif
  return all;
}

namespace {
instruction_set widest() {
  static const instruction_set best = instruction_sets().back();
  return best;
}
}  // namespace

void value(pricing model, const columns& o, std::span<const double> volatility,
           const value_columns& out, instruction_set with) {
  const detail::value_job job = {
      {o.type.data(), o.underlying.data(), o.strike.data(), o.years.data(), o.rate.data(),
       o.dividend.data(), volatility.data()},
      {out.price.data(), out.delta.data(), out.gamma.data(), out.theta.data(), out.vega.data(),
       out.rho.data()},
      out.is.data(),
      volatility.size()};
  switch (with) {
    case instruction_set::baseline:
      return detail::value_baseline(model, job);
    case instruction_set::avx2:
      return detail::value_avx2(model, job);
    case instruction_set::avx512:
      return detail::value_avx512(model, job);
  }
}

void value(pricing model, const columns& o, std::span<const double> volatility,
           const value_columns& out) {
  value(model, o, volatility, out, widest());
}

void implied_volatility(pricing model, const columns& o, std::span<const double> price,
                        std::span<double> volatility, std::span<state> is, instruction_set with) {
  const detail::implied_job job = {{o.type.data(), o.underlying.data(), o.strike.data(),
                                    o.years.data(), o.rate.data(), o.dividend.data(), price.data()},
                                   volatility.data(),
                                   is.data(),
                                   price.size()};
  switch (with) {
    case instruction_set::baseline:
      return detail::implied_baseline(model, job);
    case instruction_set::avx2:
      return detail::implied_avx2(model, job);
    case instruction_set::avx512:
      return detail::implied_avx512(model, job);
  }
}

void implied_volatility(pricing model, const columns& o, std::span<const double> price,
                        std::span<double> volatility, std::span<state> is) {
  implied_volatility(model, o, price, volatility, is, widest());
}

}  // namespace artham::market::option
