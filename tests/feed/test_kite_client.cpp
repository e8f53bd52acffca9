#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <numeric>
#include <thread>

#include <nlohmann/json.hpp>

#include "feed/kite/client.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "mock_kite.hpp"
#include "recording_sink.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::test;
using feed::kite::client;
using feed::kite::client_options;
using feed::kite::clock_source;
using feed::kite::secret;
using market::gap_cause;
using market::tick_mode;
using kind = recording_sink::kind;
using std::chrono::milliseconds;
using tokens = std::vector<std::uint32_t>;

namespace {

const feed::kite::frame_decoder decoder;

/// Quick to retry and slow to lose patience; the clock nearly silent.
client_options quick(const std::string& url) {
  client_options o;
  o.url = url;
  o.accounts = {{"key", [] { return secret("tok en"); }}};
  o.login_poll = milliseconds(5);
  o.connect_timeout = milliseconds(20'000);
  o.silence_limit = milliseconds(20'000);
  o.backoff = {.min = milliseconds(5), .max = milliseconds(40), .factor = 2, .jitter_percent = 0};
  o.clock_interval = market::hour;
  return o;
}

std::unique_ptr<client> make(client_options o) {
  auto made = client::create(std::move(o), decoder);
  REQUIRE(made);
  return std::move(*made);
}

/// A frame of ltp packets, each 8 bytes.
std::string ltp_frame(const tokens& list) {
  std::string frame;
  const auto u16 = [&](std::size_t v) {
    frame += static_cast<char>(v >> 8);
    frame += static_cast<char>(v & 255);
  };
  u16(list.size());
  for (const auto token : list) {
    u16(8);
    u16(token >> 16);
    u16(token & 65535);
    u16(0);
    u16(12345);
  }
  return frame;
}

std::string clock_text(market::timestamp t) {
  return R"({"type":"artham_clock","data":{"market_time_ns":")" + std::to_string(t) + "\"}}";
}

std::vector<recording_sink::event> states(const recording_sink& sink) {
  return sink.events(kind::state);
}

/// Messages of the newest session.
std::vector<std::string> received(const mock_ticker& ticker) {
  const auto sessions = ticker.sessions();
  return sessions.empty() ? std::vector<std::string>{} : sessions.back().received;
}

bool gets(const mock_ticker& ticker, const std::vector<std::string>& expected) {
  const bool got = eventually([&] { return received(ticker).size() >= expected.size(); });
  CHECK(received(ticker) == expected);
  return got;
}

/// Every day; or `never` any.
market::calendar_ptr around_the_clock(bool never = false) {
  market::calendar_spec spec;
  spec.name = never ? "never" : "always";
  spec.offsets = {{0, 0}};
  spec.weekend = never ? std::vector{0, 1, 2, 3, 4, 5, 6} : std::vector<int>{};
  spec.regulars = {{market::make_date(2020, 1, 1), {{0, market::day}}}};
  spec.first = market::make_date(2020, 1, 1);
  spec.last = market::make_date(2030, 1, 1);
  auto made = market::calendar::make(std::move(spec));
  REQUIRE(made);
  return std::make_shared<const market::calendar>(std::move(*made));
}

constexpr market::timestamp monday = 1'763'950'500'000'000'000;

}  // namespace

TEST_CASE("it connects as Kite wants, says so, and subscribes in chunks and then modes") {
  mock_ticker ticker;
  auto options = quick(ticker.url("/ws"));
  options.chunk = 2;
  recording_sink sink;
  auto feed = make(std::move(options));
  REQUIRE(feed->subscribe(tokens{5, 1, 3}, tick_mode::full));
  REQUIRE(feed->subscribe(tokens{2}, tick_mode::index_quote));
  CHECK(feed->current() == feed::state::stopped);
  feed->start(sink);
  REQUIRE(gets(ticker, {R"({"a":"subscribe","v":[1,2]})", R"({"a":"subscribe","v":[3,5]})",
                        R"({"a":"mode","v":["quote",[2]]})", R"({"a":"mode","v":["full",[1,3]]})",
                        R"({"a":"mode","v":["full",[5]]})"}));
  const auto session = ticker.sessions().front();
  CHECK(session.target == "/ws?api_key=key&access_token=tok%20en");
  CHECK(session.headers.at("x-kite-version") == "3");
  CHECK(session.headers.at("host") == "127.0.0.1:" + std::to_string(ticker.port()));
  CHECK(feed->current() == feed::state::live);
  CHECK(feed->counts().connects == 1);

  REQUIRE(states(sink).size() == 1);
  CHECK(states(sink)[0].state == feed::state::live);
  CHECK(states(sink)[0].cause == gap_cause::none);
  const auto subscribed = sink.events(kind::subscription);
  REQUIRE(subscribed.size() == 2);
  CHECK(subscribed[0].tokens == tokens{2});
  CHECK(subscribed[0].mode == tick_mode::quote);
  CHECK(subscribed[1].tokens == tokens{1, 3, 5});
  CHECK(subscribed[1].mode == tick_mode::full);
  CHECK(subscribed[1].added);
  feed->stop();
  CHECK(feed->current() == feed::state::stopped);
  CHECK(eventually([&] { return ticker.sessions().front().said_goodbye; }));
}

TEST_CASE("changes while live are sent at once, and nothing is sent for nothing") {
  mock_ticker ticker;
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  REQUIRE(feed->subscribe(tokens{}, tick_mode::full));
  feed->unsubscribe(tokens{});
  feed->unsubscribe(tokens{99});
  std::vector<std::string> expected{R"({"a":"subscribe","v":[7,8]})",
                                    R"({"a":"mode","v":["ltp",[7,8]]})"};
  REQUIRE(feed->subscribe(tokens{8, 7}, tick_mode::ltp));
  REQUIRE(gets(ticker, expected));
  REQUIRE(feed->subscribe(tokens{8}, tick_mode::ltp));  // has it already
  REQUIRE(feed->subscribe(tokens{8}, tick_mode::full));
  expected.push_back(R"({"a":"mode","v":["full",[8]]})");
  REQUIRE(gets(ticker, expected));
  feed->unsubscribe(tokens{7});
  expected.push_back(R"({"a":"unsubscribe","v":[7]})");
  REQUIRE(gets(ticker, expected));
  const auto changes = sink.events(kind::subscription);
  REQUIRE(changes.size() == 3);
  CHECK(changes[2].tokens == tokens{7});
  CHECK_FALSE(changes[2].added);
}

TEST_CASE("more tokens than the limit are refused, and the rest goes on") {
  mock_ticker ticker;
  auto feed = make(quick(ticker.url()));
  tokens all(3000);
  std::iota(all.begin(), all.end(), 1U);
  REQUIRE(feed->subscribe(all, tick_mode::full));
  const auto refused = feed->subscribe(tokens{4000}, tick_mode::ltp);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("3000") != std::string::npos);
  recording_sink sink;
  feed->start(sink);
  CHECK(eventually([&] { return received(ticker).size() == 12; }));
  CHECK(received(ticker)[0].starts_with(R"({"a":"subscribe","v":[1,2,)"));
  CHECK(received(ticker)[11].ends_with(",3000]]}"));
  REQUIRE(sink.wait_for(kind::subscription, 1));
  CHECK(sink.events(kind::subscription)[0].tokens == all);
}

