#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// ARTHAM_OTHER_PROGRAM: the program of another build, such as one with sanitizers, that must give
/// the same digests (script/soak digests).
std::vector<std::string> programs() {
  std::vector<std::string> all{program()};
  if (const char* other = std::getenv("ARTHAM_OTHER_PROGRAM")) all.emplace_back(other);
  return all;
}

/// The digest of each way to read a journal must be that of verify, which compares with what the
/// run stored.
void one_digest(const scratch& dir, const std::string& data) {
  const auto verified = artham::test::artham({"verify", "--data", data});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  const auto expected = digest_of(verified);
  for (const auto& replayer : programs()) {
    for (const auto* threads : {"1", "2", "4"}) {
      for (const auto* batch : {"1", "64", "4096", "262144"}) {
        INFO(replayer << ", " << threads << " threads, batches of " << batch);
        const auto replayed =
            run_to_end({replayer, "replay", "--journal", data, "--out", dir / "replayed", "--set",
                        std::string("runtime.threads=") + threads, "--set",
                        std::string("runtime.batch=") + batch});
        CHECK(digest_of(replayed) == expected);
      }
    }
  }
}

}  // namespace

TEST_CASE("a run with late ticks, losses and a kill has one digest, however it is replayed") {
  const scratch dir;
  const auto data = dir / "data";
  process exchange({program(), "exchange", "--synthetic", "40", "--speed", "60", "--disorder",
                    "delayed=20,duplicated=5,delay=30s,seed=3"});
  const auto url = exchange.line();
  REQUIRE_MESSAGE(url, exchange.errors());
  for (const auto signal : {SIGKILL, SIGTERM}) {
    node n(data, {"--set", "feed.url=" + *url, "--set", "feed.clock=exchange", "--set",
                  "bars.timeframes=10s 1m 5m"});
    REQUIRE(n.wait_for(
        [](const json& s) { return s["metrics"].value("artham_bars_revised_total.1m", 0) >= 5; }));
    n.stop(signal);
  }
  one_digest(dir, data);
}

TEST_CASE("a recording played paced and as fast as possible has one digest a run") {
  const scratch dir;
  for (const auto* speed : {"30", "max"}) {
    INFO("speed " << speed);
    const auto data = dir / speed;
    play_recording(data, {}, speed);
    one_digest(dir, data);
  }
}
