#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>

#include <nlohmann/json.hpp>

#include "store/sqlite/database.hpp"
#include "tests/support/process.hpp"
#include "tests/web/server_fixture.hpp"
#include "web/api/routes.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using nlohmann::json;

namespace {

const auto event_bars = *market::parse_timeframe("100t");
constexpr std::uint32_t infy = 408065;

/// A store's reading side that a test can watch, stop and break.
class watched_reader final : public support::no_features {
 public:
  explicit watched_reader(store::reader& r) : reader_(r) {}
  std::atomic<int> pages{0};
  std::function<std::optional<error>(int page)> before_page;

  result<std::vector<record::bar_record>> bars(const store::bar_query& q) override {
    const int page = pages++;
    if (before_page)
      if (auto e = before_page(page)) return tl::unexpected(*e);
    return reader_.bars(q);
  }
  result<std::vector<market::bar>> candles(std::string_view source,
                                           const store::bar_query& q) override {
    return reader_.candles(source, q);
  }
  result<std::vector<store::stored_instrument>> instruments() override {
    return reader_.instruments();
  }
  result<std::optional<store::stored_instrument>> find(std::string_view key,
                                                       std::optional<market::date> on) override {
    return reader_.find(key, on);
  }
  result<std::vector<store::gap_row>> gaps(market::timestamp from, market::timestamp to) override {
    return reader_.gaps(from, to);
  }
  result<std::uint64_t> count_ticks() override { return reader_.count_ticks(); }
  result<std::vector<store::stored_position>> positions() override { return reader_.positions(); }

 private:
  store::reader& reader_;
};

std::unique_ptr<store::database> opened(const std::string& file) {
  auto db = store::sqlite::open(file, {false, {event_bars}});
  REQUIRE_MESSAGE(db, (db ? "" : db.error().message));
  return std::move(*db);
}

struct export_fixture : server_fixture {
  test::scratch dir;
  std::unique_ptr<store::database> db = opened(dir / "artham.db");
  watched_reader reader{db->reading()};
  api_dependencies dependencies;
  market::timestamp open = *market::parse_rfc3339("2026-11-20T09:15:00+05:30");
  std::uint64_t causes = 0;
  const std::string bars = "/v1/bars?instrument=NSE:INFY&timeframe=100t";

  export_fixture() {
    const std::vector list{make_instrument(infy, "NSE", "INFY", "INFOSYS", "NSE")};
    REQUIRE(db->writing().put_instruments(list, market::make_date(2020, 1, 1)));
    dependencies.reader = &reader;
    dependencies.operations.metrics = &metrics;
    dependencies.timeframes = {event_bars};
    dependencies.calendar_of = [](std::uint32_t) { return nullptr; };
  }
  ~export_fixture() { running.reset(); }

  std::uint16_t serve() {
    handler = make_api(dependencies);
    const auto port = start();
    handler = nullptr;
    return port;
  }
  record::bar_record bar(market::timestamp start, std::uint32_t revision = 0) {
    record::bar_record r;
    r.cause = {{1, ++causes}, 0};
    r.bar.token = infy;
    r.bar.start = start;
    r.bar.end = start + 1000;
    r.bar.open = r.bar.high = r.bar.low =
        r.bar.close = {static_cast<std::int64_t>(causes) * market::price_scale};
    r.bar.ticks = 100;
    r.bar.revision = revision;
    return r;
  }
  void put(std::span<const record::bar_record> list) {
    REQUIRE(db->writing().put_bars(event_bars, list));
  }
  /// Bars that begin within one second, a microsecond apart, up to five revisions each; one is
  /// withdrawn. Of `bars` bars, `rows` rows.
  void put_revised(int count, std::size_t& rows) {
    std::vector<record::bar_record> list;
    for (int i = 0; i < count; ++i) {
      const auto start = open + i / 12 * market::second + i % 12 * market::microsecond;
      for (int revision = 0; revision <= i % 5; ++revision)
        list.push_back(bar(start, static_cast<std::uint32_t>(revision)));
    }
    list.back().bar.ticks = 0;
    put(list);
    rows = list.size();
  }
  void put_many(int count) {
    std::vector<record::bar_record> list;
    list.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) list.push_back(bar(open + i * market::microsecond));
    put(list);
  }
};

