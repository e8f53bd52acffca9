#include <doctest/doctest.h>

#include <atomic>

#include <nlohmann/json.hpp>

#include "tests/web/fakes.hpp"
#include "tests/web/inbox.hpp"
#include "web/api/routes.hpp"

using namespace artham;
using namespace artham::web;
using nlohmann::json;

namespace {

struct fixture {
  testing::fake_reader reader;
  runtime::metrics metrics;
  api_dependencies dependencies;
  market::timestamp open = *market::parse_rfc3339("2026-11-20T09:15:00+05:30");

  fixture() {
    reader.add(testing::make_instrument(408065, "NSE", "INFY", "INFOSYS", "NSE"));
    reader.add(testing::make_instrument(256265, "NSE", "NIFTY 50", "NIFTY 50", "INDICES"));
    reader.add(testing::make_instrument(500209, "BSE", "INFY", "INFOSYS", "BSE"));
    reader.add(testing::make_instrument(7, "NSE", "INFYBEES", "INFO ETF", "NSE"));
    reader.add(testing::make_instrument(9, "NSE", "GONE", "EXPIRED", "NSE"));
    reader.list.back().valid_to = market::make_date(2026, 1, 1);
    for (int i = 0; i < 5; ++i) {
      record::bar_record r;
      r.bar.token = 408065;
      r.bar.start = open + i * market::minute;
      r.bar.end = r.bar.start + market::minute;
      r.bar.open = r.bar.high = r.bar.low = r.bar.close = {(100 + i) * market::price_scale};
      r.bar.volume = 10 * i;
      r.bar.fields = market::bar::volume_known;
      r.bar.ticks = 3;
      reader.rows.push_back(r);
    }
    reader.rows[0].bar.flags = 3;
    dependencies.reader = &reader;
    dependencies.operations.metrics = &metrics;
    dependencies.timeframes = *market::parse_timeframes("1m,5m");
    dependencies.operations.version = "1.2.3";
  }

