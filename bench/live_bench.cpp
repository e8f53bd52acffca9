// The program under a live feed: its CPU, and how long a tick takes from its socket to the live bar
// at a WebSocket client. Exchange, program and this client are processes of their own; the client
// relays the exchange's bytes to the program and so knows when each tick went there.
// `live_bench [ticks per second] [seconds] [watched instruments]`

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/frame_relay.hpp"
#include "bench/live_latency.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)

namespace {

int measure(int argc, char** argv) {
  const std::size_t rate = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 30;
  const std::size_t watched = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 200;

  const test::scratch data;
  test::process exchange({artham::test::program(), "exchange", "--synthetic", std::to_string(rate),
                          "--every-second", "--start", "subscribe", "--tokens-per-socket", "0"});
  const auto exchange_url = exchange.line();
  if (!exchange_url) return std::fputs(exchange.errors().c_str(), stderr), 1;
  const auto exchange_port = bench::port_in(*exchange_url);
  const auto tokens = bench::some_tokens(exchange_port, watched);
  const bench::frame_relay relay(exchange_port, {tokens.begin(), tokens.end()});
  test::process program({artham::test::program(), "run", "--data", data.path().string(), "--set",
                         "web.port=0", "--set",
                         "feed.url=ws://127.0.0.1:" + std::to_string(relay.port()), "--set",
                         "feed.rest_url=http://127.0.0.1:" + std::to_string(exchange_port), "--set",
                         "feed.max_tokens_per_socket=" + std::to_string(rate)});
  const auto url = program.line();
  if (!url) return std::fputs(program.errors().c_str(), stderr), 1;

  std::map<std::string, double> cpu_before;
  std::uint64_t ticks_before = 0;
  const auto milliseconds = bench::live_latency(relay, bench::port_in(*url), tokens, seconds, [&] {
    cpu_before = bench::cpu_by_thread(program.pid());
    ticks_before = relay.ticks();
  });
  const auto cpu = bench::cpu_by_thread(program.pid());
  const auto ticks = relay.ticks() - ticks_before;
  const auto at = [&](double q) { return bench::quantile(milliseconds, q); };
  double sum = 0;
  for (const auto& [name, used] : cpu) sum += used - cpu_before[name];
  std::printf("%.0f ticks/s for %d s: %.3f cores (aim: below 0.5)\n",
              static_cast<double>(ticks) / seconds, seconds, sum / seconds);
  std::vector<std::pair<double, std::string>> parts;
  for (const auto& [name, used] : cpu)
    parts.emplace_back((used - cpu_before[name]) / seconds, name);
  std::sort(parts.rbegin(), parts.rend());
  for (const auto& [cores, name] : parts) {
    if (cores >= 0.001) std::printf("  %-16s %.3f\n", name.c_str(), cores);
  }
  std::printf(
      "tick to live bar at the client, %zu bars: p50 %.2f ms, p90 %.2f, p99 %.2f (aim: 10), max "
      "%.2f\n",
      milliseconds.size(), at(0.5), at(0.9), at(0.99), milliseconds.back());
  program.signal(SIGTERM);
  return program.wait();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "live_bench: %s\n", e.what());
    return 1;
  }
}
