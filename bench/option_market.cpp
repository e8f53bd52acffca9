#include "option_market.hpp"

#include <chrono>
#include <cmath>
#include <random>

#include "measure.hpp"

namespace option_bench {

using namespace artham::market::option;  // NOLINT(google-build-using-namespace)

terms market::at(std::size_t i) const {
  return {type[i] < 0 ? side::put : side::call,
          underlying[i],
          strike[i],
          years[i],
          rate[i],
          dividend[i]};
}

market chains(std::size_t count) {
  std::mt19937_64 engine(1);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(engine() >> 11U) * 0x1p-53);
  };
  market m;
  for (std::size_t i = 0; i < count; ++i) {
    const double years = uniform(0.002, 0.5);
    const double volatility = uniform(0.08, 0.4);
    m.type.push_back(i % 2 == 0 ? 1 : -1);
    m.underlying.push_back(24350);
    // Three deviations each way: beyond, quotes are a tick or nothing.
    m.strike.push_back(24350 * std::exp(volatility * std::sqrt(years) * uniform(-3, 3)));
    m.years.push_back(years);
    m.rate.push_back(0.065);
    m.dividend.push_back(0.012);
    m.volatility.push_back(volatility);
  }
  return m;
}

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double median(const std::function<void()>& work) {
  constexpr int rounds = 9;
  std::vector<double> all;
  all.reserve(rounds);
  for (int i = 0; i < rounds; ++i) all.push_back(seconds_of(work));
  return artham::bench::median(all);
}

std::vector<std::vector<double>> in_turns(const std::vector<std::function<void()>>& works) {
  constexpr int rounds = 15;
  std::vector<std::vector<double>> seconds(works.size());
  for (int i = 0; i < rounds; ++i) {
    for (std::size_t k = 0; k < works.size(); ++k) seconds[k].push_back(seconds_of(works[k]));
  }
  return seconds;
}

const char* name_of(instruction_set s) {
  return s == instruction_set::baseline ? "baseline"
         : s == instruction_set::avx2   ? "avx2"
                                        : "avx512";
}

}  // namespace option_bench