TEST_CASE("after a drop it comes back, says why it was away, and subscribes everything again") {
  mock_ticker ticker;
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  REQUIRE(feed->subscribe(tokens{11}, tick_mode::full));
  feed->start(sink);
  const std::vector<std::string> expected{R"({"a":"subscribe","v":[11]})",
                                          R"({"a":"mode","v":["full",[11]]})"};
  REQUIRE(gets(ticker, expected));
  SUBCASE("without a word") {
    ticker.drop();
  }
  SUBCASE("with a close frame") {
    ticker.close();
  }
  REQUIRE(eventually([&] { return ticker.sessions().size() == 2; }));
  REQUIRE(gets(ticker, expected));
  const auto seen = states(sink);
  REQUIRE(seen.size() == 3);
  CHECK(seen[1].state == feed::state::backing_off);
  CHECK(seen[1].cause == gap_cause::disconnected);
  CHECK(seen[1].detail.find("next try in") != std::string::npos);
  CHECK(seen[2].state == feed::state::live);
  CHECK(sink.events(kind::subscription).size() == 2);
  CHECK(feed->counts().connects == 2);
}

TEST_CASE("the waits between tries grow, and start over once something has come") {
  mock_ticker ticker;
  ticker.script({reply::http_502, reply::http_502, reply::http_502, reply::accept});
  auto options = quick(ticker.url());
  options.backoff = {
      .min = milliseconds(20), .max = milliseconds(400), .factor = 4, .jitter_percent = 0};
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 4));
  const auto at = ticker.arrivals();
  REQUIRE(at.size() == 4);
  CHECK(at[1] - at[0] >= milliseconds(20));
  CHECK(at[2] - at[1] >= milliseconds(80));
  CHECK(at[3] - at[2] >= milliseconds(320));
  const auto seen = states(sink);
  CHECK(seen[0].detail.find("HTTP 502") != std::string::npos);
  CHECK(seen[2].detail.find("0.3 s") != std::string::npos);
  CHECK(seen[3].state == feed::state::live);

  // Nothing has come yet: the next wait is the longest. Then a heartbeat resets it.
  ticker.drop();
  REQUIRE(sink.wait_for(kind::state, 6));
  CHECK(states(sink)[4].detail.find("0.4 s") != std::string::npos);
  ticker.binary("\x01");
  REQUIRE(eventually([&] { return feed->counts().heartbeats == 1; }));
  ticker.drop();
  REQUIRE(sink.wait_for(kind::state, 8));
  CHECK(states(sink)[6].detail.find("0.0 s") != std::string::npos);
}

