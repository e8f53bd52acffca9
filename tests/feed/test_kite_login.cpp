#include <doctest/doctest.h>

#include <sys/stat.h>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "feed/kite/gzip.hpp"
#include "feed/kite/http.hpp"
#include "feed/kite/rest.hpp"
#include "feed/kite/token_file.hpp"
#include "mock_kite.hpp"
#include "tests/support/gzip.hpp"

using namespace artham;
using namespace artham::test;
using namespace artham::feed::kite;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view csv =
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange\n408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE\n";

rest_answer json_answer(int status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body),
          .silent = false,
          .raw = {}};
}

rest_answer text_answer(std::string body, std::string encoding = {}) {
  rest_answer out;
  out.headers = {{"Content-Type", "text/csv"}};
  if (!encoding.empty()) out.headers.emplace_back("Content-Encoding", std::move(encoding));
  out.body = std::move(body);
  return out;
}

market::timestamp at(std::string_view text) {
  const auto t = market::parse_rfc3339(text);
  REQUIRE(t);
  return *t;
}

bool has(const error& e, std::string_view part) {
  return e.message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the login's checksum is SHA-256 over key, request token and secret") {
  // printf 'abcdefghi' | sha256sum
  CHECK(login_checksum("abc", "def", secret("ghi")) ==
        "19cc02f26df43cc571bc9ed7b0c4d29224a3ec229529221725ef76d021c8326f");
  CHECK(login_url("k&y") == "https://kite.zerodha.com/connect/login?v=3&api_key=k%26y");
}

TEST_CASE("a login posts the form and brings the session") {
  rest_request seen;
  std::string login_time = R"("2021-01-01 16:15:14")";
  market::timestamp expected = at("2021-01-01T16:15:14+05:30");
  SUBCASE("with a login time") {}
  SUBCASE("without one: now") {
    login_time = "null";
    expected = 77;
  }
  mock_rest server([&](const rest_request& r) {
    seen = r;
    return json_answer(200, R"({"status":"success","data":{"user_id":"XX0000","api_key":"XXXXXX",)"
                            R"("access_token":"the token","refresh_token":"","login_time":)" +
                                login_time + "}}");
  });
  const auto got = login({.url = server.url() + "/kite"}, "my key", secret("s"), "r+t", 77);
  REQUIRE(got);
  CHECK(got->api_key == "my key");
  CHECK(got->access_token.reveal() == "the token");
  CHECK(got->user_id == "XX0000");
  CHECK(got->login_time == expected);
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/kite/session/token");
  CHECK(seen.headers.at("x-kite-version") == "3");
  CHECK(seen.headers.at("content-type") == "application/x-www-form-urlencoded");
  CHECK(seen.body == "api_key=my%20key&request_token=r%2Bt&checksum=" +
                         login_checksum("my key", "r+t", secret("s")));
}

TEST_CASE("a login that is refused says why and what to do") {
  rest_answer answer;
  mock_rest server([&](const rest_request&) { return answer; });
  const auto refusal = [&] {
    const auto got = login({.url = server.url()}, "k", secret("hunter2"), "r", 0);
    REQUIRE_FALSE(got);
    CHECK_FALSE(has(got.error(), "hunter2"));
    return got.error();
  };
  answer = json_answer(403, R"({"status":"error","message":"Token is invalid or has expired.",)"
                            R"("error_type":"TokenException","data":null})");
  auto e = refusal();
  CHECK(e.code == errc::refused);
  CHECK(has(e, "TokenException: Token is invalid or has expired."));
  CHECK(has(e, "log in again"));

  answer = json_answer(400, R"({"status":"error","message":"Missing `x`","error_type":)"
                            R"("InputException"})");
  CHECK(refusal().code == errc::bad_input);

  answer = json_answer(200, R"({"status":"error","message":"odd"})");
  CHECK(has(refusal(), "odd"));

  answer = json_answer(200, R"({"error_type":"OrderException"})");
  CHECK(refusal().code == errc::refused);

  answer = json_answer(429, R"({"status":"error","message":"Too many requests",)"
                            R"("error_type":"NetworkException"})");
  CHECK(refusal().code == errc::unavailable);

  answer = {};
  answer.status = 502;
  answer.body = "<html>bad gateway</html>";
  e = refusal();
  CHECK(e.code == errc::unavailable);
  CHECK(has(e, "HTTP 502"));

  for (const auto* body :
       {"", "[]", "{}", "nonsense", R"({"data":[]})", R"({"data":{"access_token":7}})"}) {
    CAPTURE(std::string(body));
    answer = json_answer(200, body);
    CHECK(has(refusal(), "no access_token"));
  }
}

