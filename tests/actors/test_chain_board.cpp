#include <doctest/doctest.h>

#include <utility>

#include "actors/session/chain_board.hpp"
#include "messages/actors.hpp"
#include "tests/market/chain_support.hpp"

namespace {

using namespace chain_test;  // NOLINT(google-build-using-namespace)
using artham::actors::chain_board;

const date expiry = make_date(2026, 12, 1);

chain_row chain_at(timestamp t, std::vector<std::uint32_t> tokens) {
  chain_row c;
  c.underlying = "NIFTY";
  c.expiry = expiry;
  c.at = t;
  for (const auto token : tokens) c.options.emplace_back().token = token;
  return c;
}

}  // namespace

TEST_CASE("the newest chain is shown, and a mark's is never passed over for a live one") {
  chain_board board(plan_of(nifty(expiry, {26'000})));
  const auto key = artham::messages::chain_key(0, expiry);
  const auto call = option_token(26'000, true);
  const auto put = option_token(26'000, false);
  CHECK(board.chain(key) == nullptr);
  CHECK_FALSE(board.option(call));
  CHECK(board.take(chain_at(10 * second, {call}), false) == key);
  CHECK(board.option(call)->chain->row.at == 10 * second);
  CHECK_FALSE(board.option(put));
  // The exchange's clock is ahead: the mark's chain is of an earlier time.
  CHECK(board.take(chain_at(8 * second, {call, put}), true) == key);
  CHECK(board.chain(key)->final);
  CHECK(board.option(put)->option->token == put);
  CHECK_FALSE(board.take(chain_at(7 * second, {call}), false));
  CHECK(board.take(chain_at(11 * second, {call, put}), false) == key);
  CHECK_FALSE(board.chain(key)->final);

  auto other = chain_at(12 * second, {call});
  other.underlying = "BANKNIFTY";
  CHECK_FALSE(board.take(other, true));
  CHECK(board.group(0)->name == "NIFTY");
  CHECK(board.group(1) == nullptr);
  CHECK(board.group_of_option(call)->name == "NIFTY");
  CHECK(board.group_of_option(999) == nullptr);
}