TEST_CASE("a port where nobody listens is a disconnection that is tried again") {
  std::uint16_t port = 0;
  { port = mock_ticker().port(); }
  recording_sink sink;
  auto feed = make(quick("ws://localhost:" + std::to_string(port)));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 3));
  CHECK(states(sink)[2].state == feed::state::backing_off);
  CHECK(states(sink)[2].cause == gap_cause::disconnected);
  CHECK(states(sink)[2].detail.find("refused") != std::string::npos);
}

TEST_CASE("a refused token ends the trying until there is another one, and is never repeated") {
  mock_ticker ticker;
  ticker.script({reply::http_403, reply::accept});
  std::atomic<const char*> token = "tok en";
  auto options = quick(ticker.url());
  std::atomic<int> asked = 0;
  options.accounts[0].access_token = [&] {
    ++asked;
    return secret(token.load());
  };
  recording_sink sink;
  auto feed = make(std::move(options));
  REQUIRE(feed->subscribe(tokens{4}, tick_mode::quote));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  const auto refused = states(sink)[0];
  CHECK(refused.state == feed::state::token_expired);
  CHECK(refused.cause == gap_cause::token_expired);
  CHECK(refused.detail.find("HTTP 403: because of") != std::string::npos);
  CHECK(refused.detail.find("tok%20en") == std::string::npos);
  CHECK(feed->current() == feed::state::token_expired);
  REQUIRE(eventually([&] { return asked > 20; }));
  CHECK(ticker.arrivals().size() == 1);

  token = "fresh";
  REQUIRE(sink.wait_for(kind::state, 2));
  CHECK(feed->current() == feed::state::live);
  REQUIRE(eventually([&] { return !ticker.sessions().empty(); }));
  CHECK(ticker.sessions().front().target == "/?api_key=key&access_token=fresh");
  REQUIRE(gets(ticker, {R"({"a":"subscribe","v":[4]})", R"({"a":"mode","v":["quote",[4]]})"}));
  CHECK(states(sink).size() == 2);
}

TEST_CASE("a token that came while live is used for the next connection") {
  mock_ticker ticker;
  std::atomic<const char*> token = "tok en";
  auto options = quick(ticker.url());
  options.accounts[0].access_token = [&token] { return secret(token.load()); };
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  token = "next";
  ticker.drop();
  REQUIRE(sink.wait_for(kind::state, 3));
  REQUIRE(eventually([&] { return ticker.sessions().size() == 2; }));
  CHECK(ticker.sessions()[1].target == "/?api_key=key&access_token=next");
}

TEST_CASE("too many connections wait for the longest back-off") {
  mock_ticker ticker;
  ticker.script({reply::http_429});
  auto options = quick(ticker.url());
  options.backoff = {
      .min = milliseconds(1), .max = milliseconds(300), .factor = 2, .jitter_percent = 0};
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 2));
  CHECK(states(sink)[0].state == feed::state::rate_limited);
  CHECK(states(sink)[0].cause == gap_cause::rate_limited);
  const auto at = ticker.arrivals();
  CHECK(at[1] - at[0] >= milliseconds(300));
}

