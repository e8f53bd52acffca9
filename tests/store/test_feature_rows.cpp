#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/any_store.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using market::feature::chain_row;
using market::feature::instrument_row;
using market::feature::option_row;

constexpr auto expiry = market::date{20'788};

option_row option(std::uint32_t token, std::int64_t strike, bool call) {
  option_row o;
  o.token = token;
  o.strike = {strike * market::price_scale};
  o.type = call ? market::option::side::call : market::option::side::put;
  o.is = call ? market::option::state::ok : market::option::state::crossed;
  o.age = 7;
  if (call) {
    o.fields = 511;
    o.used = {5};
    o.bid = {4};
    o.ask = {6};
    o.last = {3};
    o.volume = 12;
    o.oi = 100;
    o.oi_change = -3;
    o.iv = 0.1234567890123456789;
    o.delta = 1.0 / 3;
    o.gamma = 1e-300;
    o.theta = -2.5;
    o.vega = 0.1;
    o.rho = -0.0001;
    o.theory = 7.125;
    o.intrinsic = 1;
    o.moneyness = -0.01;
  }
  return o;
}

record::feature_record chain(std::uint64_t cause, market::timestamp at, market::date on = expiry) {
  chain_row c;
  c.underlying = "NIFTY";
  c.expiry = on;
  c.at = at;
  c.is = market::option::state::ok;
  c.source = market::feature::forward_source::parity;
  c.fields = chain_row::forward_known | chain_row::pcr_oi_known | chain_row::oi_known;
  c.years = 0.01;
  c.forward = 26'000.125;
  c.pcr_oi = 1.0 / 7;
  c.call_oi = 5;
  c.valued = 1;
  c.options = {option(11, 25'900, true), option(12, 25'900, false), option(13, 26'000, true)};
  return {{{1, cause}, 0}, c};
}

record::feature_record single(std::uint64_t cause, market::timestamp at) {
  instrument_row r;
  r.mark = at;
  r.token = 21;
  r.last = {100};
  r.fields = instrument_row::spread_known | instrument_row::return_known;
  r.spread = {5};
  r.rolling_return = 1.0 / 3e5;
  r.cause = {1, cause - 1};
  return {{{1, cause}, 1}, r};
}

struct fixture {
  fixture() {
    auto opened = files->open({});
    REQUIRE_MESSAGE(opened, opened.error().message);
    db = std::move(*opened);
  }
  void commit(const std::vector<record::feature_record>& features) {
    store::batch b;
    b.features = features;
    const store::stored_position before{
        "feature_store", "md:features", 0, {at == 0 ? 0U : 1U, at}, 0};
    at += 10;
    const store::stored_position after{"feature_store", "md:features", 0, {1, at}, 0};
    b.expected = {&before, 1};
    b.positions = {&after, 1};
    const auto done = db->writing().commit(b);
    REQUIRE_MESSAGE(done, done.error().message);
  }
  std::unique_ptr<test::any_store> files = test::make_store();
  std::unique_ptr<store::database> db;
  std::uint64_t at = 0;
};

std::vector<record::feature_record> all(const store::audit::feature_rows& rows) {
  std::vector<record::feature_record> list;
  for (;;) {
    auto next = rows();
    REQUIRE(next);
    if (!*next) return list;
    list.push_back(std::move(**next));
  }
}

}  // namespace

TEST_CASE("features come back from the store as they were, and once") {
  fixture f;
  const std::vector<record::feature_record> rows{chain(10, 1'000), single(10, 1'000),
                                                 chain(20, 2'000), single(20, 2'000)};
  f.commit(rows);
  // Made again: what is there stays as it is.
  auto again = rows;
  std::get<chain_row>(again[0].row).options.push_back(option(99, 26'100, true));
  f.commit(again);
  auto& reader = f.db->reading();
  const auto found = reader.chain("NIFTY", expiry, 1'999);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK(**found == rows[0]);
  CHECK(**reader.chain("NIFTY", expiry, market::never) == rows[2]);
  CHECK_FALSE(*reader.chain("NIFTY", expiry, 999));
  CHECK_FALSE(*reader.chain("BANKNIFTY", expiry, market::never));

  const auto audit = f.files->audit();
  REQUIRE(audit);
  const auto chains = (*audit)->chains();
  REQUIRE(chains);
  CHECK(all(*chains) == std::vector{rows[0], rows[2]});
  const auto singles = (*audit)->instrument_features();
  REQUIRE(singles);
  CHECK(all(*singles) == std::vector{rows[1], rows[3]});
}

TEST_CASE("histories are cut by time and number") {
  fixture f;
  std::vector<record::feature_record> rows;
  for (std::uint64_t n = 1; n <= 5; ++n) {
    rows.push_back(chain(n * 10, static_cast<market::timestamp>(n) * 1'000));
    rows.push_back(single(n * 10, static_cast<market::timestamp>(n) * 1'000));
  }
  f.commit(rows);
  auto& reader = f.db->reading();
  const auto history = reader.chain_history("NIFTY", expiry, {2'000, 5'000, 2, false});
  REQUIRE(history);
  REQUIRE(history->size() == 2);
  CHECK((*history)[0].at() == 2'000);
  CHECK((*history)[0].chain()->options.empty());
  const auto newest = reader.chain_history("NIFTY", expiry, {0, market::never, 2, true});
  REQUIRE(newest->size() == 2);
  CHECK((*newest)[1].at() == 5'000);

  const auto greeks = reader.greeks(13, {0, 4'000, 2, true});
  REQUIRE(greeks);
  REQUIRE(greeks->size() == 2);
  CHECK((*greeks)[0].at == 2'000);
  CHECK((*greeks)[1].option == option(13, 26'000, true));
  CHECK((*greeks)[1].forward == 26'000.125);
  CHECK(reader.greeks(99, {})->empty());

  const auto singles = reader.instrument_features(21, {3'000, market::never, 10, false});
  REQUIRE(singles);
  REQUIRE(singles->size() == 3);
  CHECK((*singles)[0] == rows[5]);
}

TEST_CASE("underlyings and expiries are listed with their newest") {
  fixture f;
  auto other = chain(30, 3'000);
  std::get<chain_row>(other.row).underlying = "BANKNIFTY";
  f.commit({chain(10, 1'000, {20'795}), chain(20, 2'000), other});
  auto& reader = f.db->reading();
  CHECK(*reader.chain_underlyings() == std::vector<std::string>{"BANKNIFTY", "NIFTY"});
  const auto expiries = reader.chain_expiries("NIFTY");
  REQUIRE(expiries);
  REQUIRE(expiries->size() == 2);
  CHECK((*expiries)[0].expiry == expiry);
  CHECK((*expiries)[0].newest == 2'000);
  CHECK((*expiries)[1].expiry == market::date{20'795});
  CHECK(reader.chain_expiries("NOSUCH")->empty());
}
