// A bar as text for clients: ours, and the same bytes by nlohmann::json.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/protocol/binary.hpp"
#include "messages/protocol/json.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

std::vector<market::bar> some_bars() {
  std::vector<market::bar> all;
  std::uint64_t state = 5;
  const auto next = [&state](std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33U) % below;
  };
  const auto price = [&] {
    return market::price{static_cast<std::int64_t>(next(500'000)) * 50'000'000};
  };
  for (int i = 0; i < 4'096; ++i) {
    market::bar b;
    b.token = static_cast<std::uint32_t>(next(20'000'000));
    b.start = (1'795'837'500 + 60 * i) * market::second;
    b.end = b.start + market::minute;
    b.open = price();
    b.high = price();
    b.low = price();
    b.close = price();
    b.volume = static_cast<std::int64_t>(next(10'000'000));
    b.vwap = price();
    b.fields = market::bar::volume_known | market::bar::vwap_known;
    b.ticks = static_cast<std::uint32_t>(next(500));
    all.push_back(b);
  }
  return all;
}

std::string by_nlohmann(const market::bar& b) {
  const nlohmann::ordered_json j = {{"start", b.start / market::microsecond},
                                    {"end", b.end / market::microsecond},
                                    {"open", market::to_string(b.open)},
                                    {"high", market::to_string(b.high)},
                                    {"low", market::to_string(b.low)},
                                    {"close", market::to_string(b.close)},
                                    {"volume", b.volume},
                                    {"vwap", market::to_string(b.vwap)},
                                    {"ticks", b.ticks},
                                    {"flags", nlohmann::json::array()},
                                    {"revision", b.revision},
                                    {"final", true}};
  return j.dump();
}

/// Of this thread: what else the machine does is left out.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class Fn>
double rate(const std::vector<market::bar>& bars, int rounds, Fn&& fn) {
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto begin = cpu_seconds();
    for (int r = 0; r < rounds; ++r)
      for (const auto& b : bars) fn(b);
    const auto took = cpu_seconds() - begin;
    best = std::max(best, static_cast<double>(bars.size()) * rounds / took);
  }
  return best;
}

}  // namespace

int main() {
  const auto bars = some_bars();
  std::string out;
  for (const auto& b : bars) {
    out.clear();
    protocol::append_bar(out, b, true);
    if (out != by_nlohmann(b)) return std::fputs("the texts differ\n", stderr), 1;
  }
  std::size_t bytes = 0;
  const auto theirs = rate(bars, 2, [&](const market::bar& b) { bytes += by_nlohmann(b).size(); });
  const auto ours = rate(bars, 100, [&](const market::bar& b) {
    out.clear();
    protocol::append_bar(out, b, true);
    bytes += out.size();
  });
  const auto binary = rate(bars, 100, [&](const market::bar& b) {
    out.clear();
    protocol::append_binary_bar(out, b);
    bytes += out.size();
  });
  std::printf("a bar to JSON: %.2f M/s, nlohmann %.3f M/s: %.1f times (aim: 40); binary %.1f M/s\n",
              ours / 1e6, theirs / 1e6, ours / theirs, binary / 1e6);
  return bytes == 0 ? 1 : 0;
}
