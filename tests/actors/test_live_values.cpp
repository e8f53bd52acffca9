#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/bars/bar_reader.hpp"
#include "actors/features/feature_reader.hpp"
#include "actors/live/live_bars.hpp"
#include "actors/live/live_chains.hpp"
#include "actors/live/live_publisher.hpp"
#include "bridge/common/shard_view.hpp"
#include "messages/caf_compat.hpp"
#include "messages/system.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"

// What forms in a shard's readers reaches the hub of another node, through a real Redis.
namespace artham::test {
namespace {

using namespace std::chrono_literals;
namespace msg = artham::messages;

constexpr auto patience = 30s;

/// What a reader was told. Thread-safe.
class told_reader {
 public:
  void watch(std::uint32_t token, std::uint32_t mask) {
    const std::lock_guard lock(mutex_);
    masks_[token] = mask;
    ++times_[token];
  }
  void watch(const std::string& group, bool wanted) {
    const std::lock_guard lock(mutex_);
    groups_[group] = wanted;
  }
  void credit(caf::strong_actor_ptr from) {
    const std::lock_guard lock(mutex_);
    credit_ = std::move(from);
  }
  [[nodiscard]] std::map<std::uint32_t, std::uint32_t> masks() {
    const std::lock_guard lock(mutex_);
    return masks_;
  }
  [[nodiscard]] std::map<std::string, bool> groups() {
    const std::lock_guard lock(mutex_);
    return groups_;
  }
  [[nodiscard]] int times(std::uint32_t token) {
    const std::lock_guard lock(mutex_);
    return times_[token];
  }
  /// Waits for credit.
  template <class Batch>
  void give(Batch batch) {
    caf::strong_actor_ptr to;
    REQUIRE(eventually(
        [&] {
          const std::lock_guard lock(mutex_);
          to = std::exchange(credit_, nullptr);
          return to != nullptr;
        },
        patience));
    caf::anon_send(caf::actor_cast<msg::live_publisher_actor>(to), std::move(batch));
  }

 private:
  std::mutex mutex_;
  std::map<std::uint32_t, std::uint32_t> masks_;
  std::map<std::uint32_t, int> times_;
  std::map<std::string, bool> groups_;
  caf::strong_actor_ptr credit_;
};
using told_reader_ptr = std::shared_ptr<told_reader>;

caf::behavior reader_actor(caf::event_based_actor* self, const told_reader_ptr& told) {
  msg::install_handlers(self, "test.reader");
  return {
      [told](msg::watch_atom, std::uint32_t token, std::uint32_t mask) {
        told->watch(token, mask);
      },
      [told](msg::watch_atom, const std::string& group, bool wanted) {
        told->watch(group, wanted);
      },
      [told, self](msg::credit_atom) { told->credit(self->current_sender()); },
  };
}

/// What the hub got. Thread-safe.
struct told_hub {
  std::mutex mutex;
  std::vector<msg::live_batch_ptr> batches;
  std::vector<msg::live_chains_ptr> chains;

  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex);
    return batches.size();
  }
  /// The newest that was told of a bar; nothing: none.
  [[nodiscard]] std::optional<market::bar> bar(std::uint32_t token, std::uint32_t timeframe) {
    const std::lock_guard lock(mutex);
    std::optional<market::bar> newest;
    for (const auto& batch : batches) {
      for (const auto& l : batch->bars) {
        if (l.bar.token == token && l.timeframe == timeframe) newest = l.bar;
      }
    }
    return newest;
  }
  [[nodiscard]] bool answered(std::uint32_t token) {
    const std::lock_guard lock(mutex);
    for (const auto& batch : batches) {
      if (std::ranges::count(batch->watched, token) != 0) return true;
    }
    return false;
  }
  [[nodiscard]] std::optional<market::feature::chain_row> chain() {
    const std::lock_guard lock(mutex);
    if (chains.empty()) return std::nullopt;
    return chains.back()->back();
  }
};

