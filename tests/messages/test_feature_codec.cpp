#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "messages/record/feature_codec.hpp"

using namespace artham;                   // NOLINT(google-build-using-namespace)
using namespace artham::record;           // NOLINT(google-build-using-namespace)
using namespace artham::market::feature;  // NOLINT(google-build-using-namespace)

namespace {

const record::cause at{{3, 0x1122334455}, 2};

chain_row sample() {
  chain_row c;
  c.underlying = "NIFTY";
  c.expiry = market::make_date(2026, 12, 1);
  c.at = 0x0102030405060708;
  c.is = market::option::state::ok;
  c.source = forward_source::future;
  c.fields = 2047;
  c.age = 5;
  double x = 0.1;
  for (auto* v : {&c.years, &c.forward, &c.atm_iv, &c.straddle, &c.risk_reversal, &c.butterfly,
                  &c.pcr_oi, &c.pcr_volume, &c.gex}) {
    *v = x = -x * 1.7;
  }
  std::int64_t n = 11;
  for (auto* v : {&c.atm_strike.units, &c.max_pain.units, &c.call_oi, &c.put_oi, &c.call_oi_change,
                  &c.put_oi_change, &c.call_volume, &c.put_volume}) {
    *v = n = -n * 3;
  }
  c.valued = 1;
  for (int i = 0; i < 3; ++i) {
    option_row o;
    o.token = 77 + static_cast<std::uint32_t>(i);
    o.type = i == 1 ? market::option::side::put : market::option::side::call;
    o.is = i == 2 ? market::option::state::no_underlying : market::option::state::ok;
    o.fields = 511;
    for (auto* v : {&o.strike.units, &o.used.units, &o.bid.units, &o.ask.units, &o.last.units,
                    &o.volume, &o.oi, &o.oi_change, &o.age}) {
      *v = n = n + 7;
    }
    for (auto* v : {&o.iv, &o.delta, &o.gamma, &o.theta, &o.vega, &o.rho, &o.theory, &o.intrinsic,
                    &o.moneyness}) {
      *v = x = x / -1.3;
    }
    c.options.push_back(o);
  }
  return c;
}

template <class Row>
std::string body_of(const Row& r) {
  std::string body;
  encode(body, r);
  return body;
}

instrument_row one() {
  instrument_row r;
  r.mark = 123'456;
  r.cause = {2, 99};
  r.last = {5};
  r.price_change = {-6};
  r.volume_change = 7;
  r.oi_change = -8;
  r.spread = {9};
  r.microprice = {10};
  r.depth_imbalance = -0.25;
  r.rolling_return = 1e-5;
  r.volatility = 0.13;
  r.token = 408'065;
  r.fields = 255;
  return r;
}

}  // namespace

TEST_CASE("features come back as they were") {
  const auto chain = decode_feature(with_cause(kind::chain, at), body_of(sample()));
  REQUIRE(chain);
  CHECK(chain->cause == at);
  REQUIRE(chain->chain() != nullptr);
  CHECK(*chain->chain() == sample());
  CHECK(chain->at() == sample().at);

  const auto single = decode_feature(with_cause(kind::instrument_feature, at), body_of(one()));
  REQUIRE(single);
  REQUIRE(single->instrument() != nullptr);
  CHECK(*single->instrument() == one());
  CHECK(single->at() == one().mark);
}

TEST_CASE("a name that is too long is cut, not a broken record") {
  auto c = sample();
  c.underlying.assign(300, 'x');
  const auto back = decode_feature(with_cause(kind::chain, at), body_of(c));
  REQUIRE(back);
  CHECK(back->chain()->underlying == std::string(255, 'x'));
  CHECK(back->chain()->options == c.options);
}

TEST_CASE("features have the documented lengths") {
  CHECK(body_of(sample()).size() == 168 + 5 + 3 * 152);
  CHECK(body_of(one()).size() == 100);
  CHECK(body_of(sample()).substr(0, 8) == std::string("\x01\x00\x02\x05\xff\x07\x03\x00", 8));
}

TEST_CASE("what is no feature of this version is refused") {
  const auto refused = [](kind k, const std::string& body) {
    const auto r = decode_feature(with_cause(k, at), body);
    return !r && r.error().code == errc::corrupt;
  };
  const auto chain = body_of(sample());
  const auto single = body_of(one());
  CHECK(refused(kind::bar, chain));
  CHECK(refused(kind::instrument_feature, chain));
  CHECK(refused(kind::chain, single));
  for (std::size_t n = 0; n < chain.size(); ++n) CHECK(refused(kind::chain, chain.substr(0, n)));
  for (std::size_t n = 0; n < single.size(); ++n)
    CHECK(refused(kind::instrument_feature, single.substr(0, n)));
  CHECK(refused(kind::chain, chain + "x"));
  const auto broken = [](std::string body, std::size_t byte, char value) {
    body[byte] = value;
    return body;
  };
  CHECK(refused(kind::chain, broken(chain, 0, 2)));                // version
  CHECK(refused(kind::chain, broken(chain, 1, 99)));               // state
  CHECK(refused(kind::chain, broken(chain, 2, 9)));                // source
  CHECK(refused(kind::chain, broken(chain, 3, 4)));                // length of the name
  CHECK(refused(kind::chain, broken(chain, 5, 0x7f)));             // fields
  CHECK(refused(kind::chain, broken(chain, 6, 4)));                // options
  CHECK(refused(kind::chain, broken(chain, 173 + 4, 0)));          // type of an option
  CHECK(refused(kind::chain, broken(chain, 173 + 5, 10)));         // its state
  CHECK(refused(kind::instrument_feature, broken(single, 3, 9)));  // fields

  auto infinite = sample();
  infinite.options[1].iv = std::numeric_limits<double>::infinity();
  CHECK(refused(kind::chain, body_of(infinite)));
  auto nothing = one();
  nothing.volatility = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(kind::instrument_feature, body_of(nothing)));
}
