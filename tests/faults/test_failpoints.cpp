#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/faults/store_points.hpp"
#include "tests/support/eventually.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// How a run comes to pass a point.
enum class way {
  running,       ///< the first run does by itself
  stopping,      ///< the first run, told to stop when it has ticks
  restart,       ///< the run after a kill
  continued,     ///< the run after an orderly end
  new_settings,  ///< the run after a kill, with other rules for bars
  power_loss,    ///< the run after a kill that also lost what was not synced
};

/// A point, and the passings of which one is chosen: a run surely has so many.
struct point {
  const char* name;
  std::uint64_t first;
  std::uint64_t last;
  way how = way::running;
};

constexpr point in_journal[] = {
    {"ingest.read", 1, 100},
    {"ingest.appended", 1, 100},
    {"ingest.appended", 1, 1, way::restart},  // the epoch's beginning and the gap
    {"journal.ticks.half", 1, 40},
    {"journal.ticks.half", 1, 1, way::restart},
    {"journal.ticks.written", 1, 40},
    {"journal.ticks.written", 1, 1, way::restart},
    {"journal.ticks.unsynced", 1, 5},
    {"journal.ticks.synced", 1, 5},
    {"journal.bars.half", 1, 12},
    {"journal.bars.written", 1, 12},
    {"journal.bars.unsynced", 1, 6},
    {"journal.bars.synced", 1, 6},
    {"segment.ended", 1, 3},
    {"segment.created", 1, 4},
    {"segment.headed", 1, 4},
    {"segment.synced", 1, 3},
    {"file.half", 1, 3},
    {"file.written", 1, 3},
    {"file.synced", 1, 3},
    {"file.renamed", 1, 3},
    {"open.truncated", 1, 2, way::restart},
    {"open.tail_cut", 1, 2, way::restart},
    {"open.mended", 1, 1, way::restart},
    {"cut.begun", 1, 1, way::power_loss},
    {"cut.truncated", 1, 1, way::power_loss},
};

/// Tried by tests/bridge/test_orphans.cpp, which needs no program for them.
constexpr const char* in_orphans[] = {"orphan.copied", "orphan.noted", "orphan.renamed",
                                      "orphan.cut"};

// The first checkpoint is taken as soon as there is anything, the second at the end.
constexpr point in_bars[] = {
    {"bars.dispatched", 1, 50},
    {"bars.answered", 1, 300},
    {"bars.closed", 1, 8},
    {"bars.appended", 1, 8},
    {"bars.restored", 1, 1, way::continued},
    {"bars.refilled", 1, 30, way::continued},
    {"features.dispatched", 1, 50},
    {"features.dispatched", 1, 1, way::new_settings},
    {"features.answered", 1, 100},
    {"features.appended", 1, 8},
    {"checkpoint.barrier", 1, 1},
    {"checkpoint.barrier", 2, 2, way::stopping},
    {"checkpoint.gathered", 1, 1},
    {"checkpoint.gathered", 2, 2, way::stopping},
    {"checkpoint.half", 2, 2, way::stopping},
    {"checkpoint.written", 2, 2, way::stopping},
    {"checkpoint.synced", 2, 2, way::stopping},
    {"checkpoint.renamed", 2, 2, way::stopping},
    {"checkpoint.kept", 2, 2, way::stopping},
    {"checkpoint.removed", 1, 2},
    {"rules.begun", 1, 1, way::new_settings},
    {"rules.finished", 1, 1, way::new_settings},
};

constexpr point in_store[] = {
    {"store.instruments", 1, 1},
    {"store.begun", 1, 10},
    {"store.rows", 1, 10},
    {"store.positioned", 1, 10},
    {"store.committed", 1, 10},
    {"alerts.begun", 1, 1},
    {"alerts.written", 1, 1},
    {"alerts.committed", 1, 1},
    {"hub.finals", 1, 4},
    {"start.storage", 1, 1},
    {"start.storage", 1, 1, way::restart},
    {"start.objects", 1, 1},
    {"start.objects", 1, 1, way::restart},
    {"stop.checkpointed", 1, 1, way::stopping},
    {"stop.actors", 1, 1, way::stopping},
    {"stop.journal", 1, 1, way::stopping},
};

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

const std::string failing_program =
    fs::path(artham::test::program()).parent_path() / "artham_failpoints";

bool eventually(const std::function<bool()>& condition) {
  return artham::test::eventually(condition, std::chrono::seconds(60));
}