TEST_CASE("the instrument list comes plain or packed, of all exchanges or of one") {
  rest_request seen;
  rest_answer answer;
  mock_rest server([&](const rest_request& r) {
    seen = r;
    return answer;
  });
  const credentials who{"key", secret("token")};
  answer = text_answer(std::string(csv));
  auto got = fetch_instruments({.url = server.url()}, who);
  REQUIRE(got);
  CHECK(*got == csv);
  CHECK(seen.method == "GET");
  CHECK(seen.target == "/instruments");
  CHECK(seen.headers.at("authorization") == "token key:token");
  CHECK(seen.headers.at("x-kite-version") == "3");
  CHECK(seen.headers.at("accept-encoding") == "gzip");

  answer = text_answer(gzip(csv), "gzip");
  got = fetch_instruments({.url = server.url()}, who, "NF/O");
  REQUIRE(got);
  CHECK(*got == csv);
  CHECK(seen.target == "/instruments/NF%2FO");

  const auto refusal = [&] {
    const auto none = fetch_instruments({.url = server.url()}, who);
    REQUIRE_FALSE(none);
    return none.error();
  };
  answer = json_answer(403, R"({"status":"error","message":"Incorrect `api_key` or )"
                            R"(`access_token`.","error_type":"TokenException"})");
  CHECK(has(refusal(), "log in again"));
  answer = text_answer("<html>hello</html>");
  CHECK(has(refusal(), "not an instrument list"));
  answer = text_answer(gzip(csv).substr(0, 60), "gzip");
  CHECK(refusal().code == errc::corrupt);
  answer = text_answer("this is not gzip", "gzip");
  CHECK(refusal().code == errc::corrupt);
  answer = text_answer(std::string(csv), "br");
  CHECK(has(refusal(), "\"br\""));
}

TEST_CASE("servers that do not answer, or not in HTTP, are an error in time") {
  rest_answer answer;
  mock_rest server([&](const rest_request&) { return answer; });
  const auto refusal = [&](const std::string& url) {
    const auto none = http_call({.url = url + "/x", .query = {}, .body = {}, .headers = {}},
                                {.ca_file = {}, .timeout = milliseconds(100), .max_body = 1000});
    REQUIRE_FALSE(none);
    return none.error();
  };
  mock_rest mute([](const rest_request&) {
    rest_answer nothing;
    nothing.silent = true;
    return nothing;
  });
  const auto before = std::chrono::steady_clock::now();
  const auto e = refusal(mute.url());
  CHECK(e.code == errc::unavailable);
  CHECK(has(e, "waiting for the answer: no answer in time"));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(5));
  answer.raw = "220 smtp ready\r\n";
  CHECK(refusal(server.url()).code == errc::unavailable);
  answer.raw = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut off";
  CHECK(refusal(server.url()).code == errc::unavailable);
  answer.raw = {};
  answer.body = std::string(1001, 'x');
  CHECK(has(refusal(server.url()), "body limit"));
  answer.body = gzip(std::string(5000, 'x'));
  answer.headers = {{"Content-Encoding", "gzip"}};
  CHECK(has(refusal(server.url()), "more than 1000 bytes"));
  CHECK(refusal("http://127.0.0.1:1").code == errc::unavailable);
  CHECK(refusal("ftp://127.0.0.1").code == errc::bad_input);
  CHECK(refusal("https://127.0.0.1:" + server.url().substr(server.url().rfind(':') + 1)).code ==
        errc::unavailable);
}