TEST_CASE("a silent connection is given up and made again; heartbeats and pongs keep one alive") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.silence_limit = milliseconds(800);
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    if (i % 2 == 0) {
      ticker.binary("\x01");
    } else {
      ticker.pong();
    }
  }
  CHECK(states(sink).size() == 1);
  REQUIRE(sink.wait_for(kind::state, 3));
  CHECK(states(sink)[1].state == feed::state::backing_off);
  CHECK(states(sink)[1].cause == gap_cause::stalled);
  // What was lost begins with the silence, not with its discovery.
  CHECK(states(sink)[1].market_time - states(sink)[1].heard >= 800 * market::millisecond);
  CHECK(states(sink)[2].state == feed::state::live);
  CHECK(sink.events(kind::frame).empty());
}

TEST_CASE("a connection that lives but brings no tick where ticks are usual is made anew") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock_interval = 10 * market::millisecond;
  options.stall.least = 100 * market::millisecond;
  options.stall.start = 20 * market::second;
  options.calendars = {around_the_clock()};
  std::atomic<market::timestamp> now{monday};
  options.utc_now = [&] { return now.load(); };
  recording_sink sink;
  auto feed = make(std::move(options));
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::subscription, 1));
  for (std::size_t i = 1; i <= 40; ++i) {
    now += market::second;
    ticker.binary(ltp_frame({1}));
    REQUIRE(sink.wait_for(kind::frame, i));
  }
  const market::timestamp last = now;
  // Three times the usual second; heartbeats and texts are no ticks.
  const auto alive = [&] {
    const auto beats = feed->counts().heartbeats;
    ticker.binary("\x01");
    ticker.text(R"({"type":"message","data":"still here"})");
    return eventually([&] { return feed->counts().heartbeats > beats; });
  };
  now += 2'990 * market::millisecond;
  REQUIRE(eventually([&] { return feed->expectation().limit == 3 * market::second; }));
  REQUIRE(alive());
  CHECK(states(sink).size() == 1);
  CHECK(feed->expectation().frames_per_hour == 3'600);
  now += 20 * market::millisecond;
  REQUIRE(sink.wait_for(kind::state, 3));
  const auto lost = states(sink)[1];
  CHECK(lost.state == feed::state::backing_off);
  CHECK(lost.cause == gap_cause::stalled);
  CHECK(lost.heard == last);
  CHECK(lost.detail.find("connected, but no tick for 3.0 s") != std::string::npos);
  CHECK(states(sink)[2].state == feed::state::live);
  REQUIRE(gets(ticker, {R"({"a":"subscribe","v":[1]})", R"({"a":"mode","v":["ltp",[1]]})"}));
}

TEST_CASE("a connection without subscriptions owes no ticks") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock_interval = 10 * market::millisecond;
  options.stall = {.least = market::millisecond, .factor = 1, .start = market::millisecond};
  options.calendars = {around_the_clock()};
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::market_time, 20));
  CHECK(states(sink).size() == 1);
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  REQUIRE(sink.wait_for(kind::state, 2));
  CHECK(states(sink)[1].cause == gap_cause::stalled);
}

TEST_CASE("a connection whose own instruments do not trade owes no ticks while others do") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock_interval = 10 * market::millisecond;
  options.stall = {.least = market::millisecond, .factor = 1, .start = market::millisecond};
  options.sockets = 2;
  options.max_tokens = 1;
  const auto open = around_the_clock();
  const auto closed = around_the_clock(true);
  options.calendars = {open, closed};
  options.calendar_of = [&](std::uint32_t token) { return token == 1 ? closed : open; };
  recording_sink sink;
  auto feed = make(std::move(options));
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  REQUIRE(feed->subscribe(tokens{2}, tick_mode::ltp));
  feed->start(sink);
  const auto losses = [&](std::uint32_t connection) {
    return std::ranges::count_if(states(sink), [&](const auto& e) {
      return e.connection == connection && e.cause == gap_cause::stalled;
    });
  };
  REQUIRE(eventually([&] { return losses(1) >= 3; }));
  CHECK(losses(0) == 0);
  const auto all = feed->connections();
  REQUIRE(all.size() == 2);
  CHECK(all[0].expected.limit == 0);
  CHECK(all[1].expected.limit != 0);
}

