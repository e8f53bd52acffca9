#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "feed/kite/client.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "tests/exchange/fixtures.hpp"
#include "tests/support/tcp_proxy.hpp"

// The Kite client with several connections and keys, against an exchange that allows what Kite
// does.
namespace artham::exchange::test {
namespace {

using artham::test::tcp_proxy;
using feed::state;
using feed::kite::client;
using feed::kite::client_options;
using runtime::secret;
using std::chrono::milliseconds;
using tokens = std::vector<std::uint32_t>;

const feed::kite::frame_decoder decoder;

std::unique_ptr<server> exchange_of(std::uint32_t instruments, options o) {
  o.calendars = calendars();
  synthetic_source_options source;
  source.market.instruments = instruments;
  source.market.activity = feed::synthetic::activity::every_second;
  source.start = open_of(friday);
  o.source = source;
  auto started = start(std::move(o));
  REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
  return std::move(*started);
}

options kite_like(double speed = 2) {
  options o;
  o.limits = kite_limits;
  o.speed = speed;
  return o;
}

tokens all_of(const server& s) {
  tokens all;
  for (const auto& i : s.instruments()) all.push_back(i.token);
  std::ranges::sort(all);
  return all;
}

client_options quick(std::uint16_t port) {
  client_options o;
  o.url = "ws://127.0.0.1:" + std::to_string(port);
  o.accounts = {{"key", [] { return secret("token"); }}};
  o.sockets = 3;
  o.clock = feed::kite::clock_source::exchange;
  o.login_poll = milliseconds(5);
  o.backoff = {
      .min = milliseconds(20), .max = milliseconds(1'500), .factor = 2, .jitter_percent = 0};
  return o;
}

std::unique_ptr<client> make(client_options o) {
  auto made = client::create(std::move(o), decoder);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  return std::move(*made);
}

/// Counts ticks, and keeps what was lost and how it was told.
class listener final : public feed::sink {
 public:
  struct told {
    feed::state_change change;
    market::timestamp at = 0;
  };
  struct loss {
    std::uint32_t connection = 0;
    std::set<std::uint32_t> lost;
    std::map<std::uint32_t, int> before;  ///< ticks until it was told
    bool over = false;
    int of_lost = 0;  ///< ticks meanwhile
    int least_of_others = 0;
  };

  bool on_frame(std::string frame, market::timestamp t, market::timestamp) override {
    const std::lock_guard lock(mutex_);
    pass(t);
    feed::kite::for_each_packet(frame, [&](std::string_view bytes) {
      const auto token = feed::kite::load_u32(bytes.data());
      ++ticks_[token];
      for (auto& l : losses_) l.of_lost += !l.over && l.lost.contains(token) ? 1 : 0;
    });
    return true;
  }
  void on_market_time(market::timestamp t, market::timestamp) override {
    const std::lock_guard lock(mutex_);
    pass(t);
  }
  void on_state(feed::state_change change, market::timestamp t, market::timestamp) override {
    const std::lock_guard lock(mutex_);
    pass(t);
    states_.push_back({change, t});
    if (change.state == state::live) {
      for (auto& l : losses_) {
        if (l.over || l.connection != change.connection) continue;
        l.over = true;
        l.least_of_others = std::numeric_limits<int>::max();
        for (const auto& [token, n] : l.before) {
          if (!l.lost.contains(token))
            l.least_of_others = std::min(l.least_of_others, ticks_[token] - n);
        }
      }
    } else if (change.state != state::connecting && change.tokens && !change.tokens->empty() &&
               std::ranges::none_of(losses_, [&](const loss& l) {
                 return !l.over && l.connection == change.connection;
               })) {
      losses_.push_back(
          {change.connection, {change.tokens->begin(), change.tokens->end()}, ticks_, false, 0, 0});
    }
  }
  void on_subscription(std::span<const std::uint32_t> which, market::tick_mode, bool added,
                       market::timestamp t, market::timestamp) override {
    const std::lock_guard lock(mutex_);
    pass(t);
    for (const auto token : which) {
      if (added) {
        subscribed_.insert(token);
      } else {
        CHECK(subscribed_.erase(token) == 1);
      }
    }
  }
  void on_text(std::string type, std::string) override { errors_ += type == "error" ? 1 : 0; }

  [[nodiscard]] std::size_t heard() const {
    const std::lock_guard lock(mutex_);
    return ticks_.size();
  }
  [[nodiscard]] bool has_heard(const tokens& which) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(which, [&](auto token) { return ticks_.contains(token); });
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    ticks_.clear();
  }
  [[nodiscard]] std::vector<told> states() const {
    const std::lock_guard lock(mutex_);
    return states_;
  }
  [[nodiscard]] std::vector<loss> losses() const {
    const std::lock_guard lock(mutex_);
    return losses_;
  }
  [[nodiscard]] std::set<std::uint32_t> subscribed() const {
    const std::lock_guard lock(mutex_);
    return subscribed_;
  }
  [[nodiscard]] market::timestamp time() const {
    const std::lock_guard lock(mutex_);
    return time_;
  }
  [[nodiscard]] int errors() const { return errors_; }
  [[nodiscard]] int times_back() const {
    const std::lock_guard lock(mutex_);
    return back_;
  }

 private:
  void pass(market::timestamp t) {
    back_ += t < time_ ? 1 : 0;
    time_ = std::max(time_, t);
  }

  mutable std::mutex mutex_;
  std::map<std::uint32_t, int> ticks_;
  std::vector<told> states_;
  std::vector<loss> losses_;
  std::set<std::uint32_t> subscribed_;
  market::timestamp time_ = 0;
  int back_ = 0;
  std::atomic<int> errors_{0};
};

/// For people.
std::string text_of(const std::vector<listener::told>& states) {
  std::string out;
  for (const auto& [change, at] : states) {
    out += std::to_string(at) + " connection " + std::to_string(change.connection) + " " +
           std::string(feed::to_string(change.state)) + " " + change.detail + "\n";
  }
  return out;
}

std::size_t live_ones(const client& feed) {
  return static_cast<std::size_t>(
      std::ranges::count(feed.connections(), state::live, &feed::connection_status::state));
}

}  // namespace

TEST_CASE("7,000 instruments on three connections: one that is cut is a gap of its own alone") {
  const auto exchange = exchange_of(7'000, kite_like());
  tcp_proxy proxy(exchange->port());
  listener sink;
  auto options = quick(proxy.port());
  options.backoff.min = milliseconds(1'500);  // three seconds of market time, a tick in each
  const auto feed = make(options);
  const auto all = all_of(*exchange);
  REQUIRE(all.size() == 7'000);
  REQUIRE(feed->subscribe(all, market::tick_mode::full));
  feed->start(sink);
  REQUIRE(eventually([&] { return sink.heard() == all.size(); }));
  CHECK(proxy.made() == 3);
  for (const auto& c : feed->connections()) CHECK(c.instruments / 10 == 233);
  CHECK(sink.errors() == 0);

  proxy.cut_after(tcp_proxy::way::to_client, 1);
  REQUIRE(eventually([&] { return !sink.losses().empty() && sink.losses().back().over; }));
  const auto losses = sink.losses();
  INFO(text_of(sink.states()));
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].lost.size() / 10 == 233);
  CHECK(losses[0].of_lost == 0);
  CHECK(losses[0].least_of_others >= 2);
  sink.forget();
  CHECK(eventually([&] { return sink.heard() == all.size(); }));
  CHECK(sink.times_back() == 0);
  CHECK(feed->counts().connects == 4);
  feed->stop();
}

TEST_CASE("an exchange with Kite's limits refuses what is beyond them") {
  const auto exchange = exchange_of(30, [] {
    auto o = kite_like();
    o.limits.tokens = 10;
    return o;
  }());
  const auto all = all_of(*exchange);
  {
    listener sink;
    auto options = quick(exchange->port());
    options.max_tokens = 15;  // two connections, each beyond its limit
    const auto feed = make(options);
    REQUIRE(feed->subscribe(all, market::tick_mode::ltp));
    feed->start(sink);
    REQUIRE(eventually([&] { return sink.heard() >= 20 && sink.errors() >= 2; }));
    CHECK(sink.heard() == 20);
  }
  listener sink;
  auto options = quick(exchange->port());
  options.sockets = 4;
  options.max_tokens = 8;
  const auto feed = make(options);
  REQUIRE(feed->subscribe(all, market::tick_mode::ltp));
  feed->start(sink);
  const auto is_refused = [](const auto& told) { return told.change.state == state::rate_limited; };
  REQUIRE(eventually([&] { return std::ranges::any_of(sink.states(), is_refused); }));
  CHECK(eventually([&] { return live_ones(*feed) == 3; }));
}

TEST_CASE("10,000 instruments are too many for a key and not for two, each with its own login") {
  auto served = kite_like(1);
  served.credentials = {{"first", "", "", "one"}, {"second", "", "", "two"}};
  const auto exchange = exchange_of(10'000, std::move(served));
  const auto all = all_of(*exchange);
  auto options = quick(exchange->port());
  options.accounts = {{"first", [] { return secret("one"); }}};
  const auto refused = make(options)->subscribe(all, market::tick_mode::ltp);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("limit is 9000") != std::string::npos);

  std::atomic<bool> logged_in{false};
  options.accounts.push_back({"second", [&] { return secret(logged_in ? "two" : "stale"); }});
  listener sink;
  const auto feed = make(options);
  REQUIRE(feed->subscribe(all, market::tick_mode::ltp));
  feed->start(sink);
  // The second key's part waits for its login, and nobody waits for it.
  REQUIRE(eventually([&] { return sink.heard() == 7'500; }));
  REQUIRE(feed->connections().size() == 4);
  CHECK(feed->connections()[3].state == state::token_expired);
  CHECK(feed->current() == state::live);
  logged_in = true;
  CHECK(eventually([&] { return sink.heard() == all.size(); }));
  CHECK(live_ones(*feed) == 4);
  CHECK(sink.errors() == 0);
  CHECK(sink.times_back() == 0);
  feed->stop();
}

TEST_CASE("market time waits for a connection that is silent, until its loss is told") {
  const auto exchange = exchange_of(10, kite_like(4));
  tcp_proxy proxy(exchange->port());
  const auto all = all_of(*exchange);
  listener sink;
  auto options = quick(proxy.port());
  options.max_tokens = 5;
  options.silence_limit = milliseconds(1'000);
  const auto feed = make(options);
  REQUIRE(feed->subscribe(tokens(all.begin(), all.begin() + 5), market::tick_mode::full));
  feed->start(sink);
  REQUIRE(eventually([&] { return sink.heard() == 5; }));
  proxy.hold_present(tcp_proxy::way::to_client);
  REQUIRE(feed->subscribe(tokens(all.begin() + 5, all.end()), market::tick_mode::full));
  REQUIRE(eventually([&] { return sink.losses().size() == 1; }));
  const auto told = sink.states();
  const auto lost =
      std::ranges::find_if(told, [](const auto& t) { return t.change.tokens.has_value(); });
  REQUIRE(lost != told.end());
  CHECK(lost->change.connection == 0);
  CHECK(lost->change.cause == market::gap_cause::stalled);
  CHECK(*lost->change.tokens == tokens(all.begin(), all.begin() + 5));
  // Nothing told of a time behind it: a bar that closes then would not know of the loss.
  CHECK(lost->at - lost->change.heard <= options.clock_interval);
  REQUIRE(eventually([&] { return sink.time() > lost->at + 3 * market::second; }));
  sink.forget();
  CHECK(eventually([&] { return sink.heard() == all.size(); }));
  CHECK(sink.losses()[0].of_lost == 0);
  CHECK(sink.times_back() == 0);
}

TEST_CASE("what is taken back while its connection is lost is told so, and may go elsewhere") {
  const auto exchange = exchange_of(10, kite_like(4));
  tcp_proxy proxy(exchange->port());
  const auto all = all_of(*exchange);
  const tokens first(all.begin(), all.begin() + 5);
  const tokens second(all.begin() + 5, all.end());
  listener sink;
  auto options = quick(proxy.port());
  options.max_tokens = 6;
  options.backoff.min = options.backoff.max = milliseconds(1'500);
  const auto feed = make(options);
  REQUIRE(feed->subscribe(first, market::tick_mode::full));
  feed->start(sink);
  REQUIRE(eventually([&] { return sink.heard() == 5; }));
  proxy.cut();
  REQUIRE(eventually([&] { return sink.losses().size() == 1; }));
  CHECK(sink.subscribed().size() == 5);
  const tokens moved{first[0]};
  feed->unsubscribe(moved);
  REQUIRE(eventually([&] { return !sink.subscribed().contains(first[0]); }));
  // The second connection opens for these, and takes what was the first one's.
  REQUIRE(feed->subscribe(second, market::tick_mode::full));
  REQUIRE(feed->subscribe(moved, market::tick_mode::full));
  sink.forget();
  REQUIRE(eventually([&] { return sink.heard() == all.size(); }));
  CHECK(sink.subscribed().size() == all.size());
  CHECK(sink.times_back() == 0);
}

}  // namespace artham::exchange::test
