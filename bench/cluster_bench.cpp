// Across processes, each beside one process in the same run: ticks/s from a recording played as
// fast as it is taken to the bar builders of one and of two compute nodes, and how long a tick
// takes to the live bar at a WebSocket client of the gateway.
// `cluster_bench [thousand ticks [rounds [seconds [ticks per second...]]]]`
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/bridge_market.hpp"
#include "bench/frame_relay.hpp"
#include "bench/live_latency.hpp"
#include "bench/measure.hpp"
#include "feed/recording/hex_frames.hpp"
#include "messages/record/record.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/places.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/ws_client.hpp"

namespace {

using namespace artham;         // NOLINT(google-build-using-namespace)
using namespace artham::bench;  // NOLINT(google-build-using-namespace)
using texts = std::vector<std::string>;

constexpr std::uint32_t instruments = 2000;
constexpr auto patience = std::chrono::seconds(180);

/// So that whatever was started is stopped.
[[noreturn]] void die(const std::string& what) {
  throw std::runtime_error(what);
}

double cpu_of(pid_t pid) {
  clockid_t clock{};
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) die("no CPU time");
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double load() {
  double one = 0;
  return getloadavg(&one, 1) == 1 ? one : 0;
}

/// Processes of artham: one that does everything by itself, or nodes with a Redis and a PostgreSQL.
class system_of {
 public:
  explicit system_of(int shards) : shards_(shards) {
    if (shards == 0) return;
    redis_ = std::make_unique<test::redis_server>();
    postgres_ = std::make_unique<test::postgres_server>(test::postgres_server::plain(
        {.durable = false, .scram = false, .under = {}, .roomy = true}));
  }

  /// Empty roles: all, alone.
  void start(const std::string& name, const std::string& roles, const texts& more) {
    auto& n = nodes_[name];
    n.web = test::free_port();
    const auto control = test::free_port();
    if (seed_ == 0) seed_ = control;
    texts all{test::program(), "run", "--data", dir_ / name};
    const auto set = [&](const std::string& what) {
      all.emplace_back("--set");
      all.push_back(what);
    };
    set("web.port=" + std::to_string(n.web));
    set("exchange.chains=false");
    if (!roles.empty()) {
      set("cluster.node=" + name);
      set("cluster.roles=" + roles);
      set("cluster.shards=" + std::to_string(shards_));
      set("cluster.port=" + std::to_string(control));
      set("cluster.seeds=127.0.0.1:" + std::to_string(seed_));
      set("bridge.redis.url=redis://127.0.0.1:" + std::to_string(redis_->port()));
      set("store.kind=postgres");
      set("store.postgres.url=" + postgres_->url());
    }
    all.insert(all.end(), more.begin(), more.end());
    n.process = std::make_unique<test::process>(std::move(all));
    if (!n.process->line()) die(name + ": " + n.process->errors());
  }
  [[nodiscard]] std::uint16_t web(const std::string& name) const { return nodes_.at(name).web; }
  /// Null while it does not answer.
  [[nodiscard]] nlohmann::json status(const std::string& name) const {
    try {
      return nlohmann::json::parse(test::http_get(web(name), "/v1/status").body, nullptr, false);
    } catch (const std::exception&) {
      return nullptr;
    }
  }
  [[nodiscard]] std::uint64_t metric(const std::string& name, const std::string& metric) const {
    const auto s = status(name);
    return s.is_object() && s.contains("metrics") ? s.at("metrics").value(metric, std::uint64_t{0})
                                                  : 0;
  }
  /// Each of these nodes has a shard.
  [[nodiscard]] bool each_has_bars(const texts& names) const {
    if (names.empty()) return true;
    const auto s = status(names.front());
    if (!s.is_object()) return false;
    std::set<std::string> holders;
    for (const auto& [lease, holder] : s.at("cluster").at("leases").items()) {
      if (lease.starts_with("bars:")) holders.insert(holder.get<std::string>());
    }
    return holders == std::set<std::string>(names.begin(), names.end());
  }
  [[nodiscard]] std::map<std::string, double> cpu() const {
    std::map<std::string, double> all;
    for (const auto& [name, n] : nodes_) all[name] = cpu_of(n.process->pid());
    if (redis_) all["redis"] = cpu_of(redis_->pid());
    return all;
  }
  [[nodiscard]] std::string errors() const {
    std::string all;
    for (const auto& [name, n] : nodes_) all += name + ": " + n.process->errors();
    return all;
  }
  ~system_of() {
    for (auto& [name, n] : nodes_) n.process->signal(SIGTERM);
    for (auto& [name, n] : nodes_) n.process->wait();
  }
  system_of(const system_of&) = delete;
  system_of& operator=(const system_of&) = delete;

