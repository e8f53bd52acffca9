#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/in_postgres.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// Sanitizers hold on to what is freed, and are slow, as is what the compiler did not optimise.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool is_measured = true;
#else
constexpr bool is_measured = false;
#endif

using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

/// VmRSS or RssAnon of a process, in MiB.
double mib_of(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == field + ":" && status >> kib) return kib / 1024;
  }
  return 0;
}

std::uint64_t received(const json& s) {
  return s.value("ticks_received", std::uint64_t{0});
}
std::uint64_t stored_ticks(const json& s) {
  return s["metrics"].value("artham_store_rows_total.md:ticks", std::uint64_t{0});
}

http_answer bars(const node& n) {
  return http_get(n.port(), "/v1/bars?instrument=256265&timeframe=1m&limit=1000");
}

}  // namespace

TEST_CASE(
    "a feed of 20,000 ticks a second with its database away: memory, backlog, what is there") {
  // ARTHAM_OUTAGE_SECONDS: script/soak outage takes ten minutes.
  const auto away = number("ARTHAM_OUTAGE_SECONDS", 12);
  // The rows that wait in memory are those of two transactions of each of the two writers, and
  // there are fewer than come in the shortest outage. A row with its packet takes some 400 bytes;
  // bars wait as well, and a node's memory grows a little in its first minutes, outage or not.
  const std::uint64_t batch = away < 60 ? 8192 : 65'536;
  const double allowed = 24 + static_cast<double>(batch) * 4 * 600 / (1 << 20);
  const std::vector<std::string> timeframes{"1m", "5m"};
  const scratch dir;
  const auto data = dir / "data";
  auto server = postgres_server::plain();
  const database db{&server};
  process exchange({artham::test::program(), "exchange", "--synthetic", "2000", "--every-second",
                    "--speed", "10", "--date", "2026-11-20"});
  const auto url = exchange.line();
  REQUIRE(url);
  auto options = db.settings();
  // A market of ten times the speed: what goes by its time is made ten times as long.
  for (const auto& s :
       {"feed.url=" + *url, std::string("bars.timeframes=1m 5m"),
        std::string("bars.revision_horizon=10s"), std::string("bridge.local.tail_bytes=4MiB"),
        std::string("features.interval=10s"), std::string("features.instrument_interval=50s"),
        "store.batch=" + std::to_string(batch)})
    options.insert(options.end(), {"--set", s});
  {
    node n(data, options);
    const auto pid = n.process().pid();
    double before = 0;
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) {
      before = std::max(before, mib_of(pid, "RssAnon"));
      return received(s) > 160'000 && stored_ticks(s) > 100'000;
    }),
                    n.process().errors());

    server.stop(postgres_server::how::immediate);
    const auto stopped = clock_type::now();
    const auto at_stop = received(n.get("/v1/status"));
    double most = 0;
    double resident = 0;
    bool told = false;
    std::uint64_t at_start = 0;
    while (seconds_since(stopped) < static_cast<double>(away)) {
      REQUIRE(n.wait_for([&](const json& s) {
        told = told || store_waits(s);
        at_start = received(s);
        return true;
      }));
      most = std::max(most, mib_of(pid, "RssAnon"));
      resident = std::max(resident, mib_of(pid, "VmRSS"));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const auto feed_rate = static_cast<double>(at_start - at_stop) / seconds_since(stopped);
    MESSAGE("away for " << away << " s at " << static_cast<int>(feed_rate)
                        << " ticks/s; private memory " << before << " MiB before, " << most
                        << " MiB at the most meanwhile (" << resident << " with mapped files)");
    CHECK(told);
    if (is_measured) CHECK(most < before + allowed);

    const auto first = stored_ticks(n.get("/v1/status"));
    server.start();
    const auto started = clock_type::now();
    clock_type::time_point goes;
    std::uint64_t at_first = first;
    std::uint64_t last = first;
    // Until it is less than a second of the feed behind.
    const auto caught_up = [&](const json& s) {
      most = std::max(most, mib_of(pid, "RssAnon"));
      last = stored_ticks(s);
      if (at_first == first && last != first) {
        goes = clock_type::now();
        at_first = last;
      }
      return last + static_cast<std::uint64_t>(feed_rate) >= received(s);
    };
    bool done = false;
    while (!done && seconds_since(started) < 60 + static_cast<double>(away))
      done = n.wait_for(caught_up);
    REQUIRE_MESSAGE(done, n.get("/v1/status").dump(1));
    const auto drain = static_cast<double>(last - at_first) / seconds_since(goes);
    MESSAGE("stored " << last - first << " ticks at " << static_cast<int>(drain)
                      << " ticks/s, the feed going on: " << drain / feed_rate
                      << " times its rate; caught up " << seconds_since(started)
                      << " s after the database's start, the first "
                      << std::chrono::duration<double>(goes - started).count()
                      << " s of it until the next try; private memory " << most << " MiB");
    if (is_measured) {
      CHECK(feed_rate > 10'000);
      // Besides the rows, what they become for the server, and the blocks that they were read of.
      CHECK(most < before + 2 * allowed);
      CHECK(drain > 2.5 * feed_rate);
    }
    CHECK(n.wait_for([](const json& s) { return !store_waits(s); }));
    exchange.signal(SIGKILL);
    exchange.wait();
    CHECK(n.stop() == 0);
  }
  prove(data, db, timeframes, options);
}

TEST_CASE("who asks for bars while the database is away is told so, and gets them afterwards") {
  const scratch dir;
  auto server = postgres_server::plain();
  const database db{&server};
  auto options = db.settings();
  for (const auto* o : {"--recording", recording.c_str(), "--speed", "max", "--set",
                        "bars.timeframes=10s 1m 5m 1D"})
    options.emplace_back(o);
  node n(dir / "data", options);
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  const auto before = bars(n);
  REQUIRE(before.status == 200);
  CHECK_FALSE(json::parse(before.body)["bars"].empty());
  const auto is_told = [&] {
    const auto a = bars(n);
    INFO(a.body);
    CHECK(a.status == 503);
    CHECK(a.body.find("postgresql://127.0.0.1:" + std::to_string(server.port()) + "/artham") !=
          std::string::npos);
  };
  const auto works = [&] {
    CHECK(n.wait_for([&](const json&) { return bars(n).status == 200; }));
    CHECK(bars(n).body == before.body);
  };
  server.stop();
  is_told();
  is_told();
  server.start();
  works();
  server.kill();
  is_told();
  server.start();
  works();
  server.freeze();
  is_told();
  server.thaw();
  works();
  CHECK(n.stop() == 0);
}