TEST_CASE("a server that never answers is given up in time") {
  mock_ticker ticker;
  ticker.script({reply::nothing});
  auto options = quick(ticker.url());
  options.connect_timeout = milliseconds(200);
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  CHECK(states(sink)[0].cause == gap_cause::disconnected);
  CHECK(states(sink)[0].detail.find("the WebSocket handshake") != std::string::npos);
  REQUIRE(eventually([&] { return feed->current() == feed::state::live; }));
}

TEST_CASE("a server that speaks something else is a feed error") {
  mock_ticker ticker;
  ticker.script({reply::garbage});
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 2));
  CHECK(states(sink)[0].cause == gap_cause::feed_error);
  CHECK(states(sink)[1].state == feed::state::live);
}

TEST_CASE("whole packets are delivered, whatever comes between them") {
  mock_ticker ticker;
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  const auto good = ltp_frame({1, 2});
  auto broken = ltp_frame({3, 4});
  broken.resize(broken.size() - 3);
  const std::vector<std::string> junk{
      std::string(1, '\0'),         // a heartbeat
      "",                           // nothing
      std::string("\0\0", 2),       // no packet
      ltp_frame({5}).substr(0, 9),  // no whole packet
      std::string(5000, '\xff'),
  };
  ticker.binary(good);
  for (const auto& j : junk) ticker.binary(j);
  ticker.binary(broken);
  ticker.binary(good);
  REQUIRE(sink.wait_for(kind::frame, 3));
  const auto frames = sink.events(kind::frame);
  CHECK(frames[0].bytes == good);
  CHECK(frames[1].bytes == broken);
  CHECK(frames[2].bytes == good);
  const auto counts = feed->counts();
  CHECK(counts.frames == 6);
  CHECK(counts.malformed == 4);
  CHECK(counts.heartbeats == 1);
  CHECK(counts.bytes == 2 * good.size() + broken.size() + 1 + 2 + 9 + 5000);
  CHECK(states(sink).size() == 1);
}