  http_response ask(const http_handler& handler, std::string_view target,
                    std::string_view method = "GET") {
    auto q = *parse_target(target);
    q.method = method;
    const auto box = std::make_shared<testing::inbox>();
    handler(q, responder(box));
    return box->wait();
  }
  http_response ask(std::string_view target, std::string_view method = "GET") {
    return ask(make_api(dependencies), target, method);
  }
  json problem_of(std::string_view target, unsigned status) {
    CAPTURE(target);
    const auto r = ask(target);
    CHECK(r.status == status);
    CHECK(r.content_type == "application/problem+json");
    const auto document = json::parse(r.body);
    CHECK(document["status"] == status);
    CHECK(document["instance"] == target);
    return document;
  }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "bars come as JSON, oldest first") {
  const auto r = ask("/v1/bars?instrument=NSE:INFY&timeframe=1m");
  CHECK(r.status == 200);
  CHECK(r.content_type == "application/json");
  const auto document = json::parse(r.body);
  CHECK(document["instrument"] == "NSE:INFY");
  CHECK(document["timeframe"] == "1m");
  CHECK(document["more"] == false);
  REQUIRE(document["bars"].size() == 5);
  const auto& first = document["bars"][0];
  CHECK(first["start"] == open / 1000);
  CHECK(first["open"] == "100");
  CHECK(first["flags"] == json::array({"partial", "gap"}));
  CHECK(first["final"] == true);
  CHECK(first["ticks"] == 3);
  CHECK_FALSE(first.contains("oi"));
  CHECK(document["bars"][1]["volume"] == 10);
}

TEST_CASE_FIXTURE(fixture, "event bars are asked for by their text, however it is written") {
  dependencies.timeframes = *market::parse_timeframes("1m,100t,2.5r");
  CHECK(json::parse(ask("/v1/timeframes").body)["timeframes"] ==
        json::array({"1m", "100t", "2.5r"}));
  const auto found = json::parse(ask("/v1/bars?instrument=NSE:INFY&timeframe=2.50r").body);
  CHECK(found["timeframe"] == "2.5r");
  CHECK(found["bars"].size() == 5);
  const std::string other = problem_of("/v1/bars?instrument=NSE:INFY&timeframe=50t", 400)["detail"];
  CHECK(other.find("stored are 1m, 100t, 2.5r") != std::string::npos);
  const std::string none = problem_of("/v1/bars?instrument=NSE:INFY&timeframe=0t", 400)["detail"];
  CHECK(none.find("'0t'") != std::string::npos);
  CHECK(none.find("accepted are") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "a limit keeps the newest bars, or the first after a given start") {
  const auto closes = [&](std::string_view query) {
    std::vector<std::string> out;
    const auto d =
        json::parse(ask("/v1/bars?instrument=408065&timeframe=1m" + std::string(query)).body);
    for (const auto& b : d["bars"]) out.push_back(b["close"]);
    out.push_back(d["more"] ? "more" : "all");
    return out;
  };
  using texts = std::vector<std::string>;
  CHECK(closes("&limit=2") == texts{"103", "104", "more"});
  CHECK(closes("&limit=2&order=desc") == texts{"104", "103", "more"});
  CHECK(closes("&limit=2&from=2026-11-20T09:16:00%2B05:30") == texts{"101", "102", "more"});
  CHECK(closes("&from=2026-11-20T09:18:00+05:30") == texts{"103", "104", "all"});
  CHECK(closes("&to=" + std::to_string((open + market::minute) / 1000)) == texts{"100", "all"});
}

TEST_CASE_FIXTURE(fixture, "weeks and longer are made of the stored days") {
  const auto nse = testing::nse_calendar();
  dependencies.timeframes = *market::parse_timeframes("1m,1D");
  dependencies.calendar_of = [nse](std::uint32_t) { return nse; };
  reader.rows.clear();
  for (int i = 0; i < 60; ++i) {
    const market::date d{market::make_date(2026, 9, 21).days + i};  // a Monday
    if (market::weekday(d) > 4) continue;
    record::bar_record r;
    r.bar.token = 408065;
    r.bar.start = nse->day(d).sessions.front().open;
    r.bar.end = nse->day(d).sessions.front().close;
    r.bar.open = r.bar.high = r.bar.low = r.bar.close = {(100 + i) * market::price_scale};
    r.bar.volume = 1;
    r.bar.fields = market::bar::volume_known;
    reader.rows.push_back(r);
  }
  const auto asked = [&](const std::string& query) {
    return json::parse(ask("/v1/bars?instrument=NSE:INFY&" + query).body);
  };
  const auto weeks = asked("timeframe=1W");
  REQUIRE(weeks["bars"].size() == 9);
  CHECK(weeks["timeframe"] == "1W");
  CHECK(weeks["bars"][0]["open"] == "100");
  CHECK(weeks["bars"][0]["close"] == "104");
  CHECK(weeks["bars"][0]["volume"] == 5);
  CHECK(weeks["bars"][0]["final"] == true);
  // The last week ends on a Thursday: Friday is to come.
  CHECK(weeks["bars"][8]["volume"] == 4);
  CHECK(weeks["bars"][8]["final"] == false);

  const auto newest = asked("timeframe=1W&limit=2");
  REQUIRE(newest["bars"].size() == 2);
  CHECK(newest["more"] == true);
  CHECK(newest["bars"][0] == weeks["bars"][7]);
  CHECK(newest["bars"][1] == weeks["bars"][8]);
  const auto oldest = asked("timeframe=1W&limit=2&from=2026-09-22T00:00:00%2B05:30");
  CHECK(oldest["bars"][0] == weeks["bars"][1]);
  CHECK(oldest["more"] == true);
  const auto until = asked("timeframe=1W&to=2026-09-29T12:00:00%2B05:30");
  REQUIRE(until["bars"].size() == 2);
  CHECK(until["bars"][1] == weeks["bars"][1]);
  const auto months = asked("timeframe=1M");
  REQUIRE(months["bars"].size() == 3);
  CHECK(months["bars"][1]["volume"] == 22);
  const auto means = asked("timeframe=1W&indicators=sma:2&limit=2&to=2026-10-26T00:00:00%2B05:30");
  CHECK(means["bars"][0]["indicators"]["sma:2"] == "121.5");
  CHECK(asked("timeframe=1W&indicators=sma:1")["bars"][8]["indicators"] == json::object());
  CHECK(asked("timeframe=1Y")["bars"].size() == 1);
  CHECK(json::parse(ask("/v1/timeframes").body)["periods"].size() == 5);
  for (const std::string order : {"asc&from=0", "desc"}) {
    json paged = json::array();
    for (std::string cursor = "."; !cursor.empty();) {
      const auto page =
          asked("timeframe=1W&limit=2&order=" + order + (cursor == "." ? "" : "&cursor=" + cursor));
      for (const auto& b : page["bars"]) paged.push_back(b);
      REQUIRE(paged.size() <= 9);
      cursor = page.value("next", "");
    }
    CHECK(paged == asked("timeframe=1W&order=" + order)["bars"]);
  }
  dependencies.timeframes = *market::parse_timeframes("1m,1D,100t,2.5r");
  CHECK(json::parse(ask("/v1/timeframes").body)["periods"].size() == 5);

  dependencies.timeframes = *market::parse_timeframes("1m");
  const std::string detail = problem_of("/v1/bars?instrument=NSE:INFY&timeframe=1W", 400)["detail"];
  CHECK(detail.find("made of 1D bars") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "weeks of seven days are paged backwards to the oldest") {
  market::calendar_spec spec;
  spec.name = "ALL";
  spec.offsets = {{0, market::india_offset}};
  spec.weekend = {};
  spec.regulars = {{market::make_date(2020, 1, 1), {{10 * market::hour, 11 * market::hour}}}};
  const auto all_days =
      std::make_shared<const market::calendar>(*market::calendar::make(std::move(spec)));
  dependencies.timeframes = *market::parse_timeframes("1D");
  dependencies.calendar_of = [all_days](std::uint32_t) { return all_days; };
  reader.rows.clear();
  for (int i = 0; i < 35; ++i) {
    record::bar_record r;
    const auto session = all_days->day({market::make_date(2026, 9, 21).days + i}).sessions.front();
    r.bar.token = 408065;
    r.bar.start = session.open;
    r.bar.end = session.close;
    r.bar.open = r.bar.high = r.bar.low = r.bar.close = {(100 + i) * market::price_scale};
    r.bar.ticks = 1;
    reader.rows.push_back(r);
  }
  std::vector<std::string> opens;
  for (std::string cursor = "."; !cursor.empty();) {
    const auto page =
        json::parse(ask("/v1/bars?instrument=NSE:INFY&timeframe=1W&order=desc&limit=1" +
                        (cursor == "." ? "" : "&cursor=" + cursor))
                        .body);
    REQUIRE(page["bars"].size() == 1);
    opens.push_back(page["bars"][0]["open"]);
    REQUIRE(opens.size() <= 5);
    cursor = page.value("next", "");
  }
  CHECK(opens == std::vector<std::string>{"128", "121", "114", "107", "100"});
}

TEST_CASE_FIXTURE(fixture,
                  "bars are asked for as they were known at a time, and with all revisions") {
  market::timestamp asked_for = 0;
  dependencies.position_at = [&](market::timestamp t) -> result<record::position> {
    asked_for = t;
    return record::position{3, 77};
  };
  const std::string bars = "/v1/bars?instrument=NSE:INFY&timeframe=1m";
  CHECK(ask(bars).status == 200);
  CHECK_FALSE(reader.asked.all_revisions);
  CHECK(reader.asked.as_of.epoch == UINT32_MAX);
  CHECK(asked_for == 0);
  CHECK(ask(bars + "&revision=all&as_of=2026-11-20T09:20:00%2B05:30").status == 200);
  CHECK(reader.asked.all_revisions);
  CHECK(asked_for == open + 5 * market::minute);
  CHECK(reader.asked.as_of == record::position{3, 77});
}

TEST_CASE_FIXTURE(fixture, "the exchange's own candles come only on request, flagged") {
  market::bar candle = reader.rows[0].bar;
  candle.flags = static_cast<std::uint16_t>(market::bar_flag::backfilled);
  candle.high = {777 * market::price_scale};
  reader.candle_rows = {candle};
  const std::string bars = "/v1/bars?instrument=NSE:INFY&timeframe=";
  CHECK(ask(bars + "1m").body.find("777") == std::string::npos);
  CHECK(ask(bars + "1m&source=own").body.find("777") == std::string::npos);
  CHECK(reader.candles_of.empty());
  // 3m is not among the stored timeframes: it does not have to be.
  const auto d = json::parse(ask(bars + "3m&source=kite&limit=7&from=5").body);
  CHECK(reader.candles_of == "kite");
  CHECK(reader.asked.timeframe == *market::parse_timeframe("3m"));
  CHECK(reader.asked.limit == 8);
  REQUIRE(d["bars"].size() == 1);
  CHECK(d["bars"][0]["high"] == "777");
  CHECK(d["bars"][0]["flags"] == json::array({"backfilled"}));
  CHECK(ask(bars + "1m&source=kite&format=csv").body.find("777") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "bars come as CSV in the exchange's zone") {
  const auto r = ask("/v1/bars?instrument=NSE:INFY&timeframe=1m&limit=1&from=0&format=csv");
  CHECK(r.content_type == "text/csv; charset=utf-8");
  CHECK(r.body ==
        "instrument_token,bar_start,open,high,low,close,volume,oi,oi_change,vwap,ticks,flags,"
        "revision\n"
        "408065,2026-11-20T09:15:00+05:30,100,100,100,100,0,,,,3,partial|gap,0\n");
}

TEST_CASE_FIXTURE(fixture, "indicators of bars begin with the bars before them") {
  const auto asked = [&](const std::string& query) {
    json out = json::array();
    const auto d = json::parse(ask("/v1/bars?instrument=NSE:INFY&timeframe=1m&" + query).body);
    for (const auto& b : d["bars"]) out.push_back(b["indicators"]);
    return out;
  };
  // Closes 100 101 102 103 104.
  const auto all = asked("indicators=sma:2,rsi:3%20atr:2");
  CHECK(all == json::parse(R"([{},{"sma:2":"100.5","atr:2":"0.5"},{"sma:2":"101.5","atr:2":"0.75"},
      {"sma:2":"102.5","rsi:3":100.0,"atr:2":"0.875"},
      {"sma:2":"103.5","rsi:3":100.0,"atr:2":"0.9375"}])"));
  const std::string later = "&from=2026-11-20T09:17:00%2B05:30&limit=2";
  CHECK(asked("indicators=sma:2+rsi:3+atr:2" + later) == json::array({all[2], all[3]}));
  CHECK(asked("indicators=sma:2+rsi:3+atr:2&limit=2&order=desc") == json::array({all[4], all[3]}));
  // For an SMA of 2, one bar more; then until the wanted ones.
  asked("indicators=sma:2" + later);
  CHECK(reader.asked.limit == 1);
  CHECK(reader.asked.newest_first);
  CHECK(reader.asked.to == open + 2 * market::minute);
  CHECK(asked("indicators=sma:2&to=5").empty());

  const auto plain = json::parse(ask("/v1/bars?instrument=NSE:INFY&timeframe=1m").body);
  CHECK_FALSE(plain["bars"][0].contains("indicators"));
  const auto csv =
      ask("/v1/bars?instrument=NSE:INFY&timeframe=1m&format=csv&to=" +
          std::to_string((open + 2 * market::minute) / 1000) + "&indicators=sma:2,rsi:1,atr:1")
          .body;
  CHECK(csv.find(",revision,sma:2,rsi:1,atr:1\n") != std::string::npos);
  CHECK(csv.find(",partial|gap,0,,,0\n") != std::string::npos);
  CHECK(csv.ends_with(",0,100.5,100,1\n"));
}

TEST_CASE_FIXTURE(fixture, "a VWAP sees its trading day from the beginning, and no other") {
  const auto nse = testing::nse_calendar();
  const std::string later = "/v1/bars?instrument=NSE:INFY&timeframe=1m&limit=1&indicators=";
  CHECK(json::parse(ask(later + "vwap").body)["detail"] ==
        "no calendar is known for the instrument");
  dependencies.calendar_of = [nse](std::uint32_t) { return nse; };
  auto yesterday = reader.rows.back();
  yesterday.bar.start -= market::day;
  yesterday.bar.end -= market::day;
  yesterday.bar.volume = 1'000'000;
  reader.rows.insert(reader.rows.begin(), yesterday);
  const auto last = [&](const std::string& indicators) {
    return json::parse(ask(later + indicators).body)["bars"][0]["indicators"];
  };
  // Volumes 0 10 20 30 40 at 100 to 104: the mean is 103, the variance 1.
  const auto alone = last("vwap:2");
  CHECK(alone == json::parse(R"({"vwap:2":"103","vwap:2:upper":"105","vwap:2:lower":"101"})"));
  CHECK(last("vwap,sma:2") == json::parse(R"({"vwap":"103","sma:2":"103.5"})"));
  CHECK(last("vwap,ema:4")["vwap"] == "103");
  CHECK(last("vwap,sma:6") == json::parse(R"({"vwap":"103","sma:6":"102.333333333"})"));
  for (const auto& r : std::vector(reader.rows.begin() + 1, reader.rows.end() - 1)) {
    for (int i = 1; i <= 25'001; ++i) {
      reader.rows.push_back(r);
      reader.rows.back().bar.start += i * market::millisecond;
    }
  }
  std::ranges::sort(reader.rows, {}, [](const auto& r) { return r.bar.start; });
  const std::string detail = problem_of(later + "vwap,ema:4", 400)["detail"];
  CHECK(detail.find("more than 100000 bars") != std::string::npos);
  const auto opening = json::parse(ask(later + "vwap&from=" + std::to_string(open / 1000)).body);
  CHECK(opening["bars"][0]["indicators"] == json::object());
}

TEST_CASE_FIXTURE(fixture, "a bad parameter is named together with the way out") {
  const std::pair<const char*, const char*> cases[] = {
      {"timeframe=1m", "'instrument' is missing"},
      {"instrument=NSE:INFY", "'timeframe' is missing; stored are 1m, 5m"},
      {"instrument=NSE:INFY&timeframe=7m", "timeframe='7m' is not stored; stored are 1m, 5m"},
      {"instrument=NSE:INFY&timeframe=bogus", "timeframe"},
      {"instrument=NSE:INFY&timeframe=1m&limit=0", "limit='0'"},
      {"instrument=NSE:INFY&timeframe=1m&limit=10001", "10000"},
      {"instrument=NSE:INFY&timeframe=1m&limit=5x", "limit='5x'"},
      {"instrument=NSE:INFY&timeframe=1m&from=yesterday", "from='yesterday'"},
      {"instrument=NSE:INFY&timeframe=1m&to=99999999999999999999", "to='9999"},
      {"instrument=NSE:INFY&timeframe=1m&from=9223372036854775807", "from='922"},
      {"instrument=NSE:INFY&timeframe=1m&from=5&to=4", "'from' is after 'to'"},
      {"instrument=NSE:INFY&timeframe=1m&order=up", "asc, desc"},
      {"instrument=NSE:INFY&timeframe=1m&format=xml", "json, csv"},
      {"instrument=NSE:INFY&timeframe=1m&revision=2", "last, all"},
      {"instrument=NSE:INFY&timeframe=1m&as_of=now", "as_of='now'"},
      {"instrument=NSE:INFY&timeframe=1m&source=nse", "own, kite"},
      {"instrument=NSE:INFY&source=kite", "'timeframe' is missing"},
      {"instrument=NSE:INFY&timeframe=1W&source=kite", "1W"},
      {"instrument=NSE:INFY&timeframe=1m&source=kite&revision=all", "'revision' is for our own"},
      {"instrument=NSE:INFY&timeframe=1m&source=kite&as_of=5", "'as_of' is for our own"},
      {"instrument=NSE:INFY&timeframe=1m&indicators=macd:3", "'macd:3': no such indicator"},
      {"instrument=NSE:INFY&timeframe=1m&indicators=", "nothing is named"},
      {"instrument=NSE:INFY&timeframe=1m&indicators=sma:2&revision=all", "leave out revision"},
      {"instrument=NSE:INFY&timeframe=1D&source=kite&indicators=ema:2,vwap",
       "for bars shorter than 1D"},
      {"instrument=NSE:INFY&timeframe=1m&limt=5", "'limt' is not known"},
      {"instrument=NSE:INFY&timeframe=1m&limit=5&limit=6", "given twice"},
  };
  for (const auto& [query, expected] : cases) {
    const std::string detail = problem_of("/v1/bars?" + std::string(query), 400)["detail"];
    CAPTURE(detail);
    CHECK(detail.find(expected) != std::string::npos);
  }
  problem_of("/v1/instruments?limit=-1", 400);
  problem_of("/v1/gaps?from=x", 400);
  problem_of("/v1/status?x=1", 400);
}

TEST_CASE_FIXTURE(fixture, "unknown instruments and paths are 404") {
  const auto unknown = problem_of("/v1/bars?instrument=NSE:NOPE&timeframe=1m", 404);
  CHECK(unknown["type"] == "urn:artham:problem:unknown-instrument");
  reader.list.front().valid_from = {20'458};
  CHECK(ask("/v1/bars?instrument=NSE:INFY&timeframe=1m&on=2026-01-05").status == 200);
  const std::string before =
      problem_of("/v1/bars?instrument=NSE:INFY&timeframe=1m&on=2026-01-04", 404)["detail"];
  CHECK(before.find("on 2026-01-04") != std::string::npos);
  problem_of("/v1/bars?instrument=NSE:INFY&timeframe=1m&on=yesterday", 400);
  problem_of("/v1/nothing", 404);
  problem_of("/page.exe", 404);
  problem_of("/..%2f..%2fetc/passwd", 404);
}

TEST_CASE_FIXTURE(fixture, "other methods are refused with what is allowed") {
  for (const char* target : {"/v1/bars", "/", "/metrics"}) {
    const auto r = ask(target, "POST");
    CHECK(r.status == 405);
    CHECK(r.headers == text_pairs{{"Allow", "GET, HEAD"}});
  }
}

TEST_CASE_FIXTURE(fixture, "instruments are found by words of key and name, best first") {
  const auto keys = [&](std::string_view query) {
    std::vector<std::string> out;
    const auto document = json::parse(ask("/v1/instruments?" + std::string(query)).body);
    for (const auto& i : document["instruments"]) out.push_back(i["key"]);
    return out;
  };
  using texts = std::vector<std::string>;
  CHECK(keys("") == texts{"NSE:NIFTY 50", "BSE:INFY", "NSE:INFY", "NSE:INFYBEES"});
  CHECK(keys("query=infy") == texts{"BSE:INFY", "NSE:INFY", "NSE:INFYBEES"});
  CHECK(keys("query=infy&exchange=nse") == texts{"NSE:INFY", "NSE:INFYBEES"});
  CHECK(keys("query=nse%3Ainfy") == texts{"NSE:INFY", "NSE:INFYBEES"});
  CHECK(keys("query=etf+nse") == texts{"NSE:INFYBEES"});
  CHECK(keys("query=gone").empty());
  const auto limited = json::parse(ask("/v1/instruments?query=infy&limit=1").body);
  CHECK(limited["instruments"].size() == 1);
  CHECK(limited["total"] == 3);
}

TEST_CASE_FIXTURE(fixture, "a search does not read the whole list again for each letter") {
  const auto handler = make_api(dependencies);
  for (int i = 0; i < 10; ++i) ask(handler, "/v1/instruments?query=i");
  CHECK(reader.instrument_reads == 1);
}

TEST_CASE_FIXTURE(fixture, "gaps have times and a cause") {
  reader.gap_rows.push_back(
      {open, open + market::second, market::gap_cause::stalled, "silent", {}});
  const auto d = json::parse(ask("/v1/gaps").body);
  REQUIRE(d["gaps"].size() == 1);
  CHECK(d["gaps"][0]["from"] == open / 1000);
  CHECK(d["gaps"][0]["cause"] == "stalled");
  CHECK(d["gaps"][0]["detail"] == "silent");
  CHECK_FALSE(d["gaps"][0].contains("instrument_tokens"));
  CHECK(json::parse(ask("/v1/gaps?to=5").body)["gaps"].empty());
}

TEST_CASE_FIXTURE(fixture, "gaps of some instruments name them, and are those of no other") {
  const auto token = reader.list.front().instrument.token;
  const auto other = token + 1;
  const auto lost = [&](market::timestamp from, std::vector<std::uint32_t> tokens) {
    store::gap_row g;
    g.from = from;
    g.to = from + market::second;
    g.cause = market::gap_cause::disconnected;
    g.tokens = std::move(tokens);
    return g;
  };
  reader.gap_rows = {lost(open, {token}), lost(open + market::minute, {other}),
                     lost(open + market::hour, {})};
  store::gap_row stopped = lost(open + 2 * market::hour, {});
  stopped.token = other;
  reader.gap_rows.push_back(stopped);
  const auto all = json::parse(ask("/v1/gaps").body)["gaps"];
  REQUIRE(all.size() == 4);
  CHECK(all[0]["instrument_tokens"] == json::array({token}));
  CHECK(all[1]["instrument_tokens"] == json::array({other}));
  CHECK_FALSE(all[2].contains("instrument_tokens"));
  const auto own = json::parse(ask("/v1/gaps?instrument=" + std::to_string(token)).body)["gaps"];
  REQUIRE(own.size() == 2);
  CHECK(own[0]["from"] == open / 1000);
  CHECK(own[1]["from"] == (open + market::hour) / 1000);
  problem_of("/v1/gaps?instrument=NSE:NOBODY", 404);
}

TEST_CASE_FIXTURE(fixture, "a store that fails is an answer, not an end") {
  reader.failure = error{errc::unavailable, "database is locked"};
  CHECK(problem_of("/v1/bars?instrument=NSE:INFY&timeframe=1m", 503)["detail"] ==
        "database is locked");
  reader.failure = error{errc::corrupt, "page 7 is damaged"};
  problem_of("/v1/gaps", 500);
  reader.failure.reset();
  reader.before_bars = [] { throw std::runtime_error("out of luck"); };
  problem_of("/v1/bars?instrument=NSE:INFY&timeframe=1m", 500);
}

TEST_CASE_FIXTURE(fixture, "queries beyond the queue are turned away, not piled up") {
  dependencies.readers = 1;
  dependencies.queued_reads = 2;
  std::atomic<bool> hold{true};
  reader.before_bars = [&] {
    while (hold) std::this_thread::yield();
  };
  const auto handler = make_api(dependencies);
  std::vector<std::shared_ptr<testing::inbox>> boxes;
  for (int i = 0; i < 10; ++i) {
    auto q = *parse_target("/v1/bars?instrument=NSE:INFY&timeframe=1m");
    q.method = "GET";
    boxes.push_back(std::make_shared<testing::inbox>());
    handler(q, responder(boxes.back()));
  }
  CHECK(boxes.back()->wait().status == 503);
  CHECK_FALSE(boxes.front()->answered());
  CHECK(ask(handler, "/livez").status == 200);
  hold = false;
  CHECK(boxes.front()->wait().status == 200);
}

TEST_CASE_FIXTURE(fixture, "status and tree are asked for, within a limit") {
  dependencies.operations.status = [](auto done) { done(R"({"state":"live"})"); };
  CHECK(ask("/v1/status").body == R"({"state":"live"})");
  problem_of("/v1/system/tree", 503);

  dependencies.operations.tree = [](auto) {};
  auto q = *parse_target("/v1/system/tree");
  q.method = "GET";
  const auto box = std::make_shared<testing::inbox>();
  make_api(dependencies)(q, responder(box));
  CHECK(box->limit_ == std::chrono::seconds(2));
}

TEST_CASE_FIXTURE(fixture, "operations' routes") {
  CHECK(ask("/livez").body == "ok\n");
  CHECK(ask("/readyz").status == 200);
  dependencies.operations.ready = [] { return readiness{false, "the feed is not connected"}; };
  const std::string detail = problem_of("/readyz", 503)["detail"];
  CHECK(detail.find("the feed is not connected") != std::string::npos);
  metrics.counter("artham_test_total", "A test").add(7);
  const auto r = ask("/metrics");
  CHECK(r.content_type.starts_with("text/plain; version=0.0.4"));
  CHECK(r.body.find("artham_test_total 7") != std::string::npos);
  CHECK(json::parse(ask("/version").body)["version"] == "1.2.3");
  const auto frames = json::parse(ask("/v1/timeframes").body);
  CHECK(frames["timeframes"] == json::array({"1m", "5m"}));
  CHECK(frames["utc_offset_seconds"] == 19800);
}

TEST_CASE_FIXTURE(fixture, "the page is served with its policy and is not sent twice") {
  const auto handler = make_api(dependencies);
  const auto r = ask(handler, "/");
  CHECK(r.status == 200);
  CHECK(r.content_type == "text/html; charset=utf-8");
  std::string etag;
  bool policy = false;
  for (const auto& [name, value] : r.headers) {
    if (name == "ETag") etag = value;
    policy =
        policy || (name == "Content-Security-Policy" && value.find("'none'") != std::string::npos);
  }
  CHECK(policy);
  REQUIRE_FALSE(etag.empty());
  auto q = *parse_target("/");
  q.method = "GET";
  q.if_none_match = etag;
  const auto box = std::make_shared<testing::inbox>();
  handler(q, responder(box));
  CHECK(box->wait().status == 304);
  for (const char* file : {"/page.js", "/chart.js", "/page.css", "/favicon.svg"})
    CHECK(ask(handler, file).status == 200);
}

TEST_CASE_FIXTURE(fixture,
                  "the proof of a bar has the stored one, the one made again and the ticks") {
  reader.rows[0].bar.first = {1, 5};
  reader.rows[0].bar.last = {1, 9};
  reader.rows[0].cause = {{1, 12}, 0};
  reader.rows.push_back(reader.rows[0]);
  reader.rows.back().bar.revision = 1;
  record::bar_record asked_about;
  dependencies.evidence = [&](market::timeframe,
                              const record::bar_record& stored) -> result<bar_evidence> {
    asked_about = stored;
    bar_evidence e;
    e.recomputed = stored;
    market::proven_tick t;
    t.tick.epoch = 1;
    t.tick.seq = 5;
    t.tick.time = open + market::second;
    t.receive = open + 2 * market::second;
    t.tick.last = {100 * market::price_scale};
    t.tick.volume_or_size = 40;
    t.tick.fields = market::bar_input::volume;
    t.counted = 10;
    e.ticks.push_back(t);
    t.fate = market::tick_fate::too_late;
    t.counted.reset();
    e.ticks.push_back(t);
    e.replayed_from = {1, 1};
    e.replayed_to = {1, 12};
    return e;
  };
  const std::string proof = "/v1/bars/proof?instrument=NSE:INFY&timeframe=1m&start=";
  const std::string start = "2026-11-20T09:15:00%2B05:30";
  const auto r = ask(proof + start);
  REQUIRE(r.status == 200);
  CHECK(r.content_type == "application/json");
  auto d = json::parse(r.body);
  CHECK(d["instrument"] == "NSE:INFY");
  CHECK(d["timeframe"] == "1m");
  CHECK(d["equal"] == true);
  CHECK(d["stored"]["revision"] == 1);
  CHECK(d["stored"]["first"] == json{{"epoch", 1}, {"seq", 5}});
  CHECK(d["stored"]["cause"] == json{{"epoch", 1}, {"seq", 12}});
  CHECK(d["recomputed"] == d["stored"]);
  CHECK(d["differences"].empty());
  CHECK(d["ticks"] == json::array({{{"epoch", 1},
                                    {"seq", 5},
                                    {"t_ex", (open + market::second) / 1000},
                                    {"t_rx", (open + 2 * market::second) / 1000},
                                    {"last", "100"},
                                    {"volume", 40},
                                    {"counted", 10},
                                    {"fate", "used"}},
                                   {{"epoch", 1},
                                    {"seq", 5},
                                    {"t_ex", (open + market::second) / 1000},
                                    {"t_rx", (open + 2 * market::second) / 1000},
                                    {"last", "100"},
                                    {"volume", 40},
                                    {"fate", "too_late"}}}));
  CHECK(asked_about.bar.revision == 1);
  CHECK(ask(proof + std::to_string(open / 1000) + "&revision=0").status == 200);
  CHECK(asked_about.bar.revision == 0);

  dependencies.evidence = [](market::timeframe, const record::bar_record&) -> result<bar_evidence> {
    bar_evidence e;
    e.differences.push_back({"high", "101", "102"});
    return e;
  };
  d = json::parse(ask(proof + start).body);
  CHECK(d["equal"] == false);
  CHECK_FALSE(d.contains("recomputed"));
  CHECK(d["differences"] ==
        json::array({{{"column", "high"}, {"stored", "101"}, {"recomputed", "102"}}}));
}

TEST_CASE_FIXTURE(fixture, "a bar that cannot be proven is a problem that says why") {
  dependencies.evidence = [](market::timeframe, const record::bar_record&) -> result<bar_evidence> {
    return fail(errc::not_found, "the journal begins later");
  };
  const std::string proof = "/v1/bars/proof?";
  const std::string bar = proof + "instrument=NSE:INFY&timeframe=1m&start=";
  const auto start = std::to_string(open / 1000);
  auto gone = problem_of(bar + start, 410);
  CHECK(gone["type"] == "urn:artham:problem:ticks-gone");
  CHECK(gone["detail"] == "the journal begins later");
  dependencies.evidence = [](market::timeframe, const record::bar_record&) -> result<bar_evidence> {
    return fail(errc::full, "more than 20000");
  };
  CHECK(problem_of(bar + start, 422)["type"] == "urn:artham:problem:too-many-ticks");
  CHECK(problem_of(bar + std::to_string(open / 1000 + 1), 404)["type"] ==
        "urn:artham:problem:no-such-bar");
  const std::string detail = problem_of(bar + start + "&revision=3", 404)["detail"];
  CHECK(detail.find("with that revision") != std::string::npos);
  CHECK(problem_of(proof + "instrument=NSE:NOPE&timeframe=1m&start=0", 404)["type"] ==
        "urn:artham:problem:unknown-instrument");
  const std::pair<const char*, const char*> cases[] = {
      {"timeframe=1m&start=0", "'instrument' is missing"},
      {"instrument=NSE:INFY&timeframe=7m&start=0", "stored are 1m, 5m"},
      {"instrument=NSE:INFY&timeframe=1m", "'start' is missing"},
      {"instrument=NSE:INFY&timeframe=1m&start=now", "start='now'"},
      {"instrument=NSE:INFY&timeframe=1m&start=0&revision=-1", "revision='-1'"},
      {"instrument=NSE:INFY&timeframe=1m&start=0&limit=5", "'limit' is not known"},
  };
  for (const auto& [query, expected] : cases) {
    const std::string text = problem_of(proof + query, 400)["detail"];
    CAPTURE(text);
    CHECK(text.find(expected) != std::string::npos);
  }
  dependencies.timeframes = *market::parse_timeframes("1m,1D");
  problem_of(proof + "instrument=NSE:INFY&timeframe=1W&start=0", 400);
  dependencies.evidence = nullptr;
  problem_of(bar + start, 503);
}