/// A data directory, the exchange that fills it, and the runs on it.
class trial {
 public:
  trial()
      : exchange_({artham::test::program(), "exchange", "--synthetic", "60", "--speed", "40",
                   "--every-second", "--date", "2026-11-20"}) {
    const auto url = exchange_.line();
    REQUIRE(url);
    set("feed.url=" + *url);
    set("exchange.chains=false");
    set("feed.backoff_min=50ms");
    set("store.ticks=table");
    set("bars.timeframes=5s 30s 1m");
    set("bars.checkpoint_interval=1s");
    // The oldest of several checkpoints are removed.
    fs::create_directories(data() + "/checkpoints");
    for (int i = 1; i <= 5; ++i) {
      const auto name = "0000000000-" + std::string(19, '0') + std::to_string(i) + ".ckpt";
      std::ofstream(data() + "/checkpoints/" + name) << "an older one";
    }
  }

  [[nodiscard]] std::string data() const { return dir_ / "data"; }
  void set(const std::string& setting) { options_.insert(options_.end(), {"--set", setting}); }

  /// Runs until so many ticks have come, and bars of them are final and, if wanted, stored; ends it
  /// by `signal`. The number of ticks.
  std::uint64_t run(std::uint64_t ticks, int signal, bool stored = true) {
    node n(data(), options_);
    std::uint64_t received = 0;
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) {
      received = s.value("ticks_received", std::uint64_t{0});
      const auto count = [&](const char* name) { return s["metrics"].value(name, 0U); };
      return received >= ticks && count("artham_bars_final_total.5s") >= 60 &&
             (!stored || (count("artham_store_rows_total.md:ticks") >= ticks &&
                          count("artham_store_rows_total.md:bars:final.5s") >= 60));
    }),
                    n.process().errors());
    n.stop(signal);
    return received;
  }

  /// A run that passes the point for the n-th time and ends there.
  void run_into(const point& p, std::uint64_t n) {
    const auto wanted = std::string(p.name) + ":" + std::to_string(n);
    std::vector<std::string> args{failing_program, "run", "--data", data(), "--set", "web.port=0"};
    args.insert(args.end(), options_.begin(), options_.end());
    setenv("ARTHAM_FAILPOINT", wanted.c_str(), 1);
    process run(args);
    unsetenv("ARTHAM_FAILPOINT");
    if (p.how == way::stopping) {
      // None: the point came before it had told where it is.
      const auto url = run.line();
      REQUIRE_MESSAGE((url || run.wait_for(std::chrono::seconds(1))), run.errors());
      REQUIRE(eventually([&] {
        if (run.wait_for(std::chrono::seconds(0))) return true;
        try {
          const auto status =
              json::parse(http_get(port_of(*url), "/v1/status").body, nullptr, false);
          return status.is_object() && status.value("ticks_received", 0) > 1500;
        } catch (const std::exception&) {
          return false;  // it has just ended
        }
      }));
      if (!run.wait_for(std::chrono::seconds(0))) run.signal(SIGTERM);
    }
    const auto ended = run.wait_for(std::chrono::seconds(60));
    REQUIRE_MESSAGE(ended, "not reached: " << run.errors());
    REQUIRE_MESSAGE(*ended == 128 + SIGKILL, run.errors());
  }

  /// A run that ends by a power cut: of the ticks only half of what was written is there, and
  /// nothing of that half was told to be durable.
  void run_until_power_loss() {
    const auto options = options_;
    set("bridge.local.sync_interval=10s");
    const auto ticks = run(4000, SIGKILL, false);
    options_ = options;
    REQUIRE_MESSAGE(std::stoull(sql(data(), "SELECT COALESCE(MAX(seq), 0) FROM ticks")) * 3 < ticks,
                    "the machine took ten seconds for one: what was synced cannot be lost");
    const auto last = segments(data(), "md:ticks").back();
    fs::resize_file(last, fs::file_size(last) / 2);
  }

  /// Goes on for a while, and proves what is there.
  void prove() {
    run(1500, SIGTERM);
    const auto verified = artham::test::artham({"verify", "--data", data()});
    CHECK_MESSAGE(verified.code == 0, verified.out << verified.err);
    CHECK(verified.out.find("\ndifferences 0\n") != std::string::npos);
    CHECK(verified.out.find("\nticks ") != std::string::npos);
    const auto replayed =
        artham::test::artham({"replay", "--journal", data(), "--out", dir_ / "out"});
    REQUIRE_MESSAGE(replayed.code == 0, replayed.err);
    CHECK(digest_of(replayed) == digest_of(verified));
    // Every instrument ticks every second: outside of gaps none misses one.
    CHECK(sql(data(),
              "WITH t AS (SELECT instrument_id, exchange_ts, LAG(exchange_ts) OVER (PARTITION BY "
              "instrument_id ORDER BY seq) AS previous FROM ticks) SELECT COUNT(*) FROM t WHERE "
              "exchange_ts > previous + 2000000000 AND NOT EXISTS (SELECT 1 FROM gaps WHERE "
              "from_ts <= exchange_ts AND to_ts + 1000000000 >= previous)") == "0\n");
  }

 private:
  scratch dir_;
  process exchange_;
  std::vector<std::string> options_;
};