TEST_CASE("a message beyond the limit is a feed error; one below it is not") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.max_message = 100'000;
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  const auto big = ltp_frame(tokens(9'999, 5));
  ticker.binary(big);
  REQUIRE(sink.wait_for(kind::frame, 1));
  CHECK(sink.events(kind::frame)[0].bytes == big);
  ticker.binary(std::string(100'001, 'x'));
  REQUIRE(sink.wait_for(kind::state, 3));
  CHECK(states(sink)[1].cause == gap_cause::feed_error);
  CHECK(states(sink)[2].state == feed::state::live);
}

TEST_CASE("text frames: orders, errors and messages are handed on, the rest is ignored") {
  mock_ticker ticker;
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  std::vector<std::pair<std::string, std::string>> expected;
  const auto send = [&](const std::string& frame, const std::string& type) {
    ticker.text(frame);
    if (!type.empty()) expected.emplace_back(type, frame);
  };
  send(R"({"type":"instruments_meta","data":{"count":1,"etag":"x"}})", "");
  send(R"({"type":"error","data":"error parsing request"})", "error");
  send("{{{", "");
  send(clock_text(monday), "");  // this client goes by its host's clock

  std::ifstream samples(artham::test::source_dir() +
                        "/../shared/data/kite/constructed/text_frames.jsonl");
  std::size_t read = 4;
  if (!samples) std::cout << "../shared/data is not here: only our own text frames are tried\n";
  for (std::string line; std::getline(samples, line); ++read) {
    const auto sample = nlohmann::json::parse(line);
    const auto handle = sample.at("handle").get<std::string>();
    std::string type;
    if (handle.starts_with("report as error")) type = "error";
    if (handle.starts_with("order")) type = "order";
    if (handle.starts_with("message")) type = "message";
    CHECK((!type.empty() || handle.starts_with("ignore")));
    send(sample.at("frame").get<std::string>(), type);
  }
  REQUIRE(eventually([&] { return feed->counts().text == read; }));
  REQUIRE(sink.wait_for(kind::text, expected.size()));
  const auto texts = sink.events(kind::text);
  REQUIRE(texts.size() == expected.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(texts[i].type == expected[i].first);
    CHECK(texts[i].bytes == expected[i].second);
  }
  CHECK(feed->current() == feed::state::live);
  CHECK(states(sink).size() == 1);
}

TEST_CASE("a sink that says wait gets nothing more until resume, and loses nothing") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.silence_limit = milliseconds(800);
  recording_sink sink;
  auto feed = make(std::move(options));
  sink.take_more = false;
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  feed->resume();  // nothing waits: no harm
  for (std::uint32_t i = 1; i <= 20; ++i) ticker.binary(ltp_frame({i}));
  REQUIRE(sink.wait_for(kind::frame, 1));
  // Longer than the silence limit: while waiting, silence is our own.
  std::this_thread::sleep_for(milliseconds(1000));
  CHECK(sink.events(kind::frame).size() == 1);
  CHECK(states(sink).size() == 1);
  CHECK(feed->counts().pauses == 1);
  feed->resume();
  REQUIRE(sink.wait_for(kind::frame, 2));
  CHECK(eventually([&] { return feed->counts().pauses == 2; }));
  CHECK(sink.events(kind::frame).size() == 2);
  sink.take_more = true;
  feed->resume();
  REQUIRE(sink.wait_for(kind::frame, 20));
  const auto frames = sink.events(kind::frame);
  for (std::uint32_t i = 1; i <= 20; ++i) CHECK(frames[i - 1].bytes == ltp_frame({i}));
}

TEST_CASE("this host's clock: every multiple once, and market time never goes back") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock_interval = 10 * market::millisecond;
  std::atomic<market::timestamp> now{monday + 3 * market::millisecond};
  options.utc_now = [&] { return now.load(); };
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  now += 100 * market::millisecond;
  REQUIRE(sink.wait_for(kind::market_time, 11));
  ticker.binary(ltp_frame({1}));
  REQUIRE(sink.wait_for(kind::frame, 1));
  now -= 50 * market::millisecond;
  ticker.binary(ltp_frame({2}));
  REQUIRE(sink.wait_for(kind::frame, 2));
  now += 200 * market::millisecond;
  ticker.binary(ltp_frame({3}));
  REQUIRE(sink.wait_for(kind::frame, 3));
  feed->stop();

  market::timestamp last = 0;
  market::timestamp next = monday;
  for (const auto& e : sink.events()) {
    CHECK(e.market_time >= last);
    last = e.market_time;
    if (e.what != kind::market_time) continue;
    CHECK(e.market_time == next);
    next += 10 * market::millisecond;
  }
  CHECK(next == monday + 260 * market::millisecond);
  const auto frames = sink.events(kind::frame);
  CHECK(frames[1].market_time == frames[0].market_time);
  CHECK(frames[2].market_time == monday + 253 * market::millisecond);
}

TEST_CASE("this host's clock runs by itself, also while nothing is connected") {
  auto options = quick("ws://127.0.0.1:1");
  options.clock_interval = 20 * market::millisecond;
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::market_time, 10));
  feed->stop();
  const auto times = sink.events(kind::market_time);
  for (std::size_t i = 1; i < times.size(); ++i) {
    CHECK(times[i].market_time - times[i - 1].market_time == 20 * market::millisecond);
  }
  CHECK(times[0].market_time % (20 * market::millisecond) == 0);
}

TEST_CASE("the exchange's clock: live with its first message, then in stream order") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock = clock_source::exchange;
  recording_sink sink;
  auto feed = make(std::move(options));
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  feed->start(sink);
  REQUIRE(eventually([&] { return ticker.sessions().size() == 1; }));
  ticker.text(R"({"type":"instruments_meta","data":{}})");
  REQUIRE(eventually([&] { return feed->counts().text == 1; }));
  CHECK(feed->current() == feed::state::connecting);
  CHECK(sink.events().empty());
  CHECK(received(ticker).empty());

  ticker.text(clock_text(monday));
  REQUIRE(gets(ticker, {R"({"a":"subscribe","v":[1]})", R"({"a":"mode","v":["ltp",[1]]})"}));
  ticker.binary(ltp_frame({1}));
  ticker.text(clock_text(monday + 250));
  ticker.binary(ltp_frame({1}));
  ticker.text(clock_text(monday));  // goes back: not believed
  ticker.binary(ltp_frame({1}));
  REQUIRE(sink.wait_for(kind::frame, 3));
  CHECK(feed->counts().malformed == 1);
  ticker.greet({clock_text(monday + 1000)});
  ticker.drop();
  REQUIRE(sink.wait_for(kind::state, 3));
  REQUIRE(sink.wait_for(kind::market_time, 3));
  feed->stop();

  std::vector<std::pair<kind, market::timestamp>> order;
  for (const auto& e : sink.events()) order.emplace_back(e.what, e.market_time - monday);
  CHECK(order == std::vector<std::pair<kind, market::timestamp>>{{kind::state, 0},
                                                                 {kind::subscription, 0},
                                                                 {kind::market_time, 0},
                                                                 {kind::frame, 0},
                                                                 {kind::market_time, 250},
                                                                 {kind::frame, 250},
                                                                 {kind::frame, 250},
                                                                 {kind::state, 250},
                                                                 {kind::state, 1000},
                                                                 {kind::subscription, 1000},
                                                                 {kind::market_time, 1000}});
}

