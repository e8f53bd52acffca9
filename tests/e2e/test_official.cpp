#include <doctest/doctest.h>

#include <sys/stat.h>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "tests/e2e/recorded.hpp"
#include "tests/feed/mock_kite.hpp"
#include "tests/support/gzip.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::vector<std::vector<std::string>> rows(const std::string& data, const std::string& query) {
  std::vector<std::vector<std::string>> all;
  std::istringstream lines(sql(data, query));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    all.emplace_back();
    for (std::string f; std::getline(fields, f, '|');) all.back().push_back(f);
  }
  return all;
}

/// Kite's candles: as our own bars are, until a test changes them.
class official {
 public:
  explicit official(const std::string& data)
      : server_([this](const rest_request& r) {
          const std::lock_guard lock(mutex_);
          ++requests_;
          return answer_ ? answer_(r) : candles(r);
        }) {
    for (auto& r :
         rows(data,
              "SELECT instrument_token, strftime('%Y-%m-%dT%H:%M:%S', bar_start_ts / 1000000000 + "
              "19800, 'unixepoch') || '+0530', open, high, low, close, COALESCE(volume, 0) FROM "
              "bars_1m AS b WHERE revision = (SELECT MAX(revision) FROM bars_1m AS l WHERE "
              "l.instrument_id = b.instrument_id AND l.bar_start_ts = b.bar_start_ts) ORDER BY "
              "bar_start_ts")) {
      std::vector<std::int64_t> numbers;
      for (std::size_t i = 2; i < r.size(); ++i) numbers.push_back(std::stoll(r[i]));
      bars_[r[0]].push_back({r[1], numbers});
    }
    REQUIRE_FALSE(bars_.empty());
  }
  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::string any_token() const { return bars_.begin()->first; }
  [[nodiscard]] std::size_t instruments() const { return bars_.size(); }

