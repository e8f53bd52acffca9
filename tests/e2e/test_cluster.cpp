#include <doctest/doctest.h>

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

}  // namespace artham::test
