#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "chain_support.hpp"
#include "market/feature/feature_group.hpp"
#include "market/instrument.hpp"
#include "option_support.hpp"
#include "tests/support/places.hpp"

// Chains that nobody here made. Their files may not be copied, so they are read beside the
// checkout.

using namespace chain_test;  // NOLINT(google-build-using-namespace)
using option_test::row;
using option_test::shared_csv;

namespace option = artham::market::option;

namespace {

price exactly(const std::string& text) {
  const auto p = text.empty() ? artham::result<price>(price{}) : parse_price(text);
  REQUIRE_MESSAGE(p.has_value(), text);
  return *p;
}

double number(price p) {
  return static_cast<double>(p.units) / static_cast<double>(price_scale);
}

price nearest(double x) {
  return {std::llround(x * static_cast<double>(price_scale))};
}

date day_of(const std::string& text) {
  const auto d = parse_date(text);
  REQUIRE_MESSAGE(d.has_value(), text);
  return *d;
}

/// 25-Jun-2026
date nse_date(const std::string& text) {
  const std::string months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto month = static_cast<unsigned>(months.find(text.substr(3, 3)) / 3 + 1);
  return make_date(std::stoi(text.substr(7)), month,
                   static_cast<unsigned>(std::stoi(text.substr(0, 2))));
}

timestamp instant(const char* rfc3339) {
  const auto t = parse_rfc3339(rfc3339);
  REQUIRE(t.has_value());
  return *t;
}

/// A quote as of `t`: prices of 0 are none.
quote quote_at(timestamp t, std::uint32_t token, price last, price bid, price ask) {
  quote q;
  q.time = t;
  q.epoch = 1;
  q.seq = 1;
  q.token = token;
  q.last = last;
  q.bid = bid;
  q.ask = ask;
  q.fields = quote::depth_known;
  q.mode = tick_mode::full;
  return q;
}

/// Options of one expiry with a quote each.
class sheet {
 public:
  void add(option::side type, price strike, const quote& q) {
    held_.emplace_back();
    CHECK(held_.back().take(q));
    entries_.push_back({{q.token, type, strike}, &held_.back()});
  }
  [[nodiscard]] chain_row evaluated(const chain_rules& rules, const calendar_ptr& cal, date expiry,
                                    timestamp t,
                                    const std::vector<underlying_price>& outside = {}) {
    std::ranges::sort(entries_, {}, [](const chain::entry& e) {
      return std::tuple(e.what.strike, e.what.type == option::side::put);
    });
    return chain(rules, cal, expiry).evaluate(t, entries_, outside);
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::deque<held_quote> held_;
  std::vector<chain::entry> entries_;
};

bool has(const option_row& o, option_row::field f) {
  return (o.fields & f) != 0;
}
bool has(const chain_row& c, chain_row::field f) {
  return (c.fields & f) != 0;
}

/// What holds of every chain: complete, in order, each option with a state, its numbers with it,
/// and sums that an independent loop gives, too.
void check_sane(const chain_row& c, std::size_t options) {
  CAPTURE(to_string(c.expiry));
  CAPTURE(c.at);
  REQUIRE(c.options.size() == options);
  bool finite = true;
  for (const double x : {c.years, c.forward, c.atm_iv, c.straddle, c.risk_reversal, c.butterfly,
                         c.pcr_oi, c.pcr_volume, c.gex})
    finite = finite && std::isfinite(x);
  std::size_t valued = 0;
  std::size_t wrong = 0;
  double oi[2] = {0, 0};
  double volume[2] = {0, 0};
  std::set<price> strikes;
  const option_row* before = nullptr;
  for (const auto& o : c.options) {
    for (const double x :
         {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho, o.theory, o.intrinsic, o.moneyness})
      finite = finite && std::isfinite(x);
    const bool ok = o.is == option::state::ok;
    valued += ok ? 1 : 0;
    if (ok != has(o, option_row::valued) || ok != (o.iv > 0)) ++wrong;
    if (o.is > option::state::no_underlying) ++wrong;
    if (ok && (std::abs(o.delta) > 1 + 1e-12 || o.gamma < 0 || o.vega < 0)) ++wrong;
    if (ok && (o.delta < 0) != (o.type == option::side::put) && o.delta != 0) ++wrong;
    if (c.is == option::state::expired && ok) ++wrong;
    if (has(c, chain_row::forward_known) != has(o, option_row::placed)) ++wrong;
    if (before != nullptr && before->strike > o.strike) ++wrong;
    before = &o;
    const std::size_t side = o.type == option::side::call ? 0 : 1;
    oi[side] += static_cast<double>(o.oi);
    volume[side] += static_cast<double>(o.volume);
    strikes.insert(o.strike);
  }
  CHECK(finite);
  CHECK(wrong == 0);
  CHECK(c.valued == valued);
  CHECK(has(c, chain_row::pcr_oi_known) == (oi[0] > 0));
  CHECK(c.pcr_oi == (oi[0] > 0 ? oi[1] / oi[0] : 0));
  CHECK(c.pcr_volume == (volume[0] > 0 ? volume[1] / volume[0] : 0));
  CHECK(has(c, chain_row::max_pain_known) == (oi[0] + oi[1] > 0));
  if (!has(c, chain_row::max_pain_known)) return;
  CHECK(strikes.contains(c.max_pain));
  const auto paid_at = [&](price end) {
    double paid = 0;
    for (const auto& o : c.options) {
      const double inside = static_cast<double>(o.type) * (number(end) - number(o.strike));
      paid += std::max(inside, 0.0) * static_cast<double>(o.oi);
    }
    return paid;
  };
  const double least = paid_at(c.max_pain);
  for (const auto strike : strikes) CHECK(least <= paid_at(strike) * (1 + 1e-12));
}

double median(std::vector<double> all) {
  REQUIRE_FALSE(all.empty());
  std::ranges::sort(all);
  return all[all.size() / 2];
}

/// Differences of the volatilities of call and put at strikes within `percent` of the forward.
std::vector<double> between_call_and_put(const chain_row& c, double percent) {
  std::vector<double> all;
  for (std::size_t i = 1; i < c.options.size(); ++i) {
    const auto& call = c.options[i - 1];
    const auto& put = c.options[i];
    if (call.strike != put.strike || std::abs(call.moneyness) > percent / 100) continue;
    if (has(call, option_row::valued) && has(put, option_row::valued))
      all.push_back(std::abs(call.iv - put.iv));
  }
  return all;
}

using state_counts = std::map<option::state, std::size_t>;

std::string text_of(const state_counts& states) {
  std::string text;
  for (const auto& [state, count] : states)
    text += std::string(text.empty() ? "" : ", ") + std::to_string(count) + " " +
            std::string(option::name(state));
  return text;
}

std::string unzip(const std::filesystem::path& path) {
  const auto file = gzopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  std::string text;
  char piece[65536];
  int got = 0;
  while ((got = gzread(file, piece, sizeof piece)) > 0)
    text.append(piece, static_cast<std::size_t>(got));
  gzclose(file);
  REQUIRE(got == 0);
  return text;
}

}  // namespace

TEST_CASE("Deribit's marks give its own volatilities back") {
  // Contracts there end at 08:00 UTC.
  calendar_spec spec;
  spec.name = "Deribit";
  spec.offsets = {{0, 0}};
  spec.weekend.clear();
  spec.regulars = {{make_date(2020, 1, 1), {{0, 8 * hour}}}};
  spec.first = make_date(2020, 1, 1);
  spec.last = make_date(2030, 12, 31);
  auto made = calendar::make(std::move(spec));
  REQUIRE(made.has_value());
  const auto cal = std::make_shared<const calendar>(*std::move(made));
  const auto t = instant("2026-07-10T04:17:10Z");
  chain_rules rules;
  rules.sources = {forward_source::future, forward_source::none, forward_source::none};

  std::size_t compared = 0;
  double worst = 0;
  state_counts states;
  const auto rows = shared_csv("market/options_chain/deribit_20260710.csv", [&](const row& r) {
    const double forward = r["underlying_price"];
    const auto type = r.text("type") == "call" ? option::side::call : option::side::put;
    const auto strike = exactly(r.text("strike"));
    const auto expiry = day_of(r.text("expiry"));
    // Each row has a forward of its own instant.
    sheet one;
    one.add(type, strike, quote_at(t, 1, nearest(r["mark_price"] * forward), {}, {}));
    const auto c = one.evaluated(rules, cal, expiry, t, {{forward_source::future, forward, 0}});
    check_sane(c, 1);
    const auto& o = c.options.front();
    ++states[o.is];
    CHECK(c.source == forward_source::future);
    const bool out_of_money = static_cast<double>(type) * (forward - number(strike)) < 0;
    const bool far = c.years * 365 > 7;
    if (!out_of_money || !far || !(r["mark_price"] > 0.002)) return;
    ++compared;
    CHECK(o.is == option::state::ok);
    const double apart = std::abs(o.iv * 100 - r["mark_iv"]);
    CHECK(apart <= 0.1);
    worst = std::max(worst, apart);
  });
  if (rows == 0) return;
  CHECK(rows == 1588);
  CHECK(compared == 420);
  MESSAGE(compared << " of " << rows << " compared, at most " << worst << " points apart; "
                   << text_of(states));
}

TEST_CASE("NSE's chains of a day load, price and add up") {
  const auto t = instant("2024-04-05T15:30:00+05:30");
  constexpr double spot = 22'513.70;
  std::map<date, sheet> quoted;
  std::map<date, sheet> traded;
  std::map<std::tuple<date, price, option::side>, double> theirs;
  std::uint32_t token = 0;
  const auto rows =
      shared_csv("market/options_chain/nse_nifty_chain_20240405.csv", [&](const row& r) {
        const auto expiry = nse_date(r.text("expiryDate"));
        const auto strike = exactly(r.text("strikePrice"));
        for (const auto& [prefix, type] : {std::pair(std::string("CE."), option::side::call),
                                           std::pair(std::string("PE."), option::side::put)}) {
          if (r.text(prefix + "lastPrice").empty()) continue;
          auto q =
              quote_at(t, ++token, exactly(r.text(prefix + "lastPrice")),
                       exactly(r.text(prefix + "bidprice")), exactly(r.text(prefix + "askPrice")));
          q.oi = std::llround(r[prefix + "openInterest"]);
          q.volume = std::llround(r[prefix + "totalTradedVolume"]);
          q.fields |= quote::oi_known | quote::volume_known;
          quoted[expiry].add(type, strike, q);
          q.fields &= static_cast<std::uint8_t>(~quote::depth_known);
          traded[expiry].add(type, strike, q);
          const double iv = r[prefix + "impliedVolatility"];
          if (iv > 0) theirs[{expiry, strike, type}] = iv;
        }
      });
  if (rows == 0) return;
  CHECK(rows == 727);
  CHECK(quoted.size() == 18);

  const auto cal = calendar_named("NFO");
  state_counts states;
  for (auto& entry : quoted) {
    auto& options = entry.second;
    const auto expiry = entry.first;
    CAPTURE(to_string(expiry));
    const auto c = options.evaluated({}, cal, expiry, t);
    check_sane(c, options.size());
    for (const auto& o : c.options) ++states[o.is];
    if (has(c, chain_row::atm_iv_known)) {
      CHECK(c.atm_iv > 0.05);
      CHECK(c.atm_iv < 0.6);
    }
    // Later ones are hardly traded: their prices are of other days.
    if (c.years > 60 / 365.0) continue;
    CHECK(has(c, chain_row::atm_iv_known));
    CHECK(has(c, chain_row::wings_known));
    CHECK(c.source == forward_source::parity);
    const double interest = std::log(c.forward / spot) / c.years;
    CHECK(interest > 0.05);
    CHECK(interest < 0.12);
    const auto apart = between_call_and_put(c, 2);
    CHECK(apart.size() > 5);
    CHECK(median(apart) < 0.02);
  }

  // NSE's are of the last trades, by the spot, with interest of 10 %: so computed, ours are the
  // same to the two digits that it prints. By parity's forward they are some tenths of a point
  // apart.
  chain_rules like_nse;
  like_nse.model = option::pricing::black_scholes;
  like_nse.sources = {forward_source::spot, forward_source::none, forward_source::none};
  like_nse.rate = 0.1;
  const auto apart_from_theirs = [&](const chain_rules& rules) {
    std::vector<double> apart;
    for (auto& [expiry, options] : traded) {
      const auto c = options.evaluated(rules, cal, expiry, t, {{forward_source::spot, spot, 0}});
      for (const auto& o : c.options) {
        const auto it = theirs.find({expiry, o.strike, o.type});
        if (it != theirs.end() && o.is == option::state::ok)
          apart.push_back(std::abs(o.iv * 100 - it->second));
      }
    }
    return apart;
  };
  const auto same_way = apart_from_theirs(like_nse);
  CHECK(same_way.size() == theirs.size());
  CHECK(median(same_way) <= 0.005);
  const auto our_way = apart_from_theirs({});
  CHECK(our_way.size() > theirs.size() * 9 / 10);
  CHECK(median(our_way) <= 1);
  MESSAGE(text_of(states) << "; " << same_way.size() << " of NSE's volatilities, median difference "
                          << median(same_way) << " points by its rules, " << median(our_way)
                          << " by ours");
}

TEST_CASE("Kite's weekly chain loads, prices and adds up") {
  struct totals {
    std::int64_t oi = 0, volume = 0;
  };
  // The file has no time. Its volumes are of the last day, its time value is not of its end.
  for (const char* const time : {"2025-12-22T15:30:00+05:30", "2025-12-23T12:00:00+05:30"}) {
    const auto t = instant(time);
    sheet options;
    date expiry;
    totals calls;
    totals puts;
    const auto rows =
        shared_csv("market/options_chain/kite_nifty_chain_202512.csv", [&](const row& r) {
          expiry = day_of(r.text("expiry"));
          auto q = quote_at(t, static_cast<std::uint32_t>(std::stoul(r.text("token"))),
                            exactly(r.text("ltp")), exactly(r.text("bid")), exactly(r.text("ask")));
          q.oi = std::stoll(r.text("oi"));
          q.volume = std::stoll(r.text("volume"));
          q.fields |= quote::oi_known | quote::volume_known;
          const bool call = r.text("type") == "CE";
          options.add(call ? option::side::call : option::side::put, exactly(r.text("strike")), q);
          auto& side = call ? calls : puts;
          side.oi += q.oi;
          side.volume += q.volume;
        });
    if (rows == 0) return;
    CHECK(rows == 76);
    const auto c = options.evaluated({}, calendar_named("NFO"), expiry, t);
    check_sane(c, rows);
    CHECK(c.is == option::state::ok);
    CHECK(c.call_oi == calls.oi);
    CHECK(c.put_oi == puts.oi);
    CHECK(c.pcr_oi == static_cast<double>(puts.oi) / static_cast<double>(calls.oi));
    CHECK(c.pcr_volume == static_cast<double>(puts.volume) / static_cast<double>(calls.volume));
    CHECK(c.atm_strike == rupees(26'200));
    CHECK(c.max_pain == rupees(26'200));
    CHECK(c.atm_iv > 0.05);
    CHECK(c.atm_iv < 0.6);
    const auto apart = between_call_and_put(c, 1);
    CHECK(apart.size() > 3);
    CHECK(median(apart) < 0.03);
    state_counts states;
    for (const auto& o : c.options) ++states[o.is];
    MESSAGE(std::string(time) << ": ATM " << c.atm_iv * 100 << " %, PCR " << c.pcr_oi << ", "
                              << text_of(states));
  }
}

TEST_CASE("Kite's whole instrument dumps are grouped by their underlyings") {
  const std::filesystem::path place =
      artham::test::source_dir() + "/../shared/data/kite/instruments";
  if (!std::filesystem::exists(place)) {
    MESSAGE("not here, so not grouped: ../shared/data/kite/instruments");
    return;
  }
  std::vector<instrument> list;
  for (const char* const name :
       {"instruments_nfo_202512.csv.gz", "instruments_nse_202512.csv.gz"}) {
    const auto text = unzip(place / name);
    const auto part = parse_instruments(text);
    REQUIRE_MESSAGE(part.has_value(), (part ? "" : part.error().message));
    const auto lines = std::ranges::count(text, '\n') + (text.back() == '\n' ? 0 : 1);
    CHECK(part->size() + 1 == static_cast<std::size_t>(lines));
    list.insert(list.end(), part->begin(), part->end());
  }
  const auto plan = plan_of(list);

  struct counted {
    std::set<std::uint32_t> options, futures;
  };
  std::map<std::string, counted> by_name;
  std::map<std::string, std::uint32_t> spot_of;
  for (const auto& i : list) {
    if (i.type == "CE" || i.type == "PE") by_name[i.name].options.insert(i.token);
    if (i.type == "FUT") by_name[i.name].futures.insert(i.token);
    if (i.exchange == "NSE") spot_of[i.symbol] = i.token;
  }
  for (const auto& [name, symbol] : {std::pair("NIFTY", "NIFTY 50"),
                                     {"BANKNIFTY", "NIFTY BANK"},
                                     {"FINNIFTY", "NIFTY FIN SERVICE"},
                                     {"MIDCPNIFTY", "NIFTY MID SELECT"},
                                     {"NIFTYNXT50", "NIFTY NEXT 50"}})
    spot_of[name] = spot_of.at(symbol);

  std::map<std::uint32_t, std::size_t> listed;  // options and futures, in how many groups
  for (const auto& entry : plan->chains()) {
    const auto& name = entry.first;
    const auto& group = entry.second;
    CAPTURE(name);
    CHECK(group->name == name);
    CHECK(group->cal->name() == "NFO");
    const auto& expected = by_name.at(name);
    CHECK(group->options.size() == expected.options.size());
    CHECK(group->futures.size() == expected.futures.size());
    for (const auto& o : group->options) {
      ++listed[o.what.token];
      if (plan->group_of(o.what.token) != group) FAIL_CHECK("elsewhere: " << o.what.token);
    }
    for (const auto& f : group->futures) {
      ++listed[f.token];
      if (plan->group_of(f.token) != group) FAIL_CHECK("elsewhere: " << f.token);
    }
    CHECK(group->spot == spot_of.at(name));
    CHECK(plan->group_of(group->spot) == group);
    const auto in_order = [](const group_plan::listed_option& a,
                             const group_plan::listed_option& b) {
      return std::tuple(a.expiry, a.what.strike, a.what.type == option::side::put) <
             std::tuple(b.expiry, b.what.strike, b.what.type == option::side::put);
    };
    // Strictly: no strike is there twice.
    CHECK(std::ranges::adjacent_find(group->options, std::not_fn(in_order)) ==
          group->options.end());
  }
  std::size_t options = 0;
  for (const auto& i : list) {
    const bool is_option = i.type == "CE" || i.type == "PE";
    options += is_option ? 1 : 0;
    const auto it = listed.find(i.token);
    const std::size_t times = it == listed.end() ? 0 : it->second;
    if (times != (is_option || i.type == "FUT" ? 1 : 0))
      FAIL_CHECK(i.symbol << " is in " << times << " groups");
  }
  const auto& nifty50 = *plan->chains().at("NIFTY");
  CHECK(nifty50.spot == 256'265);
  CHECK(nifty50.futures.size() == 3);
  CHECK(nifty50.options.size() == 1484);
  CHECK(plan->chains().at("BANKNIFTY")->spot == 260'105);
  CHECK(plan->chains().at("FINNIFTY")->spot == 257'801);
  CHECK(plan->chains().at("MIDCPNIFTY")->spot == 288'009);
  CHECK(plan->chains().at("NIFTYNXT50")->spot == 270'857);
  CHECK(plan->chains().at("RELIANCE")->spot == 738'561);
  MESSAGE(options << " options in " << plan->chains().size() << " groups");
}

namespace {

constexpr std::uint32_t index_token = 1;

struct record {
  std::optional<quote> quoted;
  std::optional<mark> clock;
};

/// One day of SPX and its options as a stream: open, low, high and close of each minute's quotes,
/// the index at its end, a clock mark a minute, and one a second before those of the day expire.
struct recorded_day {
  std::shared_ptr<group_plan> plan = std::make_shared<group_plan>();
  std::vector<record> records;
  std::map<timestamp, double> index;  ///< by the end of its minute
};

recorded_day spx() {
  recorded_day day;
  day.plan->name = "SPX";
  day.plan->cal = calendar_named("NYSE");
  day.plan->spot = index_token;
  std::vector<quote> quotes;
  std::map<std::tuple<date, price, bool, std::string>, std::uint32_t> tokens;
  shared_csv("market/options_chain/spx_20210104_quotes_1m.csv", [&](const row& r) {
    const auto key = std::tuple(day_of(r.text("expiry")), exactly(r.text("strike")),
                                r.text("right") == "P", r.text("root"));
    const auto added = tokens.emplace(key, tokens.size() + 2);
    const auto token = added.first->second;
    if (added.second) {
      const auto& [expiry, strike, put, root] = key;
      day.plan->options.push_back(
          {{token, put ? option::side::put : option::side::call, strike}, expiry});
    }
    const timestamp begin = std::stoll(r.text("ts_ms")) * millisecond;
    const auto add = [&](duration after, const std::string& what) {
      quotes.push_back(quote_at(begin + after, token, {}, exactly(r.text("bid_" + what)),
                                exactly(r.text("ask_" + what))));
    };
    add(0, "open");
    add(20 * second + millisecond, "low");
    add(40 * second + millisecond, "high");
    add(58 * second + millisecond, "close");
  });
  shared_csv("market/options_chain/spx_20210104_index_1m.csv", [&](const row& r) {
    const timestamp end = (std::stoll(r.text("ts_ms")) + 60'000) * millisecond;
    auto q = quote_at(end - millisecond, index_token, exactly(r.text("close")), {}, {});
    q.fields = 0;
    quotes.push_back(q);
    day.index[end] = r["close"];
  });
  if (quotes.empty()) return day;
  std::ranges::sort(day.plan->options, {}, [](const auto& o) {
    return std::tuple(o.expiry, o.what.strike, o.what.type == option::side::put);
  });
  std::ranges::stable_sort(quotes, {}, &quote::time);

  const auto seconds_from = instant("2021-01-04T15:58:00-05:00");
  const auto seconds_to = instant("2021-01-04T16:00:00-05:00");
  timestamp next = quotes.front().time / minute * minute;
  std::uint64_t seq = 0;
  const auto tick_clock = [&] {
    mark m;
    m.kind = mark_kind::clock;
    m.position = {1, ++seq};
    m.time = next;
    day.records.push_back({std::nullopt, m});
    next += next >= seconds_from && next < seconds_to ? second : minute;
  };
  for (auto q : quotes) {
    while (next <= q.time) tick_clock();
    q.seq = ++seq;
    day.records.push_back({q, std::nullopt});
  }
  tick_clock();
  return day;
}

/// What the group says of the day, fed in blocks of so many records.
std::vector<chain_row> rows_of(const recorded_day& day, std::size_t block) {
  feature_group group(day.plan, {});
  feature_rows made;
  for (std::size_t from = 0; from < day.records.size(); from += block) {
    std::vector<quote> quotes;
    std::vector<mark> marks;
    for (std::size_t i = from; i < std::min(from + block, day.records.size()); ++i) {
      const auto& r = day.records[i];
      if (r.quoted) quotes.push_back(*r.quoted);
      if (r.clock) marks.push_back(*r.clock);
    }
    group.consume(quotes, marks, {}, made);
  }
  CHECK(group.counts().unused == 0);
  std::vector<chain_row> rows;
  for (auto& c : made.chains) rows.push_back(std::move(c.row));
  return rows;
}

std::uint64_t digest_of(const std::vector<chain_row>& rows) {
  std::uint64_t digest = 0;
  const auto add = [&](auto x) {
    static_assert(sizeof x <= 8);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &x, sizeof x);
    digest = (digest ^ bits) * 0x9e3779b97f4a7c15;
    digest ^= digest >> 29U;
  };
  for (const auto& c : rows) {
    for (const double x : {c.years, c.forward, c.atm_iv, c.straddle, c.risk_reversal, c.butterfly})
      add(x);
    add(c.at);
    add(c.expiry.days);
    add(c.is);
    add(c.fields);
    for (const auto& o : c.options) {
      for (const double x : {o.iv, o.delta, o.gamma, o.theta, o.vega, o.rho, o.theory, o.intrinsic})
        add(x);
      add(o.is);
      add(o.fields);
      add(o.used.units);
    }
  }
  return digest;
}

}  // namespace

TEST_CASE("a day of SPX options through a feature group, to the last second of those that expire") {
  const auto day = spx();
  if (day.records.empty()) return;
  CHECK(day.plan->options.size() == 18);
  const auto rows = rows_of(day, day.records.size());
  const auto close = instant("2021-01-04T16:00:00-05:00");
  const auto same_day = make_date(2021, 1, 4);

  std::map<date, std::size_t> quoted;  // options seen so far, by an independent count
  std::set<std::uint32_t> seen;
  std::map<std::uint32_t, date> expiries;
  for (const auto& o : day.plan->options) expiries[o.what.token] = o.expiry;
  auto r = day.records.begin();
  std::map<date, chain_row> before;
  state_counts states;
  double worst = 0;
  std::size_t compared = 0;
  timestamp last_alive = 0;
  for (const auto& c : rows) {
    for (; r != day.records.end() && !(r->clock && r->clock->time > c.at); ++r) {
      if (r->quoted && r->quoted->token != index_token && seen.insert(r->quoted->token).second)
        ++quoted[expiries.at(r->quoted->token)];
    }
    check_sane(c, quoted[c.expiry]);
    CHECK(c.underlying == "SPX");
    const bool expired = c.expiry == same_day && c.at >= close;
    CHECK((c.is == option::state::expired) == expired);
    const auto end = expiry_instant(*day.plan->cal, c.expiry);
    CHECK(c.years == static_cast<double>(expired ? 0 : end - c.at) / (365.0 * 86'400 * second));
    for (const auto& o : c.options) {
      ++states[o.is];
      if ((o.is == option::state::expired) != expired) FAIL_CHECK(option::name(o.is));
    }
    if (c.expiry == same_day && c.is == option::state::ok) last_alive = c.at;
    before[c.expiry] = c;
    const auto index = day.index.find(c.at);
    if (c.source != forward_source::parity || index == day.index.end()) continue;
    ++compared;
    worst = std::max(worst, std::abs(c.forward / index->second - 1));
  }
  CHECK(r == day.records.end());
  CHECK(before.size() == 4);
  CHECK(before[same_day].at == close);
  CHECK(before[same_day].options.size() == 4);
  CHECK(last_alive == close - second);
  CHECK(compared > 1500);
  CHECK(worst < 0.003);

  const auto digest = digest_of(rows);
  MESSAGE(rows.size() << " rows, " << compared << " forwards at most " << worst * 100
                      << " % from the index; " << text_of(states) << "; digest " << digest);
  for (const std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    CAPTURE(block);
    const auto again = rows_of(day, block);
    CHECK(again == rows);
    CHECK(digest_of(again) == digest);
  }
}
