// The program under a live feed: its CPU, and how long a tick takes from its socket to the live bar
// at a WebSocket client. Exchange, program and this client are processes of their own; the client
// relays the exchange's bytes to the program and so knows when each tick went there.
// `live_bench [ticks per second] [seconds] [watched instruments]`

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bench/frame_relay.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"
#include "tests/support/ws_client.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using bench::steady;

std::uint16_t port_in(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// CPU seconds that a process's threads of each name have used.
std::map<std::string, double> cpu_by_thread(pid_t pid) {
  std::map<std::string, double> all;
  const std::string dir = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::ifstream in(entry.path() / "stat");
    const std::string line{std::istreambuf_iterator<char>(in), {}};
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    std::istringstream fields(line.substr(close + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double kernel = 0;
    fields >> user >> kernel;
    all[line.substr(open + 1, close - open - 1)] +=
        (user + kernel) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  return all;
}

std::vector<std::uint32_t> some_tokens(std::uint16_t exchange, std::size_t wanted) {
  std::istringstream list(test::http_get(exchange, "/instruments").body);
  std::vector<std::uint32_t> all;
  std::string line;
  std::getline(list, line);
  while (std::getline(list, line)) all.push_back(static_cast<std::uint32_t>(std::stoul(line)));
  std::vector<std::uint32_t> some;
  const auto step = std::max<std::size_t>(all.size() / wanted, 1);
  for (std::size_t i = 0; i < all.size() && some.size() < wanted; i += step) some.push_back(all[i]);
  return some;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rate = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 30;
  const std::size_t watched = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 200;

  const test::scratch data;
  test::process exchange({artham::test::program(), "exchange", "--synthetic", std::to_string(rate),
                          "--every-second", "--start", "subscribe", "--tokens-per-socket", "0"});
  const auto exchange_url = exchange.line();
  if (!exchange_url) return std::fputs(exchange.errors().c_str(), stderr), 1;
  const auto exchange_port = port_in(*exchange_url);
  const auto tokens = some_tokens(exchange_port, watched);
  const bench::frame_relay relay(exchange_port, {tokens.begin(), tokens.end()});
  test::process program({artham::test::program(), "run", "--data", data.path().string(), "--set",
                         "web.port=0", "--set",
                         "feed.url=ws://127.0.0.1:" + std::to_string(relay.port()), "--set",
                         "feed.rest_url=http://127.0.0.1:" + std::to_string(exchange_port), "--set",
                         "feed.max_tokens_per_socket=" + std::to_string(rate)});
  const auto url = program.line();
  if (!url) return std::fputs(program.errors().c_str(), stderr), 1;

  test::ws_client client(port_in(*url));
  std::string keys;
  for (const auto token : tokens) {
    keys += (keys.empty() ? "\"bar:TOKEN:" : ",\"bar:TOKEN:") + std::to_string(token) + ":1m\"";
  }
  client.send("{\"id\":1,\"op\":\"sub\",\"keys\":[" + keys + "]}");
  const auto subscribed = client.next();
  if (!subscribed || !subscribed->value("ok", false)) {
    return std::fprintf(stderr, "%s\n", subscribed ? subscribed->dump().c_str() : "no answer"), 1;
  }

  const auto warm = steady::now() + std::chrono::seconds(5);
  const auto end = warm + std::chrono::seconds(seconds);
  bool measuring = false;
  std::map<std::string, double> cpu_before;
  std::uint64_t ticks_before = 0;
  std::vector<double> milliseconds;
  for (auto now = steady::now(); now < end; now = steady::now()) {
    if (!measuring && now >= warm) {
      measuring = true;
      cpu_before = cpu_by_thread(program.pid());
      ticks_before = relay.ticks();
    }
    const auto message = client.next();
    if (!message)
      return std::fprintf(stderr, "the stream ended: %s\n", program.errors().c_str()), 1;
    if (!measuring || message->value("ev", "") != "bar" || (*message)["bar"].value("final", true))
      continue;
    const auto received = steady::now();
    const auto& key = (*message)["key"].get_ref<const std::string&>();
    const auto token = static_cast<std::uint32_t>(std::stoul(key.substr(sizeof "bar:TOKEN:" - 1)));
    const auto& bar = (*message)["bar"];
    const auto sent = relay.sent(token, bar["start"].get<std::int64_t>() / 1'000'000,
                                 bar["ticks"].get<std::size_t>());
    if (!sent)
      return std::fprintf(stderr, "a bar of ticks that were not sent: %s\n",
                          message->dump().c_str()),
             1;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(received - *sent).count());
  }
  const auto cpu = cpu_by_thread(program.pid());
  const auto ticks = relay.ticks() - ticks_before;
  std::sort(milliseconds.begin(), milliseconds.end());
  if (milliseconds.empty()) return std::fputs("no live bar came\n", stderr), 1;
  const auto at = [&](double q) {
    return milliseconds[static_cast<std::size_t>(q * static_cast<double>(milliseconds.size() - 1))];
  };
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