/// Starts and revisions of one answer, or of all pages by `next`.
std::vector<json> paged(raw_client& c, const std::string& target) {
  std::vector<json> all;
  std::string cursor;
  do {
    const auto a = c.get(target + cursor);
    REQUIRE_MESSAGE(a.status == 200, a.body);
    const auto d = json::parse(a.body);
    all.insert(all.end(), d["bars"].begin(), d["bars"].end());
    REQUIRE(all.size() < 1'000'000);
    CHECK(d["more"] == d.contains("next"));
    cursor = d.contains("next") ? "&cursor=" + d["next"].get<std::string>() : "";
  } while (!cursor.empty());
  return all;
}

/// The bodies of all pages by the header field Link.
std::vector<std::string> linked(raw_client& c, std::string target) {
  std::vector<std::string> all;
  while (!target.empty()) {
    const auto a = c.get(target);
    REQUIRE_MESSAGE(a.status == 200, a.body);
    all.push_back(a.body);
    const auto link = a.field("Link");
    CHECK((link.empty() || link.ends_with(">; rel=\"next\"")));
    target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  return all;
}

chunked_answer streamed(raw_client& c, const std::string& target) {
  c.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return receive_chunked(c);
}

std::vector<json> lines_of(const std::string& ndjson) {
  std::vector<json> all;
  for (std::size_t at = 0; at < ndjson.size();) {
    const auto end = ndjson.find('\n', at);
    REQUIRE(end != std::string::npos);
    all.push_back(json::parse(ndjson.substr(at, end - at)));
    at = end + 1;
  }
  return all;
}

}  // namespace

TEST_CASE_FIXTURE(export_fixture, "pages of any size have what one big read has, both ways") {
  std::size_t rows = 0;
  put_revised(60, rows);
  raw_client c(serve());
  for (const std::string revision : {"last", "all"}) {
    for (const std::string order : {"asc&from=0", "desc"}) {
      const auto target = bars + "&revision=" + revision + "&order=" + order + "&limit=";
      const auto whole = json::parse(c.get(target + "10000").body)["bars"];
      REQUIRE(whole.size() == (revision == "all" ? rows : 59));
      for (const int limit : {1, 2, 3, 7, 12, 58, 59, 60, 179, 180, 181}) {
        CAPTURE(target);
        CAPTURE(limit);
        CHECK((json(paged(c, target + std::to_string(limit))) == whole));
      }
    }
  }
}

TEST_CASE_FIXTURE(export_fixture, "without a start, pages go from the newest bars to the oldest") {
  std::size_t rows = 0;
  put_revised(30, rows);
  raw_client c(serve());
  const auto whole = json::parse(c.get(bars + "&limit=10000").body)["bars"];
  const auto first = json::parse(c.get(bars + "&limit=20").body);
  const auto second =
      json::parse(c.get(bars + "&limit=20&cursor=" + first["next"].get<std::string>()).body);
  CHECK_FALSE(second["more"]);
  auto all = second["bars"];
  all.insert(all.end(), first["bars"].begin(), first["bars"].end());
  CHECK(all == whole);
}

TEST_CASE_FIXTURE(export_fixture, "a bar that is revised between two pages comes once") {
  std::size_t rows = 0;
  put_revised(12, rows);
  raw_client c(serve());
  for (const std::string order : {"asc&from=0", "desc"}) {
    const auto target = bars + "&limit=4&order=" + order;
    const auto first = json::parse(c.get(target).body);
    const auto& last = first["bars"].back();
    const auto start = last["start"].get<std::int64_t>() * market::microsecond;
    put(std::vector{bar(start, last["revision"].get<std::uint32_t>() + 1)});
    const auto second =
        json::parse(c.get(target + "&cursor=" + first["next"].get<std::string>()).body);
    REQUIRE(second["bars"].size() == 4);
    CHECK(second["bars"][0]["start"] ==
          last["start"].get<std::int64_t>() + (order == "desc" ? -1 : 1));
  }
}

