#include <doctest/doctest.h>

#include <map>

#include <nlohmann/json.hpp>

#include "tests/web/fakes.hpp"
#include "tests/web/inbox.hpp"
#include "web/api/routes.hpp"

using namespace artham;
using namespace artham::web;
using nlohmann::json;

namespace {

constexpr std::uint32_t infy = 408065;

struct fixture {
  testing::fake_reader reader;
  runtime::metrics metrics;
  api_dependencies dependencies;
  market::timestamp open = *market::parse_rfc3339("2026-11-20T09:15:00+05:30");
  std::map<std::uint32_t, last_tick> ticks;
  std::optional<error> no_ticks;

  fixture() {
    reader.add(testing::make_instrument(infy, "NSE", "INFY", "INFOSYS", "NSE"));
    for (int i = 0; i < 13; ++i) {
      record::bar_record r;
      r.bar.token = infy;
      r.bar.start = open + i * 5 * market::minute;
      r.bar.end = r.bar.start + 5 * market::minute;
      r.bar.open = {(100 + i) * market::price_scale};
      r.bar.high = {(200 + i) * market::price_scale};
      r.bar.low = {(50 - i) * market::price_scale};
      r.bar.close = {(101 + i) * market::price_scale};
      r.bar.volume = 10 + i;
      r.bar.fields = market::bar::volume_known;
      r.bar.ticks = 3;
      reader.rows.push_back(r);
    }
    dependencies.reader = &reader;
    dependencies.operations.metrics = &metrics;
    dependencies.timeframes = *market::parse_timeframes("5m,1D");
    dependencies.calendar_of = [](std::uint32_t) { return testing::nse_calendar(); };
    dependencies.quotes.last_tick =
        [this](std::uint32_t token) -> result<std::optional<last_tick>> {
      if (no_ticks) return tl::unexpected(*no_ticks);
      const auto it = ticks.find(token);
      return it == ticks.end() ? std::nullopt : std::optional(it->second);
    };
    dependencies.quotes.token_of = [](std::string_view key) {
      return key == "NSE:INFY" ? std::optional(infy) : std::nullopt;
    };
  }

  http_response ask(http_request q) {
    const auto box = std::make_shared<testing::inbox>();
    make_api(dependencies)(q, responder(box));
    return box->wait();
  }
  http_request get(std::string_view target) {
    auto q = *parse_target(target);
    q.method = "GET";
    q.address = "127.0.0.1:1234";
    return q;
  }
  void refused(const http_request& q, unsigned status, std::string_view type) {
    CAPTURE(q.target);
    const auto r = ask(q);
    CHECK(r.status == status);
    CHECK(r.content_type == "application/json");
    const auto document = json::parse(r.body);
    CHECK(document["status"] == "error");
    CHECK(document["error_type"] == type);
    CHECK(document["data"].is_null());
    CHECK(document["message"].get<std::string>().size() > 5);
  }
};

const std::string candles = "/kite/instruments/historical/408065/";
const std::string of_day = "?from=2026-11-20+09:15:00&to=2026-11-20+15:30:00";

}  // namespace

TEST_CASE_FIXTURE(fixture, "Kite's errors say whose fault it is") {
  refused(get(candles + "5minute?from=2026-11-20"), 400, "InputException");
  refused(get("/kite/quote"), 400, "InputException");
  auto odd = get("/kite/user/profile");
  for (const auto* value : {"Bearer x", "token", "token x", "token :x", "token x:"}) {
    odd.authorization = runtime::secret(value);
    refused(odd, 403, "TokenException");
  }
  odd.authorization = runtime::secret("token key:granted");
  CHECK(ask(odd).status == 200);

  no_ticks = error{errc::unavailable, "the journal is being read"};
  refused(get("/kite/quote?i=NSE:INFY"), 503, "NetworkException");
  reader.failure = error{errc::unavailable, "the store is away"};
  refused(get(candles + "5minute" + of_day), 503, "NetworkException");
  reader.failure = error{errc::corrupt, "the store is damaged"};
  refused(get("/kite/instruments"), 502, "DataException");
  reader.failure = error{errc::refused, "the store says no"};
  refused(get("/kite/instruments/NSE"), 500, "GeneralException");
}

