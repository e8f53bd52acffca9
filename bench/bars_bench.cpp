// The aggregation itself, on one core: ticks of 2,000 instruments, partitioned by instrument as bar
// builders get them, into final bars of 8 timeframes; and a fresh answer after every 1,000 ticks.
// Leaves in DIR what other tools need to do the same: ticks.csv, and the bars and figures of this
// program to compare with. `bars_bench DIR [million ticks] [rounds]`

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/bars_market.hpp"
#include "bench/measure.hpp"

namespace {

using namespace artham;         // NOLINT(google-build-using-namespace)
using namespace artham::bench;  // NOLINT(google-build-using-namespace)
using market::bar_aggregator;
using market::closed_bar;

constexpr std::uint32_t instruments = 2'000;
constexpr std::uint32_t ticks_per_second = 8'000;
constexpr std::size_t block_ticks = 262'144;
constexpr std::size_t ticks_per_answer = 1'000;
constexpr std::size_t answers = 100;
constexpr std::uint32_t all_timeframes = 0xff;

/// Of this thread.
double cpu_now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct spent {
  double wall = 0;
  double cpu = 0;
};

/// Adds what its life took to `into`.
class stopwatch {
 public:
  explicit stopwatch(spent& into) : into_(into), cpu_(cpu_now()) {}
  stopwatch(const stopwatch&) = delete;
  stopwatch& operator=(const stopwatch&) = delete;
  ~stopwatch() {
    into_.wall += seconds_since(begun_);
    into_.cpu += cpu_now() - cpu_;
  }