TEST_CASE_FIXTURE(export_fixture, "CSV and lines of JSON are paged by a link to the next page") {
  std::size_t rows = 0;
  put_revised(40, rows);
  raw_client c(serve());
  const auto target = bars + "&from=0&revision=all&format=";
  const auto documents = json::parse(c.get(target + "json&limit=10000").body)["bars"];
  const auto one = c.get(target + "ndjson&limit=10000");
  CHECK(one.field("Content-Type") == "application/x-ndjson");
  CHECK(json(lines_of(one.body)) == documents);
  const auto csv = c.get(target + "csv&limit=10000").body;
  const auto header = csv.substr(0, csv.find('\n') + 1);
  for (const std::string limit : {"1", "7", "120", "121"}) {
    std::string all;
    for (const auto& page : linked(c, target + "ndjson&limit=" + limit)) all += page;
    CHECK(all == one.body);
    all = header;
    for (const auto& page : linked(c, target + "csv&limit=" + limit)) {
      REQUIRE(page.starts_with(header));
      all += page.substr(header.size());
    }
    CHECK(all == csv);
  }
}

TEST_CASE_FIXTURE(export_fixture, "the exchange's candles are paged and exported, too") {
  std::vector<market::bar> candles;
  for (int i = 0; i < 20; ++i) {
    candles.push_back(bar(open + i * market::minute).bar);
    candles.back().fields = market::bar::volume_known;
  }
  REQUIRE(db->writing().put_candles("kite", *market::parse_timeframe("1m"), candles));
  dependencies.export_page = 6;
  raw_client c(serve());
  const std::string target = "/v1/bars?instrument=NSE:INFY&timeframe=1m&source=kite&order=";
  for (const std::string order : {"asc&from=0", "desc"}) {
    const auto whole = json::parse(c.get(target + order).body)["bars"];
    REQUIRE(whole.size() == 20);
    CHECK(json(paged(c, target + order + "&limit=3")) == whole);
    CHECK(json(lines_of(streamed(c, target + order + "&limit=all&format=ndjson").body)) == whole);
  }
}