TEST_CASE("gzip data: several members and large outputs unpack, damage does not") {
  const std::string large(3'000'000, 'a');
  CHECK(gunzip(gzip(large) + gzip("tail"), 4'000'000) == large + "tail");
  CHECK_FALSE(gunzip(gzip(large), 2'999'999));
  CHECK_FALSE(gunzip("", 10));
  CHECK_FALSE(gunzip(gzip("x") + "junk", 10));
}

TEST_CASE("a stored token comes back, readable by its owner alone") {
  const temporary_folder folder;
  const auto file = folder.path() / "token.json";
  const auto missing = read_token_file(file);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);

  const session stored{"key", secret("top \"secret\""), "AB1234", at("2026-11-20T08:31:07+05:30")};
  ::umask(0);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(write_token_file(file, stored));
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.exists() ? 1 : 0;
  }
  CHECK(files == 1);

  const auto read = read_token_file(file);
  REQUIRE(read);
  CHECK(read->api_key == "key");
  CHECK(read->access_token == stored.access_token);
  CHECK(read->user_id == "AB1234");
  CHECK(read->login_time == stored.login_time);
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  const auto json = nlohmann::json::parse(text.str());
  CHECK(json.at("login_time") == "2026-11-20T08:31:07+05:30");
  CHECK(json.at("access_token") == "top \"secret\"");

  for (const auto mode : {0640, 0604, 0660, 0620, 0610}) {
    CAPTURE(mode);
    REQUIRE(::chmod(file.c_str(), static_cast<mode_t>(mode)) == 0);
    const auto open = read_token_file(file);
    REQUIRE_FALSE(open);
    CHECK(open.error().code == errc::refused);
    CHECK(has(open.error(), "chmod 600 " + file.string()));
    CHECK_FALSE(token_state(file, 0));
  }
}

TEST_CASE("token files that are damaged or cannot be written are errors that name the file") {
  const temporary_folder folder;
  const auto file = folder.path() / "token.json";
  for (const auto* text :
       {"", "{", "[]", "null", R"({"api_key":"k"})",
        R"({"api_key":"k","access_token":5,"login_time":"2026-11-20T08:31:07Z"})",
        R"({"api_key":"k","access_token":"t","login_time":"today"})"}) {
    CAPTURE(std::string(text));
    std::ofstream(file) << text;
    ::chmod(file.c_str(), 0600);
    const auto read = read_token_file(file);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::corrupt);
    CHECK(has(read.error(), file.string()));
  }
  CHECK_FALSE(read_token_file(folder.path()));
  const auto unwritten = write_token_file(folder.path() / "no" / "token.json", {});
  REQUIRE_FALSE(unwritten);
  CHECK(has(unwritten.error(), "No such file"));
}

TEST_CASE("a token dies at the first 06:00 IST after the login") {
  const auto dies = [](std::string_view login) {
    return market::to_rfc3339(expires_at(at(login)), 5 * market::hour + 30 * market::minute);
  };
  CHECK(dies("2026-11-20T08:31:07+05:30") == "2026-11-21T06:00:00+05:30");
  CHECK(dies("2026-11-20T23:59:59+05:30") == "2026-11-21T06:00:00+05:30");
  CHECK(dies("2026-11-21T00:00:00+05:30") == "2026-11-21T06:00:00+05:30");
  CHECK(dies("2026-11-21T05:59:59+05:30") == "2026-11-21T06:00:00+05:30");
  CHECK(dies("2026-11-21T06:00:00+05:30") == "2026-11-22T06:00:00+05:30");
  CHECK(dies("2026-12-31T18:30:00Z") == "2027-01-01T06:00:00+05:30");

  const temporary_folder folder;
  const auto file = folder.path() / "token.json";
  CHECK(token_state(file, 0) == token_validity::missing);
  REQUIRE(write_token_file(file, {"k", secret("t"), "u", at("2026-11-20T08:31:07+05:30")}));
  CHECK(token_state(file, at("2026-11-21T05:59:59+05:30")) == token_validity::valid);
  CHECK(token_state(file, at("2026-11-21T06:00:00+05:30")) == token_validity::token_expired);
}