TEST_CASE("an exchange without a clock message is given up within the silence limit") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.clock = clock_source::exchange;
  options.silence_limit = milliseconds(300);
  gap_cause cause = gap_cause::stalled;
  SUBCASE("silent") {}
  SUBCASE("talking of other things") {
    ticker.greet({R"({"type":"app_code"})"});
    cause = gap_cause::feed_error;
  }
  recording_sink sink;
  auto feed = make(std::move(options));
  feed->start(sink);
  REQUIRE(sink.wait_for(kind::state, 1));
  CHECK(states(sink)[0].state == feed::state::backing_off);
  CHECK(states(sink)[0].cause == cause);
}

TEST_CASE("it stops at once in every state, and calls nobody afterwards") {
  mock_ticker ticker;
  auto options = quick(ticker.url());
  options.backoff.min = options.backoff.max = std::chrono::hours(1);
  std::unique_ptr<client> feed;
  recording_sink sink;
  const auto started = [&](feed::state expected) {
    feed = make(std::move(options));
    feed->start(sink);
    REQUIRE(eventually([&] { return feed->current() == expected; }));
  };
  SUBCASE("never started") {
    feed = make(std::move(options));
  }
  SUBCASE("just started") {
    feed = make(std::move(options));
    feed->start(sink);
  }
  SUBCASE("resolving a name") {
    options.url = "ws://no-such-host.invalid:9";
    feed = make(std::move(options));
    feed->start(sink);
  }
  SUBCASE("waiting for the handshake") {
    ticker.script({reply::nothing});
    feed = make(std::move(options));
    feed->start(sink);
    REQUIRE(eventually([&] { return ticker.arrivals().size() == 1; }));
  }
  SUBCASE("live") {
    started(feed::state::live);
  }
  SUBCASE("live and waiting for the sink") {
    sink.take_more = false;
    started(feed::state::live);
    ticker.binary(ltp_frame({1}));
    REQUIRE(sink.wait_for(kind::frame, 1));
  }
  SUBCASE("backing off") {
    ticker.script({reply::http_502});
    started(feed::state::backing_off);
  }
  SUBCASE("rate limited") {
    ticker.script({reply::http_429});
    started(feed::state::rate_limited);
  }
  SUBCASE("without a token") {
    ticker.script({reply::http_403});
    started(feed::state::token_expired);
  }
  const auto before = std::chrono::steady_clock::now();
  feed->stop();
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(8));
  CHECK(feed->current() == feed::state::stopped);
  const auto events = sink.events().size();
  feed->stop();
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  feed->resume();
  CHECK(sink.events().size() == events);
  feed.reset();
}

TEST_CASE("a stopped feed starts again with what it was asked for") {
  mock_ticker ticker;
  recording_sink first;
  auto feed = make(quick(ticker.url()));
  REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
  feed->start(first);
  REQUIRE(first.wait_for(kind::subscription, 1));
  feed->stop();
  recording_sink second;
  feed->start(second);
  REQUIRE(second.wait_for(kind::subscription, 1));
  CHECK(first.events(kind::subscription).size() == 1);
}

