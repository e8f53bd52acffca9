#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/e2e/cluster.hpp"

namespace artham::test {
namespace {

const std::vector<std::string> plays{"--recording", recording, "--speed", "max"};

void start_five(cluster& c, const std::vector<std::string>& ingest) {
  c.start("ingest", "ingest", ingest);
  c.start("compute-a", "bars,features");
  c.start("compute-b", "bars,features");
  c.start("store", "store");
  c.start("gateway", "gateway");
}

}  // namespace

TEST_CASE("five processes make of a recording what one makes of their md:ticks") {
  for (const int shards : {1, 2}) {
    CAPTURE(shards);
    cluster c(shards);
    start_five(c, plays);
    REQUIRE_MESSAGE(c.played("ingest"), c.log());
    CHECK(c.stop("ingest") == 0);
    c.prove("ingest");
  }
}

TEST_CASE("chains of five processes are those that one makes of their md:ticks") {
  cluster c(2);
  start_five(c,
             {"--speed", "20", "--set", "exchange.chains=true", "--set", "exchange.instruments=8"});
  const auto chains = [&] {
    try {
      return std::stoi(c.postgres.sql("SELECT count(*) FROM artham.chain_features"));
    } catch (const std::runtime_error&) {
      return 0;
    }
  };
  REQUIRE_MESSAGE(eventually([&] { return chains() > 500; }, std::chrono::seconds(90)), c.log());
  CHECK(c.stop("ingest") == 0);
  c.prove("ingest");
}

}  // namespace artham::test
