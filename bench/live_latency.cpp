#include "bench/live_latency.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/support/ws_client.hpp"

namespace artham::bench {
namespace {

[[noreturn]] void die(const std::string& what) {
  throw std::runtime_error("live bars: " + what);
}

}  // namespace

std::uint16_t port_in(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

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

std::vector<double> live_latency(const frame_relay& relay, std::uint16_t web,
                                 const std::vector<std::uint32_t>& tokens, int seconds,
                                 const std::function<void()>& begins) {
  test::ws_client client(web);
  std::string keys;
  for (const auto token : tokens) {
    keys += (keys.empty() ? "\"bar:TOKEN:" : ",\"bar:TOKEN:") + std::to_string(token) + ":1m\"";
  }
  client.send("{\"id\":1,\"op\":\"sub\",\"keys\":[" + keys + "]}");
  const auto subscribed =
      client.next_that([](const nlohmann::json& m) { return m.contains("id"); });
  if (!subscribed || !subscribed->value("ok", false))
    die(subscribed ? subscribed->dump() : "no answer");

  const auto warm = steady::now() + std::chrono::seconds(5);
  const auto end = warm + std::chrono::seconds(seconds);
  bool measuring = false;
  std::vector<double> milliseconds;
  for (auto now = steady::now(); now < end; now = steady::now()) {
    if (!measuring && now >= warm) {
      measuring = true;
      begins();
    }
    const auto message = client.next();
    if (!message) die("the stream ended");
    if (!measuring || message->value("ev", "") != "bar" || (*message)["bar"].value("final", true))
      continue;
    const auto received = steady::now();
    const auto& key = (*message)["key"].get_ref<const std::string&>();
    const auto token = static_cast<std::uint32_t>(std::stoul(key.substr(sizeof "bar:TOKEN:" - 1)));
    const auto& bar = (*message)["bar"];
    const auto sent = relay.sent(token, bar["start"].get<std::int64_t>() / 1'000'000,
                                 bar["ticks"].get<std::size_t>());
    if (!sent) die("a bar of ticks that were not sent: " + message->dump());
    milliseconds.push_back(std::chrono::duration<double, std::milli>(received - *sent).count());
  }
  if (milliseconds.empty()) die("none came");
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds;
}

double quantile(const std::vector<double>& rising, double q) {
  return rising[static_cast<std::size_t>(q * static_cast<double>(rising.size() - 1))];
}

}  // namespace artham::bench