 private:
  struct node {
    std::unique_ptr<test::process> process;
    std::uint16_t web = 0;
  };
  int shards_;
  test::scratch dir_;
  std::unique_ptr<test::redis_server> redis_;
  std::unique_ptr<test::postgres_server> postgres_;
  std::uint16_t seed_ = 0;
  std::map<std::string, node> nodes_;
};

std::uint64_t write_recording(const std::string& file, std::uint64_t ticks) {
  const auto m = make_bridge_market(instruments, ticks, 0, 4U << 20U);
  std::ofstream out(file, std::ios::binary);
  for (const auto& b : m.blocks) {
    std::string lines;
    record::for_each(*b, [&](const record::header&, std::uint64_t, std::string_view frame) {
      feed::recording::append_hex_line(lines, frame);
    });
    out << lines;
  }
  if (!out.flush()) die("cannot write " + file);
  return m.count;
}

/// Run by run: ticks/s from the first tick received to the last one given to a bar builder, and
/// microseconds of CPU a tick in each process meanwhile.
struct figures {
  std::vector<double> rate;
  std::map<std::string, std::vector<double>> cpu;
};

void play(figures& f, const std::string& recording, std::uint64_t ticks, int compute) {
  system_of s(compute);
  const texts plays{"--recording", recording, "--speed", "max"};
  texts builders;
  const auto end = steady::now() + patience;
  for (int i = 0; i < compute; ++i) {
    builders.push_back("compute-" + std::to_string(i + 1));
    s.start(builders.back(), "bars", {});
  }
  // What is played is over before a shard moves to who came later.
  while (!s.each_has_bars(builders)) {
    if (steady::now() > end) die("shards are not spread: " + s.errors());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::string first = compute == 0 ? "single" : "ingest";
  s.start(first, compute == 0 ? "" : "ingest", plays);
  if (compute == 0) builders.push_back(first);
  const auto built = [&] {
    std::uint64_t n = 0;
    for (const auto& name : builders) n += s.metric(name, "artham_bar_ticks_total");
    return n;
  };
  // What is behind the first tenth is measured: everybody is at work then.
  std::uint64_t from = 0;
  while ((from = built()) < ticks / 10) {
    if (steady::now() > end) die("no ticks come to the builders: " + s.errors());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const auto begun = steady::now();
  const auto cpu = s.cpu();
  while (built() < ticks) {
    if (steady::now() > end)
      die(std::to_string(built()) + " of " + std::to_string(ticks) + " ticks: " + s.errors());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const auto n = static_cast<double>(ticks - from);
  f.rate.push_back(n / seconds_since(begun));
  for (const auto& [name, used] : s.cpu()) f.cpu[name].push_back((used - cpu.at(name)) / n * 1e6);
}

void print(const char* name, const figures& f, const figures& single) {
  std::printf("  %-28s %9.0f ticks/s, %.2f of one process; CPU us/tick:", name, median(f.rate),
              median(f.rate) / median(single.rate));
  for (const auto& [process, cpu] : f.cpu) std::printf(" %s %.2f", process.c_str(), median(cpu));
  std::printf("\n");
  std::fflush(stdout);
}

void bench_rate(std::uint64_t wanted, int rounds) {
  const test::scratch dir;
  const auto recording = dir / "market.hex";
  const auto ticks = write_recording(recording, wanted);
  std::printf("%llu full-mode ticks of %u instruments, as fast as they are taken; load %.1f\n",
              static_cast<unsigned long long>(ticks), instruments, load());
  figures single, one, two;
  for (int i = 0; i < rounds; ++i) {
    play(single, recording, ticks, 0);
    play(one, recording, ticks, 1);
    play(two, recording, ticks, 2);
  }
  print("one process", single, single);
  print("ingest, one compute node", one, single);
  print("ingest, two compute nodes", two, single);
}

std::vector<double> latency(std::size_t rate, int seconds, bool in_cluster, double& cores,
                            double& came) {
  test::process exchange({test::program(), "exchange", "--synthetic", std::to_string(rate),
                          "--every-second", "--start", "subscribe", "--tokens-per-socket", "0"});
  const auto exchange_url = exchange.line();
  if (!exchange_url) die(exchange.errors());
  const auto exchange_port = port_in(*exchange_url);
  const auto tokens = some_tokens(exchange_port, 200);
  const frame_relay relay(exchange_port, {tokens.begin(), tokens.end()});
  system_of s(in_cluster ? 1 : 0);
  const texts feed{"--set", "feed.url=ws://127.0.0.1:" + std::to_string(relay.port()),
                   "--set", "feed.rest_url=http://127.0.0.1:" + std::to_string(exchange_port),
                   "--set", "feed.max_tokens_per_socket=" + std::to_string(rate)};
  std::string gateway = "single";
  if (in_cluster) {
    s.start("ingest", "ingest", feed);
    s.start("compute", "bars", {});
    s.start("store", "store", {});
    s.start("gateway", "gateway", {});
    gateway = "gateway";
  } else {
    s.start("single", "", feed);
  }
  const auto end = steady::now() + patience;
  while (s.metric(in_cluster ? "compute" : "single", "artham_bar_ticks_total") < rate ||
         !s.status(gateway).is_object()) {
    if (steady::now() > end) die("no ticks come to the builders: " + s.errors());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::map<std::string, double> cpu;
  std::uint64_t ticks = 0;
  auto all = live_latency(relay, s.web(gateway), tokens, seconds, [&] {
    cpu = s.cpu();
    ticks = relay.ticks();
  });
  cores = 0;
  for (const auto& [name, used] : s.cpu()) cores += (used - cpu.at(name)) / seconds;
  came = static_cast<double>(relay.ticks() - ticks) / seconds;
  return all;
}

void bench_latency(std::size_t rate, int seconds, int rounds) {
  std::printf("tick through the relay to its live 1m bar at a client, %zu ticks/s; load %.1f\n",
              rate, load());
  std::map<bool, std::map<double, std::vector<double>>> at;
  const std::vector<double> wanted{0.5, 0.99, 0.999};
  for (int i = 0; i < rounds; ++i) {
    for (const bool in_cluster : {false, true}) {
      double cores = 0;
      double came = 0;
      const auto all = latency(rate, seconds, in_cluster, cores, came);
      std::printf(
          "  %-12s p50 %7.2f ms, p99 %7.2f, p99.9 %7.2f, %zu bars; %.0f ticks/s, %.2f cores\n",
          in_cluster ? "four nodes" : "one process", quantile(all, 0.5), quantile(all, 0.99),
          quantile(all, 0.999), all.size(), came, cores);
      std::fflush(stdout);
      for (const auto q : wanted) at[in_cluster][q].push_back(quantile(all, q));
    }
  }
  std::printf("  four nodes to one process, medians:");
  for (const auto q : wanted) {
    const auto ours = median(at[true][q]);
    const auto single = median(at[false][q]);
    std::printf(" p%g %.2f ms / %.2f = %.1f", 100 * q, ours, single, ours / single);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto thousands = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  const int seconds = argc > 3 ? std::atoi(argv[3]) : 20;
  std::vector<std::size_t> rates;
  for (int i = 4; i < argc; ++i) rates.push_back(std::strtoul(argv[i], nullptr, 10));
  if (rates.empty()) rates = {20'000, 100'000};
  try {
    if (thousands != 0) bench_rate(thousands * 1000, rounds);
    if (seconds != 0) {
      for (const auto rate : rates) bench_latency(rate, seconds, rounds);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "cluster_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
