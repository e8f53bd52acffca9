#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "feed/kite/candles.hpp"
#include "feed/kite/rest.hpp"
#include "mock_kite.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::test;
using namespace artham::feed::kite;

namespace {

market::timestamp at(std::string_view text) {
  const auto t = market::parse_rfc3339(text);
  REQUIRE(t);
  return *t;
}

std::string refusal(std::string_view json) {
  const auto read = parse_candles(json);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::bad_input);
  return read.error().message;
}

std::string of_rows(const std::string& rows) {
  return R"({"status":"success","data":{"candles":[)" + rows + "]}}";
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const std::string good = R"(["2017-12-15T09:15:00+0530",1704.5,1705,1699.25,1702.8,2499])";

}  // namespace

TEST_CASE("candles are read to the last digit, with and without OI") {
  const auto read = parse_candles(
      of_rows(good + R"(,["2017-12-15T09:16:00+0530",0.0725,83.123456,0.05,83.1,0,13667775])"));
  REQUIRE_MESSAGE(read, read.error().message);
  REQUIRE(read->size() == 2);
  const auto& a = (*read)[0];
  CHECK(a.start == at("2017-12-15T09:15:00+05:30"));
  CHECK(market::to_string(a.open) == "1704.5");
  CHECK(market::to_string(a.high) == "1705");
  CHECK(market::to_string(a.low) == "1699.25");
  CHECK(market::to_string(a.close) == "1702.8");
  CHECK(a.volume == 2499);
  CHECK_FALSE(a.oi);
  const auto& b = (*read)[1];
  CHECK(market::to_string(b.open) == "0.0725");
  CHECK(market::to_string(b.high) == "83.123456");
  CHECK(b.volume == 0);
  CHECK(b.oi == 13667775);
  CHECK(parse_candles(of_rows(""))->empty());
}

TEST_CASE("what is no list of candles is refused, naming the candle and the column") {
  CHECK(has(refusal("candles"), "not JSON"));
  CHECK(has(refusal(""), "not JSON"));
  for (const auto* text :
       {"[]", "7", "{}", R"({"data":[]})", R"({"data":{}})", R"({"data":{"candles":{}}})"})
    CHECK(has(refusal(text), "no data.candles"));
  CHECK(
      has(refusal(R"({"status":"error","message":"invalid token","data":null})"), "invalid token"));
  const std::pair<const char*, const char*> rows[] = {
      {"7", "candle 2 is no list"},
      {R"(["2017-12-15T09:16:00+0530",1,1,1,1])", "candle 2 is no list"},
      {R"(["2017-12-15T09:16:00+0530",1,1,1,1,1,1,1])", "candle 2 is no list"},
      {R"([1513309560,1,1,1,1,1])", "candle 2 has no time"},
      {R"(["today",1,1,1,1,1])", "candle 2 time"},
      {R"(["2017-12-15T09:16:00+0530","1",1,1,1,1])", "candle 2 open"},
      {R"(["2017-12-15T09:16:00+0530",1,1e300,1,1,1])", "candle 2 high"},
      {R"(["2017-12-15T09:16:00+0530",1,1,null,1,1])", "candle 2 low"},
      {R"(["2017-12-15T09:16:00+0530",1,1,1,1,1.5])", "candle 2 volume: 1.5"},
      {R"(["2017-12-15T09:16:00+0530",1,1,1,1,-1])", "candle 2 volume: -1"},
      {R"(["2017-12-15T09:16:00+0530",1,1,1,1,1,"x"])", "candle 2 oi"},
      {R"(["2017-12-15T09:16:00+0530",3,2,1,1,1])", "candle 2 has a low above or a high below"},
      {R"(["2017-12-15T09:15:00+0530",1,1,1,1,1])", "candle 2 does not begin after"},
  };
  for (const auto& [row, expected] : rows) {
    CAPTURE(row);
    const auto text = refusal(of_rows(good + "," + row));
    CAPTURE(text);
    CHECK(has(text, expected));
  }
}

