#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/bars_market.hpp"
#include "market/bar_aggregator.hpp"

// What one tick costs in the bar aggregator: slices of a partitioned block, as the bar builders get
// them, for some number of instruments, 2 ticks a second each, with a clock mark every 250 ms in
// the block's mark table.

namespace {

using namespace artham::market;
namespace bench = artham::bench;

constexpr duration between_ticks = 500 * millisecond;
constexpr duration clock_interval = 250 * millisecond;

struct block {
  std::vector<bar_input> ticks;  ///< by instrument, `per_instrument` each
  std::vector<mark> marks;
};

/// Ticks and marks of the stretch of market time that starts at `from`.
block make_block(std::size_t instruments, std::size_t per_instrument, timestamp from,
                 std::uint64_t first_seq) {
  block b;
  b.ticks.resize(instruments * per_instrument);
  auto seq = first_seq;
  auto clock = from;
  for (std::size_t k = 0; k < per_instrument; ++k) {
    const auto t = from + static_cast<timestamp>(k) * between_ticks;
    for (; clock <= t; clock += clock_interval) {
      mark m;
      m.position = {1, seq++};
      m.time = clock;
      b.marks.push_back(std::move(m));
    }
    for (std::size_t i = 0; i < instruments; ++i) {
      auto& x = b.ticks[i * per_instrument + k];
      x.time = t;
      x.seq = seq++;
      x.epoch = 1;
      x.token = static_cast<std::uint32_t>(i);
      x.last = {100 * price_scale + static_cast<std::int64_t>((seq * 7919) % 1000) * 50'000'000};
      x.volume_or_size = static_cast<std::int64_t>((t - bench::market_open) / between_ticks * 75);
      x.oi = 10'000;
      x.fields = bar_input::volume | bar_input::open_interest;
      x.digest = seq;
    }
  }
  return b;
}

void ticks_to_bars(benchmark::State& st) {
  const auto instruments = static_cast<std::size_t>(st.range(0));
  const auto per_slice = static_cast<std::size_t>(st.range(1));
  const auto shared = bench::make_plan(static_cast<std::size_t>(st.range(2)));
  constexpr timestamp day_length = 6 * hour + 15 * minute;
  std::vector<bar_aggregator> all;
  std::vector<closed_bar> out;
  block b;
  timestamp now = bench::market_open;
  timestamp clock = 0;
  std::uint64_t seq = 1;
  std::uint64_t bars = 0;
  for (auto _ : st) {
    st.PauseTiming();
    if (all.empty() ||
        now - bench::market_open + static_cast<duration>(per_slice) * between_ticks > day_length) {
      all.clear();
      for (std::size_t i = 0; i < instruments; ++i) {
        all.emplace_back(shared, static_cast<std::uint32_t>(i));
      }
      now = bench::market_open;
      clock = 0;
    }
    b = make_block(instruments, per_slice, now, seq);
    st.ResumeTiming();
    for (std::size_t i = 0; i < instruments; ++i) {
      out.clear();
      all[i].consume({b.ticks.data() + i * per_slice, per_slice}, b.marks, clock, out);
      bars += out.size();
    }
    st.PauseTiming();
    now += static_cast<duration>(per_slice) * between_ticks;
    clock = b.marks.back().time;
    seq += b.ticks.size() + b.marks.size();
    st.ResumeTiming();
  }
  const auto ticks =
      static_cast<double>(st.iterations()) * static_cast<double>(instruments * per_slice);
  st.counters["ns/tick"] =
      benchmark::Counter(ticks / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  st.counters["bars/tick"] = static_cast<double>(bars) / ticks;
  std::string bytes;
  all[0].save(bytes);
  st.counters["saved_bytes"] = static_cast<double>(bytes.size());
}

}  // namespace

// Instruments, ticks per slice, timeframes.
BENCHMARK(ticks_to_bars)
    ->Args({1, 4'096, 1})
    ->Args({1, 4'096, 8})
    ->Args({500, 512, 8})
    ->Args({9'000, 29, 8})
    ->Args({9'000, 116, 8})
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
