#include <doctest/doctest.h>

#include <vector>

#include "market/feature/shard_map.hpp"
#include "tests/market/chain_support.hpp"

using namespace artham::market;
using namespace artham::market::feature;

TEST_CASE("an underlying is in one shard with its futures and options") {
  auto list = chain_test::nifty(date{20'430}, {24'000, 24'500, 25'000});
  instrument formula;
  formula.token = 4'000'000'001;
  formula.exchange = std::string(synthetic_exchange);
  formula.symbol = "BASIS";
  formula.name = "NSE";
  list.push_back(formula);
  const auto plan = chain_test::plan_of(list);
  for (const std::uint32_t shards : {1U, 2U, 3U, 8U, 64U}) {
    const shard_map map(*plan, shards);
    const auto at = map.of(chain_test::spot_token);
    CHECK(at == shard_of_group("NIFTY", shards));
    CHECK(map.of(chain_test::future_token) == at);
    for (const int strike : {24'000, 24'500, 25'000}) {
      CHECK(map.of(chain_test::option_token(strike, true)) == at);
      CHECK(map.of(chain_test::option_token(strike, false)) == at);
    }
    CHECK(map.of(formula.token) == shard_of_group("SYN:BASIS", shards));
    CHECK(map.of(77) == shard_of_group("TOKEN:77", shards));
    CHECK(map.shards() == shards);
  }
}

TEST_CASE("where a group belongs is for ever") {
  // Streams in Redis and positions in stores were made by these.
  CHECK(shard_of_group("NIFTY", 8) == 2);
  CHECK(shard_of_group("BANKNIFTY", 8) == 1);
  CHECK(shard_of_group("NSE:INFY", 8) == 5);
  CHECK(shard_of_group("", 8) == 1);
}

TEST_CASE("groups spread evenly") {
  std::vector<int> count(7);
  for (std::uint32_t token = 0; token < 7'000; ++token) {
    ++count[shard_of_group("NSE:S" + std::to_string(token), 7)];
  }
  for (const int n : count) {
    CHECK(n > 850);
    CHECK(n < 1'150);
  }
}