TEST_CASE("callers on other threads disturb nothing") {
  mock_ticker ticker;
  recording_sink sink;
  auto feed = make(quick(ticker.url()));
  feed->start(sink);
  std::vector<std::thread> callers;
  for (std::uint32_t t = 0; t < 3; ++t) {
    callers.emplace_back([&feed, t] {
      for (std::uint32_t i = 0; i < 100; ++i) {
        const tokens one{t * 1000 + i};
        CHECK(feed->subscribe(one, tick_mode::full));
        if (i % 3 == 0) feed->unsubscribe(one);
        feed->resume();
        static_cast<void>(feed->counts());
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    REQUIRE(eventually([&] { return feed->current() == feed::state::live; }));
    ticker.drop();
  }
  for (auto& c : callers) c.join();
  // In the end the peer has exactly what is wanted.
  const auto peer_has = [&] {
    std::size_t n = 0;
    for (const auto& text : received(ticker)) {
      const auto message = nlohmann::json::parse(text);
      if (message["a"] == "subscribe") n += message["v"].size();
      if (message["a"] == "unsubscribe") n -= message["v"].size();
    }
    return n;
  };
  CHECK(eventually([&] { return peer_has() == 3 * 66; }));
}

TEST_CASE("TLS: a peer is believed only when its certificate is signed by a known authority") {
  const auto certificate = make_certificate();
  mock_ticker ticker(&certificate);
  const temporary_folder folder;
  const auto ca_file = folder.path() / "ca.pem";
  std::ofstream(ca_file) << certificate.pem;
  auto options = quick(ticker.url());
  recording_sink sink;
  SUBCASE("known: live, and frames come") {
    SUBCASE("by address") {}
    SUBCASE("by name") {
      options.url = "wss://localhost:" + std::to_string(ticker.port());
    }
    options.ca_file = ca_file.string();
    auto feed = make(std::move(options));
    REQUIRE(feed->subscribe(tokens{1}, tick_mode::ltp));
    feed->start(sink);
    REQUIRE(gets(ticker, {R"({"a":"subscribe","v":[1]})", R"({"a":"mode","v":["ltp",[1]]})"}));
    ticker.binary(ltp_frame({1}));
    REQUIRE(sink.wait_for(kind::frame, 1));
    feed->stop();
    CHECK(eventually([&] { return ticker.sessions().front().said_goodbye; }));
  }
  SUBCASE("unknown: never a request") {
    auto feed = make(std::move(options));
    feed->start(sink);
    REQUIRE(sink.wait_for(kind::state, 2));
    CHECK(states(sink)[0].state == feed::state::backing_off);
    CHECK(states(sink)[0].detail.find("certificate") != std::string::npos);
    CHECK(ticker.sessions().empty());
  }
  SUBCASE("for another host: never a request") {
    const auto theirs = make_certificate("IP:127.0.0.9,DNS:example.com");
    mock_ticker other(&theirs);
    std::ofstream(ca_file) << theirs.pem;
    options.url = other.url();
    options.ca_file = ca_file.string();
    auto feed = make(std::move(options));
    feed->start(sink);
    REQUIRE(sink.wait_for(kind::state, 1));
    CHECK(states(sink)[0].detail.find("certificate") != std::string::npos);
    CHECK(other.sessions().empty());
  }
  SUBCASE("stopped during the handshake") {
    ticker.script({reply::nothing});
    options.ca_file = ca_file.string();
    auto feed = make(std::move(options));
    feed->start(sink);
    REQUIRE(eventually([&] { return ticker.arrivals().size() == 1; }));
    feed->stop();
    CHECK(sink.events(kind::state).empty());
  }
}

TEST_CASE("options that cannot work are refused before anything starts") {
  const auto refused = [](auto change) {
    auto o = quick("ws://127.0.0.1:1");
    change(o);
    const auto made = client::create(std::move(o), decoder);
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  CHECK(refused([](auto& o) { o.url = "http://x"; }).find("wss://host") != std::string::npos);
  const auto ca = refused([](auto& o) {
    o.url = "wss://x";
    o.ca_file = "/no/such/ca.pem";
  });
  CHECK(ca.find("/no/such/ca.pem") != std::string::npos);
  CHECK_FALSE(refused([](auto& o) { o.chunk = 0; }).empty());
  CHECK_FALSE(refused([](auto& o) { o.clock_interval = 0; }).empty());
  CHECK_FALSE(refused([](auto& o) { o.backoff.max = milliseconds(1); }).empty());
}