caf::behavior hub_actor(caf::event_based_actor* self, const std::shared_ptr<told_hub>& told) {
  msg::install_handlers(self, "test.hub");
  return {
      [told](const msg::live_batch_ptr& b) {
        const std::lock_guard lock(told->mutex);
        told->batches.push_back(b);
      },
      [told](const msg::live_chains_ptr& c) {
        const std::lock_guard lock(told->mutex);
        told->chains.push_back(c);
      },
      [self](const caf::actor& to, msg::credit_atom) { self->send(to, msg::credit_atom_v); },
      [self](const caf::actor& to, msg::watch_atom, std::uint32_t token, std::uint32_t mask) {
        self->send(to, msg::watch_atom_v, token, mask);
      },
  };
}

/// What gateways watch, as the cluster's control messages tell it.
class relay {
 public:
  void tell(std::vector<msg::watched> all) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(all);
    for (const auto& [id, l] : listeners_) l(value_);
  }
  actors::watch_source source() {
    return [this](auto listener) -> std::shared_ptr<void> {
      const std::lock_guard lock(mutex_);
      listener(value_);
      const auto id = ++last_;
      listeners_.emplace(id, std::move(listener));
      return {this, [id](relay* r) {
                const std::lock_guard end(r->mutex_);
                r->listeners_.erase(id);
              }};
    };
  }

 private:
  std::mutex mutex_;
  std::map<int, std::function<void(const std::vector<msg::watched>&)>> listeners_;
  std::vector<msg::watched> value_;
  int last_ = 0;
};

struct system_config : caf::actor_system_config {
  system_config() { msg::register_types(*this); }
};

market::bar bar(std::uint32_t token, std::int64_t close, market::timestamp start = open_time) {
  market::bar b;
  b.token = token;
  b.start = start;
  b.end = start + market::minute;
  b.open = b.high = b.low = b.close = market::price{close};
  b.ticks = 1;
  b.first = b.last = {1, static_cast<std::uint64_t>(close)};
  return b;
}

msg::live_batch_ptr batch_of(std::vector<msg::live_bar> bars) {
  auto b = std::make_shared<msg::live_batch>();
  b->at = {1, 5};
  b->bars = std::move(bars);
  return b;
}

constexpr std::uint32_t shards = 2;

/// Publishers of two shards with stand-ins for their readers, a gateway with one for its hub.
struct world {
  redis_server redis;
  std::unique_ptr<bridge::redis::redis_bridge> compute = open_with_shards();
  std::unique_ptr<bridge::redis::redis_bridge> gateway = open_or_fail(options_for(redis));
  std::vector<std::unique_ptr<bridge::bridge>> views;
  runtime::metrics metrics;
  relay watched;
  std::vector<told_reader_ptr> readers;
  std::shared_ptr<told_hub> hub = std::make_shared<told_hub>();
  std::vector<market::timeframe> timeframes{*market::parse_timeframe("1m"),
                                            *market::parse_timeframe("5m")};
  system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  caf::actor hub_handle = system.spawn(hub_actor, hub);
  std::vector<caf::actor> running{hub_handle};
  msg::live_bars_actor bars;