TEST_CASE_FIXTURE(export_fixture, "200,000 bars in one answer are those of all pages") {
  put_many(200'000);
  raw_client c(serve());
  for (const std::string order : {"asc", "desc"}) {
    for (const std::string format : {"csv", "ndjson"}) {
      CAPTURE(order);
      CAPTURE(format);
      const auto target = bars + "&order=" + order + "&format=" + format + "&limit=";
      const auto a = streamed(c, target + "all");
      CHECK(a.status == 200);
      CHECK(a.whole);
      std::string all;
      for (const auto& page : linked(c, target + "10000" + (order == "asc" ? "&from=0" : ""))) {
        const bool again = format == "csv" && !all.empty();
        all += again ? page.substr(page.find('\n') + 1) : page;
      }
      CHECK(std::ranges::count(all, '\n') == 200'000 + (format == "csv" ? 1 : 0));
      CHECK((a.body == all));
    }
  }
}

TEST_CASE_FIXTURE(export_fixture, "an export has its range, its revisions and its indicators") {
  std::size_t rows = 0;
  put_revised(50, rows);
  dependencies.export_page = 7;
  raw_client c(serve());
  const auto from = "&from=" + std::to_string(open / market::microsecond + 3);
  for (const std::string more : {"&revision=all", "&revision=all&order=desc",
                                 "&indicators=sma:3,ema:2", "&order=desc&indicators=sma:3"}) {
    CAPTURE(more);
    const auto whole = json::parse(c.get(bars + from + more + "&limit=10000").body)["bars"];
    const auto a = streamed(c, bars + from + more + "&limit=all&format=ndjson");
    CHECK(a.whole);
    CHECK(json(lines_of(a.body)) == whole);
  }
  CHECK(streamed(c, bars + "&to=5&limit=all&format=ndjson").body.empty());
  const auto none = streamed(c, bars + "&to=5&limit=all&format=csv");
  CHECK(none.whole);
  CHECK(none.body.starts_with("instrument_token,"));
  CHECK(c.get("/v1/bars?instrument=NSE:NOPE&timeframe=100t&limit=all&format=csv").status == 404);
  const auto refused = c.get(bars + "&limit=all");
  CHECK(refused.status == 400);
  CHECK(refused.body.find("ndjson") != std::string::npos);
  CHECK(c.get(bars + "&cursor=12").status == 400);
  CHECK(c.get(bars + "&cursor=1.-2").status == 400);
}

TEST_CASE_FIXTURE(export_fixture, "who takes nothing has at most two pages read, and is cut") {
  put_many(100'000);
  options.idle_timeout = std::chrono::milliseconds(400);
  const auto port = serve();
  raw_client stuck(port, 4096);
  stuck.send("GET " + bars + "&limit=all&format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return reader.pages >= 1; }));
  // Others are served meanwhile.
  raw_client other(port);
  CHECK(other.get(bars + "&limit=3").status == 200);
  CHECK(counted("slow_reader"));
  CHECK(reader.pages <= 1 + 2);
  CHECK_FALSE(receive_chunked(stuck).whole);
}

TEST_CASE_FIXTURE(export_fixture, "who leaves in the middle stops the reading") {
  put_many(200'000);
  dependencies.export_page = 500;
  const auto port = serve();
  {
    raw_client c(port);
    c.send("GET " + bars + "&limit=all&format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(c.receive(200'000).size() == 200'000);
  }
  CHECK(counted("client_left"));
  CHECK(reader.pages < 40);
  CHECK(eventually([&] { return value("artham_web_connections") == 0; }));
}

TEST_CASE_FIXTURE(export_fixture, "a store that goes away in the middle cuts the answer") {
  put_many(30'000);
  reader.before_page = [](int page) -> std::optional<error> {
    if (page == 3) return error{errc::unavailable, "the database went away"};
    if (page == 7) throw std::runtime_error("out of luck");
    return {};
  };
  const auto port = serve();
  const auto target = bars + "&limit=all&format=csv";
  for (int round = 1; round <= 2; ++round) {
    raw_client c(port);
    const auto a = streamed(c, target);
    CHECK(a.status == 200);
    CHECK_FALSE(a.whole);
    CHECK(std::ranges::count(a.body, '\n') == 15'001);
    CHECK(c.ended());
    CHECK(eventually([&] { return value("artham_web_refused_total", "answer_failed") == round; }));
  }
  raw_client again(port);
  CHECK(streamed(again, target).whole);
  // Before anything is sent, it is an answer as any other.
  reader.before_page = [](int) { return error{errc::unavailable, "the database is away"}; };
  CHECK(again.get(target).status == 503);
}

TEST_CASE_FIXTURE(export_fixture, "exports beyond the limit are turned away; room comes back") {
  put_many(40'000);
  dependencies.exports = 2;
  const auto port = serve();
  const auto target = bars + "&limit=all&format=csv";
  const auto begun = [&](raw_client& c) {
    c.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return c.receive_until("\r\n").find(" 200 ") != std::string::npos;
  };
  auto a = std::make_unique<raw_client>(port, 4096);
  raw_client b(port, 4096);
  CHECK(begun(*a));
  CHECK(begun(b));
  raw_client c(port);
  const auto refused = c.get(target);
  CHECK(refused.status == 503);
  CHECK(refused.field("Retry-After") == "2");
  CHECK(c.get(bars + "&limit=3").status == 200);
  a.reset();
  CHECK(eventually([&] {
    raw_client d(port, 4096);
    return begun(d);
  }));
}

TEST_CASE_FIXTURE(export_fixture, "the server stops while a page of an export is read") {
  put_many(20'000);
  dependencies.export_page = 500;
  std::mutex held;
  std::unique_lock hold(held);
  reader.before_page = [&](int page) -> std::optional<error> {
    if (page == 1) const std::lock_guard wait(held);
    return {};
  };
  raw_client c(serve());
  c.send("GET " + bars + "&limit=all&format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return reader.pages == 2; }));
  std::thread stopping([&] { running->stop(); });
  CHECK_FALSE(receive_chunked(c).whole);
  hold.unlock();
  stopping.join();
  CHECK(reader.pages == 2);
}