TEST_CASE("Kite's recorded answers are read") {
  const auto mocks =
      std::filesystem::path(source_dir()) / ".." / "shared" / "data" / "kite" / "mocks";
  if (!std::filesystem::exists(mocks)) {
    std::printf("%s is not there: Kite's answers are not read\n", mocks.string().c_str());
    return;
  }
  const auto read = [&](const char* file) {
    std::ifstream in(mocks / file);
    auto candles = parse_candles(std::string(std::istreambuf_iterator<char>(in), {}));
    REQUIRE_MESSAGE(candles, candles.error().message);
    return *candles;
  };
  const auto minutes = read("historical_minute.json");
  REQUIRE(minutes.size() > 3);
  CHECK(minutes[1].start - minutes[0].start == market::minute);
  CHECK_FALSE(minutes[0].oi);
  const auto with_oi = read("historical_oi.json");
  REQUIRE_FALSE(with_oi.empty());
  CHECK(with_oi[0].oi == 13667775);
}

TEST_CASE("Kite's names of intervals and ours mean the same") {
  for (const auto& [kite, ours] : {std::pair("minute", "1m"),
                                   {"3minute", "3m"},
                                   {"10minute", "10m"},
                                   {"60minute", "1h"},
                                   {"day", "1D"}}) {
    CHECK(*parse_interval(kite) == *market::parse_timeframe(ours));
    CHECK(*parse_interval(ours) == *market::parse_timeframe(ours));
    CHECK(*interval_of(*market::parse_timeframe(ours)) == kite);
  }
  CHECK(*parse_interval("60m") == *parse_interval("60minute"));
  const auto none = parse_interval("7minute");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::usage);
  CHECK(has(none.error().message, "\"7minute\""));
  CHECK_FALSE(parse_interval("1W"));
  CHECK(interval_of(*market::parse_timeframe("10s")).error().code == errc::unsupported);
}

TEST_CASE("candles are asked for in Kite's words, and refusals say what to do") {
  rest_request seen;
  rest_answer answer;
  mock_rest server([&](const rest_request& r) {
    seen = r;
    return answer;
  });
  const credentials who{"key", secret("token")};
  const auto fetch = [&](const std::string& url) {
    return fetch_candles({.url = url}, who, 408065, *market::parse_timeframe("1m"),
                         at("2017-12-15T09:15:00+05:30"), at("2017-12-15T09:20:00+05:30") - 1);
  };
  answer.body = of_rows(good);
  const auto got = fetch(server.url() + "/kite");
  REQUIRE_MESSAGE(got, got.error().message);
  CHECK(got->size() == 1);
  CHECK(seen.method == "GET");
  CHECK(seen.target ==
        "/kite/instruments/historical/408065/minute?from=2017-12-15%2009%3A15%3A00&to=2017-12-15%"
        "2009%3A19%3A59&oi=1");
  CHECK(seen.headers.at("authorization") == "token key:token");
  CHECK(seen.headers.at("x-kite-version") == "3");

  const auto refused = [&](int status, const std::string& body) {
    answer.status = status;
    answer.body = body;
    const auto none = fetch(server.url());
    REQUIRE_FALSE(none);
    CHECK(has(none.error().message, "408065"));
    return none.error();
  };
  auto e = refused(403, R"({"status":"error","message":"Incorrect `api_key` or `access_token`.",)"
                        R"("error_type":"TokenException","data":null})");
  CHECK(e.code == errc::refused);
  CHECK(has(e.message, "token_expired"));
  CHECK(has(e.message, "artham kite login"));
  e = refused(403, R"({"status":"error","message":"Insufficient permission for that call.",)"
                   R"("error_type":"PermissionException","data":null})");
  CHECK(e.code == errc::refused);
  CHECK_FALSE(has(e.message, "token_expired"));
  CHECK(has(e.message, "developers.kite.trade"));
  CHECK(refused(429, "{}").code == errc::unavailable);
  CHECK(refused(502, "<html>").code == errc::unavailable);
  CHECK(refused(400, R"({"status":"error","message":"invalid token","error_type":)"
                     R"("InputException"})")
            .code == errc::bad_input);
  CHECK(refused(200, "<html>hello</html>").code == errc::refused);
  CHECK(has(refused(200, of_rows("7")).message, "candle 1"));
}