  explicit world(std::chrono::nanoseconds interval = 10ms) {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      views.push_back(bridge::shard_view(*compute, shard, shards));
      readers.push_back(std::make_shared<told_reader>());
      auto names = std::make_shared<msg::directory>();
      const auto reader = system.spawn(reader_actor, readers.back());
      names->put(actors::bar_reader_name, reader);
      running.push_back(reader);
      actors::live_publisher_config c;
      c.output = views.back().get();
      c.metrics = &metrics;
      c.names = names;
      c.watched = watched.source();
      c.is_ours = [shard](std::uint32_t token) { return token % shards == shard; };
      c.can_write = [this] { return compute->is_up(); };
      c.timeframes = timeframes;
      c.interval = interval;
      running.push_back(
          caf::actor_cast<caf::actor>(system.spawn(actors::live_publisher, std::move(c))));
    }
    actors::live_bars_config g;
    g.input = gateway.get();
    g.shards = shards;
    g.metrics = &metrics;
    g.timeframes = timeframes;
    g.watched = [this](const std::map<std::uint32_t, std::uint32_t>& masks) {
      std::vector<msg::watched> all;
      for (const auto& [token, mask] : masks) all.push_back({token, mask, false});
      watched.tell(std::move(all));
    };
    g.can_read = [this] { return gateway->is_up(); };
    bars = system.spawn(actors::live_bars, std::move(g));
    running.push_back(caf::actor_cast<caf::actor>(bars));
  }
  ~world() {
    for (const auto& a : running) self->send_exit(a, caf::exit_reason::user_shutdown);
    for (const auto& a : running) self->wait_for(a);
    gateway->stop();
    compute->stop();
  }
  std::unique_ptr<bridge::redis::redis_bridge> open_with_shards() {
    auto b = open_or_fail(options_for(redis));
    hold(*b);
    return b;
  }
  void hold(bridge::redis::redis_bridge& b) const {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const auto lease = "bars:" + std::to_string(shard);
      mint(redis, lease, 1);
      b.hold(lease, 1);
    }
  }
  void credit() {
    caf::anon_send(hub_handle, caf::actor_cast<caf::actor>(bars), msg::credit_atom_v);
  }
  void watch(std::uint32_t token, std::uint32_t mask) {
    caf::anon_send(hub_handle, caf::actor_cast<caf::actor>(bars), msg::watch_atom_v, token, mask);
  }
  [[nodiscard]] bool reader_has(std::uint32_t shard, std::uint32_t token, std::uint32_t mask) {
    return eventually([&] { return readers[shard]->masks()[token] == mask; }, patience);
  }
  /// Until that holds; a batch takes the credit, and is followed by another.
  template <class Fn>
  [[nodiscard]] bool with_credit(Fn&& condition) {
    std::size_t credited = 0;
    return eventually(
        [&] {
          const auto n = hub->count();
          if (n > credited) {
            credited = n;
            credit();
          }
          return condition();
        },
        patience);
  }
  [[nodiscard]] bool hub_gets(std::uint32_t token, std::uint32_t timeframe, const market::bar& b) {
    return with_credit([&] { return hub->bar(token, timeframe) == b; });
  }
  /// How long the publisher of shard 1 takes to ask for so many batches.
  std::chrono::steady_clock::duration asks_for(int batches) {
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < batches; ++i) readers[1]->give(batch_of({{0, bar(7, 100 + i)}}));
    return std::chrono::steady_clock::now() - begun;
  }
  /// Values reach the streams' ends only once they are read from there.
  void begin() {
    credit();
    watch(7, 0b11);
    REQUIRE(reader_has(1, 7, 0b11));
    // A watch is answered without a bar when none comes soon, which takes the credit.
    std::size_t credited = 0;
    REQUIRE(eventually(
        [&] {
          const auto n = hub->count();
          if (hub->bar(7, 0).has_value()) return true;
          if (n > credited) {
            credited = n;
            credit();
          }
          readers[1]->give(batch_of({{0, bar(7, 1)}, {1, bar(7, 1)}}));
          return false;
        },
        patience));
  }
};

}  // namespace