void try_point(const point& p, std::uint64_t seed) {
  std::seed_seq mixed{seed, std::uint64_t{std::hash<std::string>{}(p.name)},
                      static_cast<std::uint64_t>(p.how)};
  std::mt19937_64 random(mixed);
  const auto n = p.first + random() % (p.last - p.first + 1);
  INFO(p.name << ":" << n << ", way " << static_cast<int>(p.how) << ", seed " << seed);
  trial t;
  switch (p.how) {
    case way::running:
    case way::stopping:
      break;
    case way::continued:
      t.run(1500, SIGTERM);
      break;
    case way::power_loss:
      t.run_until_power_loss();
      break;
    case way::new_settings:
      t.run(1500, SIGKILL);
      t.set("bars.lateness=2s");
      break;
    case way::restart:
      t.run(1500, SIGKILL);
      break;
  }
  // Segments of a fraction of a second.
  t.set("bridge.local.segment_bytes=64KiB");
  t.run_into(p, n);
  t.prove();
}

void try_points(std::span<const point> points) {
  const auto first = number("ARTHAM_FAILPOINT_SEED", 1);
  const auto seeds = number("ARTHAM_FAILPOINT_SEEDS", 1);
  const char* const only = std::getenv("ARTHAM_FAILPOINT_ONLY");
  for (auto seed = first; seed < first + seeds; ++seed) {
    for (const auto& p : points) {
      if (only == nullptr || std::string(only) == p.name) try_point(p, seed);
    }
  }
}

}  // namespace

TEST_CASE("killed anywhere in the journal, the next start makes it good") {
  try_points(in_journal);
}

TEST_CASE("killed anywhere between a tick and a checkpoint, the next start makes it good") {
  try_points(in_bars);
}

TEST_CASE(
    "killed anywhere in the store, at the start and at the end, the next start makes it good") {
  try_points(in_store);
}

TEST_CASE("every point that the sources have is tried") {
  std::set<std::string> tried;
  for (const auto& points : {std::span<const point>(in_journal), std::span<const point>(in_bars),
                             std::span<const point>(in_store)}) {
    for (const auto& p : points) tried.insert(p.name);
  }
  for (const auto& p : store_points) tried.insert(p.name);
  for (const auto* name : in_orphans) tried.insert(name);
  std::set<std::string> there;
  const std::regex call("failpoint\\([^;{]*");
  const std::regex name("\"([a-z_]+\\.[a-z_.]+)\"");
  for (const auto* folder : {"actors", "app", "bridge", "store"}) {
    for (const auto& e : fs::recursive_directory_iterator(source_dir() + "/" + folder)) {
      if (e.path().extension() != ".cpp") continue;
      const auto text = read_file(e.path());
      for (std::sregex_iterator c(text.begin(), text.end(), call), end; c != end; ++c) {
        const auto inside = c->str();
        for (std::sregex_iterator q(inside.begin(), inside.end(), name); q != end; ++q) {
          there.insert((*q)[1]);
        }
      }
    }
  }
  CHECK(there == tried);
}

TEST_CASE("the program itself has no failpoints") {
  const scratch dir;
  setenv("ARTHAM_FAILPOINT", "start.storage:1", 1);
  const auto of_users = run_to_end({artham::test::program(), "run", "--data", dir / "one", "--set",
                                    "feed.url=ws://127.0.0.1:1"});
  const auto of_tests = run_to_end(
      {failing_program, "run", "--data", dir / "two", "--set", "feed.url=ws://127.0.0.1:1"});
  setenv("ARTHAM_FAILPOINT", "start.storage", 1);
  const auto mistaken = run_to_end({failing_program, "run", "--data", dir / "three"});
  unsetenv("ARTHAM_FAILPOINT");
  CHECK(of_users.code == 3);
  CHECK(of_tests.code == 128 + SIGKILL);
  CHECK(mistaken.code == 2);
  CHECK(mistaken.err.find("expected name:n") != std::string::npos);
}