  void answer(std::function<rest_answer(const rest_request&)> by) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(by);
    requests_ = 0;
  }
  int requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// Adds to a column (0 open, …, 4 volume) of every instrument's n-th bar.
  void change(std::size_t n, std::size_t column, std::int64_t by) {
    const std::lock_guard lock(mutex_);
    for (auto& [token, bars] : bars_) bars.at(n).numbers.at(column) += by;
  }
  void remove(std::size_t n) {
    const std::lock_guard lock(mutex_);
    for (auto& [token, bars] : bars_) bars.erase(bars.begin() + static_cast<std::ptrdiff_t>(n));
  }
  /// What Kite would answer.
  rest_answer candles(const rest_request& r) {
    const std::string head = "/instruments/historical/";
    const auto fail = [](const std::string& what) {
      rest_answer a;
      a.status = 400;
      a.body = R"({"status":"error","message":")" + what + R"(","error_type":"InputException"})";
      return a;
    };
    if (r.headers.count("authorization") == 0 ||
        r.headers.at("authorization") != "token key:granted") {
      rest_answer a;
      a.status = 403;
      a.body = R"({"status":"error","message":"Incorrect `api_key` or `access_token`.",)"
               R"("error_type":"TokenException","data":null})";
      return a;
    }
    if (!r.target.starts_with(head)) return fail("no such route");
    const auto slash = r.target.find('/', head.size());
    const auto token = r.target.substr(head.size(), slash - head.size());
    if (!r.target.substr(slash).starts_with("/minute?from=") || !r.target.ends_with("&oi=1"))
      return fail("bad parameters");
    if (bars_.count(token) == 0) return fail("invalid token");
    rest_answer a;
    a.headers = {{"Content-Type", "application/json"}};
    a.body = json_of(token, time_in(r.target, "from="), time_in(r.target, "to="));
    return a;
  }
  /// Those of an instrument as a file.
  std::string json_of(const std::string& token, const std::string& from = "",
                      const std::string& to = "9") {
    std::string text = R"({"status":"success","data":{"candles":[)";
    for (const auto& b : bars_[token]) {
      if (b.start.substr(0, 19) < from || b.start.substr(0, 19) > to) continue;
      text += text.ends_with("[") ? "[" : ",[";
      text += '"' + b.start + '"';
      for (std::size_t i = 0; i < 4; ++i) {
        char price[40];
        std::snprintf(price, sizeof price, ",%lld.%09lld",
                      static_cast<long long>(b.numbers[i] / 1'000'000'000),
                      static_cast<long long>(b.numbers[i] % 1'000'000'000));
        text += price;
      }
      text += "," + std::to_string(b.numbers[4]) + "]";
    }
    return text + "]}}";
  }

 private:
  struct bar {
    std::string start;
    std::vector<std::int64_t> numbers;
  };
  /// `from=2026-11-20%2009%3A15%3A00` as `2026-11-20T09:15:00`.
  static std::string time_in(const std::string& target, const std::string& name) {
    auto text = target.substr(target.find(name) + name.size());
    text = text.substr(0, text.find('&'));
    if (text.size() != 25) return "not a time";
    return text.substr(0, 10) + "T" + text.substr(13, 2) + ":" + text.substr(18, 2) + ":" +
           text.substr(23, 2);
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<bar>> bars_;  // guarded by mutex_, as the following
  std::function<rest_answer(const rest_request&)> answer_;
  int requests_ = 0;
  mock_rest server_;
};

/// Six minutes of three instruments, as a recording.
std::string six_minutes(const scratch& dir) {
  const auto file = dir / "six_minutes.csv";
  std::ofstream out(file);
  out << "exchange_timestamp,instrument_token,last_price,volume_traded\n";
  for (int s = 0; s < 360; s += 7) {
    for (const auto* token : {"408065", "738561", "341249"}) {
      char row[120];
      std::snprintf(row, sizeof row, "2026-11-20T05:%02d:%02dZ,%s,%d.%02d,%d\n", 15 + s / 60,
                    s % 60, token, 1500 + s * 7 % 23, s % 20 * 5, 1000 + s * 3);
      out << row;
    }
  }
  return file;
}

const std::vector<std::string> fast{"--speed", "max", "--set", "bars.timeframes=10s 1m 5m 1D"};

/// Plays it into a new data directory until everything is stored.
void play(const scratch& dir, const std::string& data) {
  auto options = fast;
  options.insert(options.end(), {"--recording", six_minutes(dir)});
  node n(data, options);
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  CHECK(n.stop() == 0);
}

void log_in(const std::string& data) {
  std::ofstream(data + "/access_token.json")
      << R"({"api_key":"key","access_token":"granted","user_id":"AB1234","login_time":)"
      << R"("2026-11-20T08:31:07+05:30"})";
  REQUIRE(chmod((data + "/access_token.json").c_str(), 0600) == 0);
}

/// A gap from within the second minute bar to within the third.
void insert_gap(const std::string& data) {
  sql(data,
      "INSERT INTO gaps (epoch, seq, from_ts, to_ts, cause, detail) SELECT 99, 1, "
      "MIN(bar_start_ts) + 70000000000, MIN(bar_start_ts) + "
      "130000000000, 1, '' FROM bars_1m");
}

json counts(const finished& f) {
  INFO(f.err);
  CHECK(f.code == 0);
  return json::parse(f.out);
}

finished backfill(const std::string& data, const std::string& url,
                  std::vector<std::string> more = {"--json"}) {
  std::vector<std::string> args{"backfill", "--data", data, "--url", url};
  args.insert(args.end(), more.begin(), more.end());
  return artham::test::artham(std::move(args));
}

finished reconcile(const std::string& data, std::vector<std::string> more) {
  std::vector<std::string> args{"reconcile", "--data", data};
  args.insert(args.end(), more.begin(), more.end());
  return artham::test::artham(std::move(args));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "gaps are filled beside our bars, also while the program runs, and doing it again is safe") {
  const scratch dir;
  const auto data = dir / "data";
  auto options = fast;
  options.insert(options.end(), {"--recording", six_minutes(dir)});
  node n(data, options);
  REQUIRE(n.wait_for(settled));
  official kite(data);
  log_in(data);
  CHECK(counts(backfill(data, kite.url()))["requests"] == 0);
  insert_gap(data);
  const auto before = sql(data, "SELECT * FROM bars_1m");
  const auto all = kite.instruments();

  auto first = counts(backfill(data, kite.url()));
  CHECK(first["instruments"] == all);
  CHECK(first["requests"] == all);
  CHECK(first["added"] == first["candles"]);
  CHECK(first["candles"] == 2 * all);
  auto again = counts(backfill(data, kite.url()));
  CHECK(again["candles"] == first["candles"]);
  CHECK(again["added"] == 0);
  CHECK(again["changed"] == 0);
  CHECK(sql(data, "SELECT COUNT(*) FROM candles") == first["candles"].dump() + "\n");

  kite.change(1, 1, 50'000'000);
  again = counts(backfill(data, kite.url()));
  CHECK(again["added"] == 0);
  CHECK(again["changed"] == all);
  CHECK(sql(data, "SELECT * FROM bars_1m") == before);

  const auto path = "/v1/bars?instrument=" + kite.any_token() + "&timeframe=1m";
  const auto ours = n.get(path)["bars"];
  const auto theirs = n.get(path + "&source=kite")["bars"];
  REQUIRE_FALSE(theirs.empty());
  CHECK(theirs.size() < ours.size());
  CHECK(theirs[0]["start"] == ours[1]["start"]);
  CHECK(theirs[0]["close"] == ours[1]["close"]);
  CHECK(theirs[0]["high"] != ours[1]["high"]);
  CHECK(theirs[0]["flags"] == json::array({"backfilled"}));
  CHECK(n.stop() == 0);
  CHECK(artham::test::artham({"verify", "--data", data}).code == 0);
}

TEST_CASE("a server that refuses, fails or makes no sense is told, with the way out") {
  const scratch dir;
  const auto data = dir / "data";
  play(dir, data);
  insert_gap(data);
  official kite(data);
  const auto nothing_stored = [&] { CHECK(sql(data, "SELECT COUNT(*) FROM candles") == "0\n"); };

  // Without a login; the first refusal is the last request.
  auto f = backfill(data, kite.url());
  CHECK(f.code == 3);
  CHECK(has(f.err, "token_expired"));
  CHECK(has(f.err, "artham kite login"));
  CHECK_FALSE(has(f.err, "granted"));
  CHECK(kite.requests() == 1);
  nothing_stored();

  log_in(data);
  const auto with = [&](int status, const std::string& body, const std::string& encoding = "") {
    kite.answer([=](const rest_request&) {
      rest_answer a;
      a.status = status;
      a.body = body;
      if (!encoding.empty()) a.headers = {{"Content-Encoding", encoding}};
      return a;
    });
    return backfill(data, kite.url());
  };
  f = with(200, "<html>hello</html>");
  CHECK(f.code == 3);
  CHECK(has(f.err, "no list of candles"));
  CHECK(kite.requests() == 1);
  f = with(503, "");
  CHECK(f.code == 3);
  CHECK(has(f.err, "HTTP 503"));
  CHECK(kite.requests() == 3);
  nothing_stored();
  const auto empty = gzip(R"({"status":"success","data":{"candles":[]}})");
  CHECK(counts(with(200, empty, "gzip"))["candles"] == 0);
  CHECK(with(200, empty.substr(0, 20), "gzip").code == 4);

  // Too many requests: the same one again, later.
  std::atomic<int> asked{0};
  kite.answer([&](const rest_request& r) {
    if (++asked > 1) return kite.candles(r);
    rest_answer a;
    a.status = 429;
    a.body = R"({"status":"error","message":"Too many requests","error_type":"NetworkException"})";
    return a;
  });
  const auto all = kite.instruments();
  CHECK(counts(backfill(data, kite.url()))["requests"] == all + 1);

  // One instrument that Kite does not take is no reason to go without the others.
  const auto refused = kite.any_token();
  kite.answer([&](const rest_request& r) {
    if (!has(r.target, "/" + refused + "/")) return kite.candles(r);
    rest_answer a;
    a.status = 400;
    a.body = R"({"status":"error","message":"invalid token","error_type":"InputException"})";
    return a;
  });
  f = backfill(data, kite.url());
  CHECK(f.code == 2);
  CHECK(has(f.err, refused));
  CHECK(has(f.err, "invalid token"));
  CHECK(json::parse(f.out)["instruments"] == all - 1);

  CHECK(backfill(data, "ftp://127.0.0.1").code == 2);
  f = backfill(data, kite.url(), {"--interval", "7minute"});
  CHECK(f.code == 2);
  CHECK(has(f.err, "7minute"));
  f = backfill(dir / "none", kite.url());
  CHECK(f.code == 3);
  CHECK(has(f.err, dir / "none"));
}

TEST_CASE("our bars are held against the exchange's, and each difference has its reason") {
  const scratch dir;
  const auto data = dir / "data";
  play(dir, data);
  official kite(data);
  log_in(data);
  const auto token = kite.any_token();
  const auto file = dir / "candles.json";
  const auto against = [&](std::vector<std::string> more = {}) {
    std::ofstream(file) << kite.json_of(token);
    more.insert(more.end(), {"--kite", file, "--instrument", token});
    return reconcile(data, std::move(more));
  };
  auto f = against();
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  CHECK(has(f.out, "differences 0\n"));
  const auto bars = sql(data, "SELECT COUNT(*) FROM candles");
  CHECK(has(f.out, "added " + bars));
  CHECK(has(f.out, "bars " + bars));
  CHECK(has(against().out, "added 0\nchanged 0\n"));

  const auto own = sql(data, "SELECT * FROM bars_1m");
  kite.change(0, 1, 50'000'000);
  f = against();
  CHECK(f.code == 1);
  CHECK(has(f.out, " 1m "));
  CHECK(has(f.out, "high: ours "));
  CHECK(has(f.out, ": conflated_extreme\n"));
  CHECK(has(f.out, "conflated_extreme 1\n"));
  CHECK(has(f.out, "changed 1\n"));
  kite.change(0, 4, 5);
  kite.change(1, 4, -5);
  auto j = json::parse(against({"--json"}).out);
  CHECK(j["equal"] == false);
  CHECK(j["classes"]["conflated_extreme"] == 1);
  CHECK(j["classes"]["volume_timing"] == 2);
  CHECK(j["classes"]["other"] == 0);
  CHECK(j["differences"].size() == 3);
  CHECK(j["differences"][1]["column"] == "volume");
  insert_gap(data);
  j = json::parse(against({"--json"}).out);
  CHECK(j["classes"]["missed_in_gap"] == 1);
  kite.remove(0);
  kite.remove(0);
  CHECK(against().code == 0);  // what the file does not reach is not compared
  f = against({"--from", sql(data, "SELECT MIN(bar_start_ts) FROM bars_1m").substr(0, 19)});
  CHECK(f.code == 0);
  CHECK(sql(data, "SELECT * FROM bars_1m") == own);
  CHECK(artham::test::artham({"verify", "--data", data}).code == 0);

  SUBCASE("fetched") {
    f = reconcile(data, {"--url", kite.url(), "--instrument", token, "--json"});
    CHECK(f.code == 0);
    CHECK(json::parse(f.out)["changed"] == 0);
    CHECK(kite.requests() == 1);
    std::filesystem::remove(data + "/access_token.json");
    f = reconcile(data, {"--url", kite.url(), "--instrument", token});
    CHECK(f.code == 3);
    CHECK(has(f.err, "token_expired"));
  }
  SUBCASE("what cannot be compared is refused by name") {
    const auto refused = [&](std::vector<std::string> args, int code, const std::string& part) {
      f = reconcile(data, std::move(args));
      INFO(f.err);
      CHECK(f.code == code);
      CHECK(has(f.err, part));
    };
    refused({"--kite", dir / "none.json", "--instrument", token}, 2, "none.json");
    std::ofstream(file) << "{";
    refused({"--kite", file, "--instrument", token}, 2, file + ": it is not JSON");
    std::ofstream(file) << R"({"data":{"candles":[]}})";
    refused({"--kite", file, "--instrument", token}, 2, "no candle");
    refused({"--kite", file, "--instrument", "NSE:NOSUCH"}, 2, "NSE:NOSUCH");
    refused({"--kite", file, "--instrument", token, "--interval", "tick"}, 2, "\"tick\"");
    refused({"--kite", file, "--instrument", token, "--from", "now"}, 2, "--from");
    refused({"--kite", file}, 2, "--instrument");
    refused({"--instrument", token}, 2, "--kite");
  }
}