TEST_CASE("live values: the next batch may come after the interval, later behind a large one") {
  using clock = actors::live_pace::clock;
  const auto now = clock::now();
  actors::live_pace pace(10ms, 1'000);
  CHECK(pace.due() == clock::time_point{});  // the first waits for nothing
  pace.published(now, 0);
  CHECK(pace.due() == now + 10ms);
  pace.published(now, 10);
  CHECK(pace.due() == now + 10ms);
  pace.published(now, 11);
  CHECK(pace.due() == now + 11ms);
  pace.published(now, 2'500);
  CHECK(pace.due() == now + 2'500ms);
}

TEST_CASE("live values: the readers are not asked more often than the interval says") {
  world slow(200ms);
  slow.begin();
  CHECK(slow.asks_for(6) >= 5 * 200ms);
}

TEST_CASE("live values: bars reach the hub that watches them, from the shard that has them") {
  world w;
  w.begin();
  CHECK(w.readers[0]->masks().empty());
  CHECK(w.with_credit([&] { return w.hub->answered(7); }));
  w.watch(8, 0b01);
  REQUIRE(w.reader_has(0, 8, 0b01));
  // Nothing has come of it: answered all the same.
  CHECK(w.with_credit([&] { return w.hub->answered(8); }));
  CHECK(!w.hub->bar(8, 0));
  w.readers[0]->give(batch_of({{0, bar(8, 3)}, {1, bar(8, 4)}, {9, bar(8, 5)}}));
  CHECK(w.hub_gets(8, 0, bar(8, 3)));
  // The other timeframe is not watched.
  CHECK(!w.hub->bar(8, 1));
  w.watch(8, 0b11);
  CHECK(w.hub_gets(8, 1, bar(8, 4)));
  w.watch(8, 0);
  CHECK(w.reader_has(0, 8, 0));
  CHECK(w.readers[1]->masks() == std::map<std::uint32_t, std::uint32_t>{{7, 0b11}});
}

TEST_CASE("live values: for each credit the newest of each key") {
  world w;
  w.begin();
  const auto before = w.hub->count();
  for (std::int64_t close = 10; close <= 14; ++close)
    w.readers[1]->give(batch_of({{0, bar(7, close)}}));
  w.readers[1]->give(batch_of({{1, bar(7, 20)}}));
  // In Redis, and read from there.
  REQUIRE(eventually([&] { return w.gateway->stream_tops("md:bars:live.5m:1")->appended.seq >= 2; },
                     patience));
  CHECK(w.hub->count() == before);
  w.credit();
  CHECK(w.hub_gets(7, 1, bar(7, 20)));
  CHECK(w.hub->bar(7, 0) == bar(7, 14));
  const std::lock_guard lock(w.hub->mutex);
  CHECK(w.hub->batches.size() <= before + 2);
}

TEST_CASE("live values: what does not change is said again, for gateways that come later") {
  world w;
  w.begin();
  const auto said = w.readers[1]->times(7);
  CHECK(eventually([&] { return w.readers[1]->times(7) > said; }, patience));
}

TEST_CASE("live values: go on after Redis was away, and after it lost everything") {
  world w;
  w.begin();
  w.redis.kill();
  w.redis.start();
  w.credit();
  w.readers[1]->give(batch_of({{0, bar(7, 30)}}));
  CHECK(w.hub_gets(7, 0, bar(7, 30)));
  static_cast<void>(w.redis.cli({"FLUSHALL"}));
  w.hold(*w.compute);
  const auto said = w.readers[1]->times(7);
  // The writer finds its stream emptied, opens it again, and asks for everything anew.
  CHECK(eventually(
      [&] {
        w.readers[1]->give(batch_of({{0, bar(7, 40)}}));
        w.credit();
        return w.hub->bar(7, 0) == bar(7, 40);
      },
      patience));
  CHECK(w.readers[1]->times(7) > said);
}

TEST_CASE("live values: a hub that is another one says anew what it watches") {
  world w;
  w.begin();
  const auto other = std::make_shared<told_hub>();
  const auto handle = w.system.spawn(hub_actor, other);
  w.running.push_back(handle);
  caf::anon_send(handle, caf::actor_cast<caf::actor>(w.bars), msg::credit_atom_v);
  CHECK(w.reader_has(1, 7, 0));
}

}  // namespace artham::test