 private:
  spent& into_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double cpu_;
};

std::vector<bar_aggregator> make_builders() {
  const auto plan = make_plan();
  std::vector<bar_aggregator> all;
  for (std::uint32_t i = 0; i < instruments; ++i) all.emplace_back(plan, i);
  return all;
}

void consume(std::vector<bar_aggregator>& builders, const tick_block& b,
             std::vector<closed_bar>& out) {
  for (std::uint32_t i = 0; i < instruments; ++i) {
    builders[i].consume({b.ticks.data() + b.first[i], b.first[i + 1] - b.first[i]}, b.marks,
                        b.clock_before, out);
  }
}

struct round {
  spent aggregation;
  spent partitioning;
  std::vector<closed_bar> bars;
  std::size_t saved_bytes = 0;  ///< per builder
};

round run(std::uint64_t ticks) {
  round r;
  auto builders = make_builders();
  block_maker market(instruments, ticks_per_second);
  std::vector<market::bar_input> raw;
  tick_block block;
  std::vector<closed_bar> out;
  for (std::uint64_t done = 0; done < ticks; done += raw.size()) {
    market.next(std::min<std::uint64_t>(block_ticks, ticks - done), raw, block.marks);
    {
      const stopwatch w(r.partitioning);
      partition(raw, instruments, block);
    }
    {
      const stopwatch w(r.aggregation);
      out.clear();
      consume(builders, block, out);
    }
    r.bars.insert(r.bars.end(), out.begin(), out.end());
    block.clock_before = block.marks.back().time;
  }
  std::string state;
  for (const auto& b : builders) b.save(state);
  r.saved_bytes = state.size() / builders.size();
  partition({}, instruments, block);
  block.marks = {market.end_of_day()};
  consume(builders, block, r.bars);
  return r;
}

/// Seconds that it takes to fold 1,000 more ticks in and to have the forming bars of every
/// instrument and timeframe up to date.
double answer_seconds(std::uint64_t ticks) {
  auto builders = make_builders();
  block_maker market(instruments, ticks_per_second);
  std::vector<market::bar_input> raw;
  tick_block block;
  std::vector<closed_bar> out;
  std::vector<closed_bar> forming(instruments * 8);
  std::vector<double> each;
  const auto step = [&](std::uint64_t size) {
    market.next(size, raw, block.marks);
    spent s;
    {
      const stopwatch w(s);
      partition(raw, instruments, block);
      out.clear();
      consume(builders, block, out);
      for (std::uint32_t i = 0; i < instruments; ++i) {
        if (block.first[i] == block.first[i + 1]) continue;
        out.clear();
        builders[i].live(all_timeframes, out);
        for (const auto& b : out) forming[std::size_t{i} * 8 + b.timeframe] = b;
      }
    }
    if (!block.marks.empty()) block.clock_before = block.marks.back().time;
    return s.wall;
  };
  const auto before = ticks - answers * ticks_per_answer;
  for (std::uint64_t done = 0; done < before;) {
    const auto size = std::min<std::uint64_t>(block_ticks, before - done);
    step(size);
    done += size;
  }
  for (std::size_t i = 0; i < answers; ++i) each.push_back(step(ticks_per_answer));
  return median(each);
}

void write_ticks(const std::string& file, std::uint64_t ticks) {
  std::ofstream out(file, std::ios::binary);
  plain_market market(instruments, ticks_per_second);
  std::string text;
  for (std::uint64_t i = 0; i < ticks; ++i) {
    const auto t = market.next();
    for (const auto n : {std::int64_t{t.instrument}, t.microseconds, t.paise, t.size})
      text.append(std::to_string(n)).push_back(',');
    text.back() = '\n';
    if (text.size() > 1U << 20U) {
      out << text;
      text.clear();
    }
  }
  out << text;
  if (!out.flush()) std::abort();
}

/// timeframe, instrument, start in microseconds from the open, OHLC in paise, volume, ticks.
void write_bars(const std::string& file, const std::vector<closed_bar>& bars) {
  std::ofstream out(file, std::ios::binary);
  const auto paise = [](market::price p) { return p.units / (market::price_scale / 100); };
  for (const auto& c : bars) {
    const auto& b = c.bar;
    out << c.timeframe << ',' << b.token << ',' << (b.start - market_open) / 1'000 << ','
        << paise(b.open) << ',' << paise(b.high) << ',' << paise(b.low) << ',' << paise(b.close)
        << ',' << b.volume << ',' << b.ticks << '\n';
  }
  if (!out.flush()) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "bars_bench DIR [million ticks] [rounds]\n");
    return 2;
  }
  const std::filesystem::path dir = argv[1];
  const auto ticks = static_cast<std::uint64_t>((argc > 2 ? std::atof(argv[2]) : 16) * 1e6);
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  const auto millions = static_cast<double>(ticks) / 1e6;
  std::filesystem::create_directories(dir);
  auto last = run(ticks);  // a warm-up
  std::vector<double> wall, cpu, partitioned;
  for (int i = 0; i < rounds; ++i) {
    last = run(ticks);
    wall.push_back(millions / last.aggregation.wall);
    cpu.push_back(millions / last.aggregation.cpu);
    partitioned.push_back(millions / (last.aggregation.cpu + last.partitioning.cpu));
  }
  const auto answer = answer_seconds(ticks);
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  std::printf(
      "%.0f M ticks, %u instruments, 8 timeframes, %zu bars\n"
      "%-44s %7.2f M ticks/s of wall time %7.2f of CPU time (%.1f ns a tick)\n"
      "%-44s %7s %27.2f of CPU time\n"
      "%-44s %10.3f ms\n"
      "%-44s %7.1f KB each, saved\n",
      millions, instruments, last.bars.size(), "artham, partitioned ticks to final bars",
      median(wall), median(cpu), 1e3 / median(cpu), "artham, partitioning included", "",
      median(partitioned), "artham, fresh answer after 1,000 ticks", answer * 1e3,
      "artham, state of an instrument", static_cast<double>(last.saved_bytes) / 1e3);
  write_ticks(dir / "ticks.csv", ticks);
  write_bars(dir / "bars.csv", last.bars);
  std::ofstream(dir / "artham.json") << nlohmann::json{
      {"ticks", ticks},
      {"wall", median(wall)},
      {"cpu", median(cpu)},
      {"cpu_with_partitioning", median(partitioned)},
      {"answer_seconds", answer}}.dump();
  return 0;
}
