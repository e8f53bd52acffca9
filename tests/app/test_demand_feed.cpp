#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "app/demand_feed.hpp"

// What clients want is subscribed, within the connection's limit, and taken back some time after.
namespace artham::app {
namespace {

using namespace std::chrono_literals;
using tokens = std::vector<std::uint32_t>;
using token_set = std::set<std::uint32_t>;

/// What the feed was asked for.
struct asked {
  token_set now;
  std::size_t limit = 1'000;
  int removals = 0;
  artham::feed::sink* sink = nullptr;
  bool is_stopped = false;
};

class fake_feed final : public artham::feed::feed {
 public:
  explicit fake_feed(asked& a) : asked_(a) {}
  void start(artham::feed::sink& s) override { asked_.sink = &s; }
  void stop() override { asked_.is_stopped = true; }
  result<void> subscribe(std::span<const std::uint32_t> more, market::tick_mode mode) override {
    CHECK(mode == market::tick_mode::quote);
    if (asked_.now.size() + more.size() > asked_.limit) return fail(errc::refused, "too many");
    asked_.now.insert(more.begin(), more.end());
    return {};
  }
  void unsubscribe(std::span<const std::uint32_t> gone) override {
    ++asked_.removals;
    for (const auto token : gone) CHECK(asked_.now.erase(token) == 1);
  }
  void resume() override {}
  [[nodiscard]] artham::feed::counters counts() const override { return {}; }
  [[nodiscard]] artham::feed::state current() const override { return {}; }

 private:
  asked& asked_;
};

class silent_sink final : public artham::feed::sink {
 public:
  bool on_frame(std::string /*frame*/, market::timestamp /*time*/,
                market::timestamp /*wall*/) override {
    ++frames;
    return false;
  }
  void on_market_time(market::timestamp /*time*/, market::timestamp /*wall*/) override { ++times; }
  void on_state(artham::feed::state_change /*change*/, market::timestamp /*time*/,
                market::timestamp /*wall*/) override {}
  void on_subscription(std::span<const std::uint32_t> /*tokens*/, market::tick_mode /*mode*/,
                       bool /*added*/, market::timestamp /*time*/,
                       market::timestamp /*wall*/) override {}
  void on_text(std::string /*type*/, std::string /*json*/) override {}
  int frames = 0;
  int times = 0;
};

/// Tokens 1 and 2 are always there, those from 1,000 on are not known.
struct world {
  explicit world(std::size_t limit = 1'000) {
    a.now = {1, 2};
    demand_options o;
    o.source = [this](auto listener) -> std::shared_ptr<void> {
      want = std::move(listener);
      want({});
      return {this, [](world* w) { w->want = nullptr; }};
    };
    o.always = {1, 2};
    o.mode = market::tick_mode::quote;
    o.max_tokens = limit;
    o.is_known = [](std::uint32_t token) { return token < 1'000; };
    o.now = [this] { return now; };
    o.metrics = &metrics;
    f = std::make_unique<demand_feed>(std::make_unique<fake_feed>(a), std::move(o));
    f->start(sink);
  }
  void pass(std::chrono::seconds by) {
    now += by;
    a.sink->on_market_time(0, 0);
  }
  std::int64_t refused() { return metrics.gauge(demand_refused_metric, "").value(); }
  std::int64_t demanded() { return metrics.gauge(demanded_metric, "").value(); }

  asked a;
  silent_sink sink;
  runtime::metrics metrics;
  std::chrono::steady_clock::time_point now;
  std::function<void(const tokens&)> want;
  std::unique_ptr<demand_feed> f;
};

}  // namespace

TEST_CASE("demand: what is wanted is subscribed, and taken back when nobody wants it for a while") {
  world w;
  CHECK(w.a.now == token_set{1, 2});
  w.want({2, 5, 7, 1'001});
  CHECK(w.a.now == token_set{1, 2, 5, 7});
  CHECK(w.demanded() == 2);
  CHECK(w.refused() == 0);
  w.want({7});
  w.pass(59s);
  CHECK(w.a.now == token_set{1, 2, 5, 7});
  CHECK(w.a.removals == 0);
  w.pass(1s);
  CHECK(w.a.now == token_set{1, 2, 7});
  CHECK(w.demanded() == 1);
}

TEST_CASE("demand: who comes back in time is not noticed, and the time begins anew") {
  world w;
  w.want({5});
  w.want({});
  w.pass(59s);
  w.want({5});
  w.pass(600s);
  CHECK(w.a.removals == 0);
  w.want({});
  w.pass(59s);
  CHECK(w.a.now == token_set{1, 2, 5});
  w.pass(1s);
  CHECK(w.a.now == token_set{1, 2});
}

TEST_CASE("demand: what is always there stays, wanted or not") {
  world w;
  w.want({1, 2});
  w.want({});
  w.pass(600s);
  CHECK(w.a.now == token_set{1, 2});
  CHECK(w.a.removals == 0);
}

TEST_CASE("demand: the limit holds; who came first stays, and others follow when there is room") {
  world w(4);
  w.want({5, 6});
  w.want({3, 4, 5, 6});
  CHECK(w.a.now == token_set{1, 2, 5, 6});
  CHECK(w.refused() == 2);
  // Room is made at once by what nobody wants any more.
  w.want({3, 4, 6});
  CHECK(w.a.now == token_set{1, 2, 3, 6});
  CHECK(w.refused() == 1);
  w.want({3, 6});
  CHECK(w.refused() == 0);
}

TEST_CASE("demand: a feed that refuses is asked again") {
  world w;
  w.a.limit = 2;
  w.want({5});
  CHECK(w.a.now == token_set{1, 2});
  CHECK(w.refused() == 1);
  w.a.limit = 3;
  w.pass(1s);
  CHECK(w.a.now == token_set{1, 2, 5});
  CHECK(w.refused() == 0);
}

TEST_CASE("demand: what the feed brings goes on as it is; at the end nobody listens") {
  world w;
  CHECK(!w.a.sink->on_frame("x", 1, 2));
  CHECK(w.sink.frames == 1);
  w.pass(1s);
  CHECK(w.sink.times == 1);
  w.f->stop();
  CHECK(w.a.is_stopped);
  CHECK(!w.want);
}

}  // namespace artham::app