TEST_CASE_FIXTURE(fixture, "candles of an interval that is not stored are made, or refused") {
  const auto rows = [&](const std::string& target) {
    const auto r = ask(get(target));
    REQUIRE_MESSAGE(r.status == 200, r.body);
    return json::parse(r.body)["data"]["candles"];
  };
  const auto tens = rows(candles + "10minute" + of_day);
  REQUIRE(tens.size() == 7);
  CHECK(tens[1] == json({"2026-11-20T09:25:00+0530", 102, 203, 47, 104, 25}));
  CHECK(rows(candles + "60minute" + of_day).size() == 2);
  CHECK(rows(candles + "5minute" + of_day + "&oi=1")[0].size() == 7);
  CHECK(rows(candles + "10minute?from=2026-11-20+09:16:00&to=2026-11-20+09:35:00") ==
        json({tens[1], tens[2]}));
  refused(get(candles + "3minute" + of_day), 400, "InputException");
  CHECK(rows(candles + "5minute?from=2026-08-12&to=2026-11-20").empty());
  refused(get(candles + "5minute?from=2026-08-11&to=2026-11-20"), 400, "InputException");
}

TEST_CASE_FIXTURE(fixture, "fields that a packet does not have are zero in a quote") {
  auto& last = ticks[infy];
  last.tick.token = infy;
  last.tick.last = {1'299'050'000'000};
  last.receive = open + 1'500'000'000;
  const auto quote = json::parse(ask(get("/kite/quote?i=NSE:INFY")).body)["data"]["NSE:INFY"];
  CHECK(quote["last_price"] == 1299.05);
  CHECK(quote["timestamp"] == "2026-11-20 09:15:01");
  CHECK(quote["last_trade_time"].is_null());
  CHECK(quote["net_change"] == 0);
  CHECK(quote["lower_circuit_limit"] == 0);
  CHECK(quote["depth"]["sell"][4] == json({{"price", 0}, {"quantity", 0}, {"orders", 0}}));
  const auto r = json::parse(ask(get("/udf/quotes?symbols=NSE:INFY")).body);
  CHECK(r["d"][0]["v"]["lp"] == 1299.05);
  CHECK_FALSE(r["d"][0]["v"].contains("bid"));
}

TEST_CASE_FIXTURE(fixture, "a chart that the store fails for gets an error that it understands") {
  reader.failure = error{errc::unavailable, "the store is away"};
  const auto r = ask(get("/udf/history?symbol=NSE:INFY&resolution=5&from=0&to=2000000000"));
  CHECK(r.status == 503);
  CHECK(json::parse(r.body) == json({{"s", "error"}, {"errmsg", "the store is away"}}));
  CHECK(ask(get("/udf/nothing")).status == 404);
  auto post = get("/udf/config");
  post.method = "POST";
  CHECK(ask(post).status == 405);
}

TEST_CASE_FIXTURE(fixture, "revised bars and losses of the feed are marks, the newest first") {
  reader.rows[2].bar.revision = 3;
  reader.rows[2].bar.flags = static_cast<std::uint16_t>(market::bar_flag::late);
  reader.rows[4].bar.flags = static_cast<std::uint16_t>(market::bar_flag::gap);
  store::gap_row feed_lost;
  feed_lost.from = open + market::minute;
  feed_lost.to = open + 2 * market::minute;
  feed_lost.cause = market::gap_cause::stalled;
  store::gap_row other = feed_lost;
  other.token = 1;
  store::gap_row stopped = feed_lost;
  stopped.to = market::never;
  stopped.token = infy;
  reader.gap_rows = {feed_lost, other, stopped};
  const auto second = open / market::second;
  const auto query = "?symbol=NSE:INFY&resolution=5&from=" + std::to_string(second) +
                     "&to=" + std::to_string(second + 1200);
  const auto marks = json::parse(ask(get("/udf/marks" + query)).body);
  REQUIRE(marks.size() == 2);
  CHECK(marks[0]["time"] == second + 1200);
  CHECK(marks[0]["label"] == "G");
  CHECK(marks[1]["time"] == second + 600);
  CHECK(marks[1]["label"] == "R");
  CHECK(marks[1]["text"] == "revision 3 (late)");
  const auto scale = json::parse(ask(get("/udf/timescale_marks" + query)).body);
  REQUIRE(scale.size() == 2);
  CHECK(scale[0]["label"] == "S");
  CHECK(scale[0]["tooltip"][2] == "not over");
  CHECK(scale[1]["label"] == "G");
  CHECK(scale[1]["tooltip"] == json({"feed lost: stalled", "from 2026-11-20T09:16:00+05:30",
                                     "to 2026-11-20T09:17:00+05:30"}));
}

TEST_CASE_FIXTURE(fixture, "a login has all of its fields") {
  auto q = get("/kite/session/token");
  q.method = "POST";
  q.body = "api_key=k%26y&request_token=asked&checksum=c";
  const auto r = ask(q);
  CHECK(r.status == 200);
  CHECK(json::parse(r.body)["data"]["api_key"] == "k&y");
  for (const auto* body :
       {"", "api_key=k&request_token=asked", "api_key=k&checksum=c",
        "request_token=asked&checksum=c", "api_key=&request_token=asked&checksum=c"}) {
    q.body = body;
    refused(q, 400, "InputException");
  }
}
