#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/store/stream_store.hpp"
#include "bridge/local/journal.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/record_source.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/record_source.hpp"
#include "tests/actors/collected.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/market/chain_support.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"

// Clients go on where they were over real streams that are trimmed behind them, and a real store
// that keeps what is trimmed.
namespace artham::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::uint32_t infy = 408065;
constexpr std::uint32_t reliance = 738561;
const auto expiry = market::make_date(2026, 12, 1);
const std::string chain_text = "chain:NIFTY:2026-12-01";

int from_environment(const char* name, int usual) {
  const char* const text = std::getenv(name);
  return text == nullptr ? usual : std::atoi(text);
}

std::vector<market::instrument> options() {
  return chain_test::nifty(expiry, {26'000, 26'100});
}

market::feature::chain_row chain_row(int number) {
  market::feature::chain_row c;
  c.underlying = "NIFTY";
  c.expiry = expiry;
  c.at = number * market::second;
  c.is = market::option::state::ok;
  c.source = market::feature::forward_source::parity;
  c.fields = market::feature::chain_row::forward_known;
  c.years = 1.0 / 7;
  c.forward = 26'000 + number / 3.0;
  for (const int strike : {26'000, 26'100}) {
    for (const bool call : {true, false}) {
      auto& o = c.options.emplace_back();
      o.token = chain_test::option_token(strike, call);
      o.type = call ? market::option::side::call : market::option::side::put;
      o.strike = chain_test::rupees(strike);
      o.is = market::option::state::ok;
      o.fields = 511;
      o.last = {number * market::price_scale};
      o.iv = 0.1 + 1.0 / number;
      o.delta = call ? 1.0 / 3 : -2.0 / 3;
    }
  }
  return c;
}

/// A database of one kind, and what resuming reads of it.
struct database_of {
  std::unique_ptr<store::database> db;
  std::unique_ptr<store::record_source> records;
  bool sharded = false;
};

const auto timeframe = *market::parse_timeframe("1m");

database_of sqlite_in(const scratch& dir, bool tick_table = true) {
  database_of d;
  auto opened = store::sqlite::open(dir / "artham.db", {tick_table, {timeframe}});
  REQUIRE_MESSAGE(opened, opened.error().message);
  d.db = std::move(*opened);
  d.records = store::sqlite::open_records(dir / "artham.db");
  return d;
}

postgres_server& postgres() {
  static auto server = postgres_server::plain();
  return server;
}

database_of postgres_database(const std::string& name, store::postgres::tick_layout layout) {
  database_of d;
  store::postgres::server at;
  at.url = postgres().create_database(name);
  at.timeout = 30s;
  auto opened = store::postgres::open(at, {true, {timeframe}}, {layout, 1, false});
  REQUIRE_MESSAGE(opened, opened.error().message);
  d.db = std::move(*opened);
  d.records = store::postgres::open_records(at);
  d.sharded = true;
  return d;
}

/// Stores all streams of a world, as a store role does.
class storing {
 public:
  storing(gateway_world& g, database_of& d, bool tick_table = true)
      : g_(g), d_(d), tick_table_(tick_table) {
    auto c = base("tick_store", record::ticks_stream());
    c.make_rows = actors::tick_rows(g.decoder, {tick_table, d.sharded, true});
    if (d.sharded) c.shards = actors::shards_of_part(0, 1);
    spawn(std::move(c));
    c = base("bar_store", record::final_bars_stream("1m"));
    c.make_rows = actors::bar_rows(timeframe);
    spawn(std::move(c));
    if (!g.hub_options.features) return;
    c = base("feature_store", record::features_stream());
    c.make_rows = actors::feature_rows();
    spawn(std::move(c));
  }
  /// They use the thread until they have ended.
  ~storing() {
    for (const auto& s : stores_) caf::anon_send_exit(s, caf::exit_reason::user_shutdown);
    caf::scoped_actor self(g_.system);
    for (const auto& s : stores_) self->wait_for(s);
  }
  storing(const storing&) = delete;
  storing& operator=(const storing&) = delete;

  /// How far a stream is stored.
  [[nodiscard]] record::position upto(const std::string& stream) const {
    const auto positions = d_.records->positions();
    REQUIRE_MESSAGE(positions, positions.error().message);
    std::optional<record::position> least;
    for (const auto& p : *positions)
      if (p.stream == stream) least = least ? std::min(*least, p.at) : p.at;
    return least.value_or(record::position{});
  }
  void wait_for_all() const {
    for (const auto& [stream, end] : g_.ends()) {
      // Of ticks that are no rows a position may wait for the next gap.
      if (!tick_table_ && stream == record::ticks_stream()) continue;
      REQUIRE(eventually([&] { return upto(stream) >= end; }));
    }
  }

 private:
  actors::stream_store_config base(const std::string& consumer, const std::string& stream) {
    actors::stream_store_config c;
    c.consumer = consumer;
    c.stream = stream;
    c.journal = &g_.streams;
    c.writer = &d_.db->writing();
    c.writer_thread = &thread_;
    c.metrics = &g_.metrics;
    return c;
  }
  void spawn(actors::stream_store_config c) {
    stores_.push_back(g_.system.spawn(actors::stream_store, std::move(c)));
  }

  gateway_world& g_;
  database_of& d_;
  bool tick_table_;
  runtime::worker thread_{"store-writer", 64};
  std::vector<messages::store_actor> stores_;
};

/// A store that has nothing until it comes.
class late_records final : public store::record_source {
 public:
  explicit late_records(store::record_source& behind) : behind_(behind) {}
  std::atomic<bool> is_there{false};
  std::atomic<int> asked{0};

  [[nodiscard]] std::uint32_t shards_of_ticks() const override { return behind_.shards_of_ticks(); }
  result<std::vector<store::stored_position>> positions() override {
    ++asked;
    if (!is_there) return std::vector<store::stored_position>{};
    return behind_.positions();
  }
  result<market::timestamp> kept_since(std::string_view table) override {
    return behind_.kept_since(table);
  }
  result<std::vector<record::bar_record>> bars_between(market::timeframe tf,
                                                       std::span<const std::uint32_t> tokens,
                                                       const store::record_range& r) override {
    return behind_.bars_between(tf, tokens, r);
  }
  result<std::vector<record::feature_record>> chains_between(
      std::span<const store::chain_name> chains, const store::record_range& r) override {
    return behind_.chains_between(chains, r);
  }
  result<std::vector<store::stored_tick>> ticks_between(std::span<const std::uint32_t> tokens,
                                                        const store::record_range& r) override {
    return behind_.ticks_between(tokens, r);
  }
  result<std::vector<store::gap_row>> gaps_between(const store::record_range& r) override {
    return behind_.gaps_between(r);
  }

 private:
  store::record_source& behind_;
};

world_parts parts_over(bridge::bridge& streams, const database_of* d) {
  world_parts p;
  p.streams = &streams;
  p.instruments = options();
  p.features = chain_test::plan_of(options());
  if (d != nullptr) {
    p.stored = d->records.get();
    p.stored_ticks = true;
  }
  return p;
}

std::string all_keys() {
  const auto call = std::to_string(chain_test::option_token(26'000, true));
  return R"("keys":["tick:NSE:INFY","tick:NSE:RELIANCE","bar:NSE:INFY:1m","bar:NSE:RELIANCE:1m",")" +
         chain_text + R"(","greeks:TOKEN:)" + call + R"("])";
}

/// Appends something of everything, as fast as it is told.
class load {
 public:
  explicit load(gateway_world& g) : g_(g) {}

  void step() {
    ++number_;
    const auto token = random_() % 3 == 0 ? reliance : infy;
    if (random_() % 2 == 0)
      g_.append_frame(token, number_);
    else
      g_.append_tick(token, number_);
    if (random_() % 6 == 0) {
      g_.append_final(gateway_world::bar(random_() % 2 == 0 ? infy : reliance, number_ / 4 + 1,
                                         static_cast<std::uint32_t>(revision_++)));
    }
    if (random_() % 6 == 0) g_.append_chain(chain_row(number_));
    if (random_() % 40 == 0) g_.append_gap(number_, number_ + 1);
  }
  void steps(int n) {
    for (int i = 0; i < n; ++i) step();
  }
  /// What is the last of each kind, so that its coming ends a wait.
  void finish() {
    number_ = 9'000'000;
    for (const auto token : {infy, reliance}) {
      g_.append_final(gateway_world::bar(token, number_));
      g_.append_frame(token, number_);
    }
    g_.append_chain(chain_row(number_));
  }

 private:
  gateway_world& g_;
  std::mt19937 random_{5};
  int number_ = 0;
  int revision_ = 0;
};

/// Until the hub of `g` has told all that `writes` has appended.
void wait_for_hub(const gateway_world& g, const gateway_world& writes) {
  const auto& all = g.tokens->streams().all();
  const auto ends = writes.ends();
  REQUIRE(eventually([&] {
    const auto at = g.board->get();
    if (!at) return false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto end = ends.find(all[i].name);
      if (end != ends.end() && at->at[i] < end->second) return false;
    }
    return true;
  }));
}
void wait_for_hub(const gateway_world& g) {
  wait_for_hub(g, g);
}

/// Spread over many entries of the streams, or blocks.
void spread(load& l, const gateway_world& g, int steps) {
  for (int i = 0; i < steps; i += 20) {
    l.steps(20);
    wait_for_hub(g);
  }
}

constexpr messages::format formats[] = {messages::format::json, messages::format::binary};
constexpr const char* everything = R"("op":"sub","policy":"all","tokens":50,)";

gateway_world::client_of subscribed(gateway_world& g, messages::format f,
                                    const std::string& token = "") {
  auto c = g.connect(f);
  const auto from = token.empty() ? std::string() : R"(,"from":")" + token + "\"";
  const auto reply = c.ask(1, everything + all_keys() + from);
  REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
  return c;
}

/// Nothing of what `writes` has appended is on its way to the client any more.
void settle(const gateway_world& g, const gateway_world& writes,
            const gateway_world::client_of& c) {
  wait_for_hub(g, writes);
  REQUIRE(c.ask(99, R"("op":"unsub",)" + all_keys()).value("ok", false));
}

void check_same(const collected& got, const collected& expected) {
  CHECK(got.by_key.size() == expected.by_key.size());
  for (const auto& [key, list] : expected.by_key) {
    CAPTURE(key);
    const auto it = got.by_key.find(key);
    REQUIRE(it != got.by_key.end());
    CHECK(it->second.size() == list.size());
    CHECK((it->second == list));
  }
}

/// Streams in Redis that are trimmed of what the store has.
struct redis_streams {
  redis_server server;
  std::unique_ptr<bridge::redis::redis_bridge> bridge = open_with_leases(server, patient());

  /// Another gateway's.
  [[nodiscard]] std::unique_ptr<bridge::redis::redis_bridge> another() const {
    return open_or_fail(patient());
  }
  void trim(const std::string& stream, record::position at) const {
    if (at.seq == 0) return;
    static_cast<void>(server.cli(
        {"XTRIM", stream, "MINID", "=", std::to_string(at.epoch) + "-" + std::to_string(at.seq)}));
  }
  /// All that the store has and the hub has told.
  void trim_behind(const gateway_world& g, const storing& stores) const {
    const auto told = g.board->get();
    const auto& all = g.tokens->streams().all();
    for (std::size_t i = 0; i < all.size(); ++i)
      trim(all[i].name, std::min(told->at[i], stores.upto(all[i].name)));
  }

 private:
  [[nodiscard]] bridge::redis::options patient() const {
    auto o = options_for(server);
    o.server.timeout = 10 * market::second;
    o.refill_wait = 0;
    return o;
  }
};

/// Clients are cut and come back at any time, and what they missed is taken out of Redis as soon as
/// it is stored; `cuts` in all. `stores` may be null: nothing is trimmed.
void travel(gateway_world& g, int cuts, const std::function<void()>& between) {
  std::mt19937 random(static_cast<std::uint32_t>(from_environment("ARTHAM_RESUME_SEED", 1)));
  load l(g);
  l.steps(50);
  wait_for_hub(g);
  std::vector<gateway_world::client_of> uncut;
  for (const auto f : formats) uncut.push_back(subscribed(g, f));
  struct traveller {
    gateway_world::client_of now;
    collected has;
  };
  std::vector<traveller> travellers;
  for (int i = 0; i < 4; ++i) travellers.push_back({subscribed(g, formats[i % 2]), {}});
  std::atomic<bool> stop{false};
  std::atomic<int> steps{0};
  std::atomic<bool> asks{false};
  std::thread loading([&] {
    std::mt19937 pace(3);
    int while_asked = 0;
    while (!stop) {
      while_asked = asks ? while_asked + 1 : 0;
      // On a machine that reads more slowly than this writes nobody would ever catch up.
      if (while_asked < 5'000) {
        l.step();
        ++steps;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(pace() % 600));
    }
  });
  for (int i = 0; i < cuts; ++i) {
    auto& t = travellers[random() % travellers.size()];
    asks = true;
    if (random() % 4 != 0) REQUIRE(t.now.socket->reply(1).value("ok", false));
    asks = false;
    caf::anon_send(t.now.session, messages::closed_atom_v);
    g.sessions.erase(std::ranges::find(g.sessions, t.now.session));
    t.has.take(t.now.socket->all(), false);
    const int until = steps + static_cast<int>(random() % 120);
    REQUIRE(eventually([&] { return steps >= until; }));
    between();
    t.now = g.connect(t.now.format);
    t.now.command(1, everything + all_keys() +
                         (t.has.token.empty() ? "" : R"(,"from":")" + t.has.token + "\""));
  }
  stop = true;
  loading.join();
  l.finish();
  for (auto& t : travellers) {
    const auto reply = t.now.socket->reply(1);
    REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
  }
  collected whole[2];
  for (std::size_t f = 0; f < 2; ++f) {
    settle(g, g, uncut[f]);
    whole[f].take(uncut[f].socket->all(), true);
    CHECK(whole[f].by_key.size() == 7);
  }
  for (auto& t : travellers) {
    settle(g, g, t.now);
    t.has.take(t.now.socket->all(), true);
    CHECK(t.has.expired == 0);
    check_same(t.has, whole[t.now.format == messages::format::binary ? 1 : 0]);
  }
  std::size_t messages = 0;
  for (const auto& [key, list] : whole[0].by_key) messages += list.size();
  MESSAGE(cuts << " cuts, " << messages << " messages of a client");
}

int cuts_here() {
  return from_environment("ARTHAM_RESUME_CUTS", 40);
}

}  // namespace

TEST_CASE("whoever is cut off a cluster's gateway and comes back has what the others have") {
  redis_streams redis;
  gateway_world g("1m", 1ms, parts_over(*redis.bridge, nullptr));
  travel(g, cuts_here(), [] {});
}

TEST_CASE("whoever comes back gets out of PostgreSQL what Redis has no more, byte for byte") {
  for (const auto layout :
       {store::postgres::tick_layout::packed, store::postgres::tick_layout::rows}) {
    redis_streams redis;
    auto d = postgres_database(
        layout == store::postgres::tick_layout::packed ? "packed" : "in_rows", layout);
    gateway_world g("1m", 1ms, parts_over(*redis.bridge, &d));
    storing stores(g, d);
    travel(g, cuts_here(), [&] { redis.trim_behind(g, stores); });
  }
}

TEST_CASE("whoever comes back gets out of SQLite what Redis has no more, byte for byte") {
  redis_streams redis;
  const scratch dir;
  auto d = sqlite_in(dir);
  gateway_world g("1m", 1ms, parts_over(*redis.bridge, &d));
  storing stores(g, d);
  travel(g, cuts_here(), [&] { redis.trim_behind(g, stores); });
}

TEST_CASE("a token of one gateway is taken by another, over what Redis has no more") {
  redis_streams redis;
  const scratch dir;
  auto d = sqlite_in(dir);
  gateway_world a("1m", {}, parts_over(*redis.bridge, &d));
  storing stores(a, d);
  const auto other = redis.another();
  auto parts = parts_over(*other, &d);
  parts.writes = false;
  gateway_world b("1m", {}, parts);
  load l(a);
  l.steps(100);
  wait_for_hub(a);
  wait_for_hub(b, a);
  for (const auto f : formats) {
    const auto uncut = subscribed(a, f);
    const auto leaves = subscribed(a, f);
    l.steps(100);
    wait_for_hub(a);
    collected has;
    REQUIRE_FALSE(leaves.socket->message([](const json& j) { return j.value("ev", "") == "token"; })
                      .is_null());
    has.take(leaves.socket->all(), false);
    spread(l, a, 1'000);
    stores.wait_for_all();
    wait_for_hub(b, a);
    redis.trim_behind(a, stores);
    l.steps(50);
    const auto comes = subscribed(b, f, has.token);
    l.steps(50);
    settle(b, a, comes);
    settle(a, a, uncut);
    has.take(comes.socket->all(), true);
    collected whole;
    whole.take(uncut.socket->all(), true);
    CHECK(has.expired == 0);
    check_same(has, whole);
  }
}

TEST_CASE("what neither Redis nor the store has is told, and so is a store that does not come") {
  redis_streams redis;
  const scratch dir;
  auto d = sqlite_in(dir);
  late_records late(*d.records);
  auto parts = parts_over(*redis.bridge, &d);
  parts.stored = &late;
  SUBCASE("that does not come") {
    parts.store_patience = 300ms;
  }
  SUBCASE("that comes") {}
  gateway_world g("1m", {}, parts);
  storing stores(g, d);
  load l(g);
  l.steps(100);
  wait_for_hub(g);
  const auto first = subscribed(g, messages::format::json);
  const auto token = first.socket->reply(1)["token"].get<std::string>();
  spread(l, g, 400);
  stores.wait_for_all();
  for (const auto& [stream, end] : g.ends()) redis.trim(stream, end);
  const auto c = g.connect();
  c.command(1, everything + all_keys() + R"(,"from":")" + token + "\"");
  if (parts.store_patience > 1s) {
    // It is being waited for, and the client is answered.
    REQUIRE(eventually([&] { return late.asked > 3; }));
    CHECK(c.ask(2, R"("op":"ping")")["op"] == "pong");
    CHECK(c.socket->texts().size() == 1);
    late.is_there = true;
  }
  const auto reply = c.socket->reply(1);
  REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
  int expired = 0;
  for (const auto& s : reply["subs"]) expired += s["state"] == "token_expired" ? 1 : 0;
  settle(g, g, c);
  settle(g, g, first);
  collected has;
  collected whole;
  has.take(c.socket->all(), true);
  whole.take(first.socket->all(), true);
  CHECK(has.expired == static_cast<std::size_t>(expired));
  if (parts.store_patience > 1s) {
    CHECK(expired == 0);
    check_same(has, whole);
  } else {
    CHECK(expired == 6);
  }
}

TEST_CASE("what was missed is whole, in whatever pieces it is read while more comes") {
  redis_streams redis;
  const scratch dir;
  auto d = sqlite_in(dir);
  gateway_world g("1m", {}, parts_over(*redis.bridge, &d));
  storing stores(g, d);
  load l(g);
  l.steps(100);
  wait_for_hub(g);
  const auto from = *g.board->get();
  spread(l, g, 600);
  stores.wait_for_all();
  redis.trim_behind(g, stores);
  l.steps(100);
  wait_for_hub(g);
  const auto end = *g.board->get();
  const auto reader = [&] {
    std::vector<actors::catch_up::wanted> keys;
    for (const auto key : {messages::tick_key(infy), messages::bar_key(infy, 0)})
      keys.push_back({key, actors::make_style(messages::format::json, false, "key")});
    return actors::catch_up(g.catch_up_of, std::move(keys), from);
  };
  const auto some = [](actors::catch_up& c, const messages::resume_point& until,
                       std::size_t bytes) {
    auto step = c.next(until, bytes);
    REQUIRE_MESSAGE(step, step.error().message);
    return std::pair{step->found ? *step->found->bytes : std::string(), step->at_end};
  };
  auto at_once = reader();
  const auto [whole, at_end] = some(at_once, end, SIZE_MAX);
  REQUIRE(at_end);
  REQUIRE(whole.size() > 10'000);
  for (const std::uint64_t part : {3U, 17U, 150U}) {
    CAPTURE(part);
    auto c = reader();
    std::string pieces;
    auto until = from;
    // Clients are told more and more meanwhile; each piece is a message or a few.
    for (bool done = false; !done;) {
      for (std::size_t i = 0; i < until.at.size(); ++i)
        until.at[i] = {1, std::min(until.at[i].seq + part, end.at[i].seq)};
      auto [piece, ended] = some(c, until, 500);
      pieces += piece;
      done = ended && until.at == end.at;
    }
    CHECK(pieces.size() == whole.size());
  }
}

TEST_CASE("a token from before what retention left is told so, key by key") {
  redis_streams redis;
  auto d = postgres_database("retention", store::postgres::tick_layout::packed);
  gateway_world g("1m", {}, parts_over(*redis.bridge, &d));
  storing stores(g, d);
  load l(g);
  l.steps(50);
  wait_for_hub(g);
  const auto uncut = subscribed(g, messages::format::json);
  const auto token = uncut.socket->reply(1)["token"].get<std::string>();
  spread(l, g, 600);
  stores.wait_for_all();
  redis.trim_behind(g, stores);
  // Market time here is that of 1970.
  static_cast<void>(postgres().sql(
      "INSERT INTO artham.removed VALUES ('bars_1m', '2026-11-01 00:00:00+00')", "retention"));
  const auto comes = g.connect();
  const auto reply = comes.ask(1, everything + all_keys() + R"(,"from":")" + token + "\"");
  REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
  for (const auto& s : reply["subs"]) {
    const bool of_bars = s["key"].get<std::string>().starts_with("bar:");
    CHECK((s["state"] == "token_expired") == of_bars);
  }
  settle(g, g, comes);
  settle(g, g, uncut);
  collected has;
  collected whole;
  has.take(comes.socket->all(), true);
  whole.take(uncut.socket->all(), true);
  CHECK(has.expired == 2);
  check_same(has, whole);
}

namespace {

/// A journal on the disk, in small segments.
struct local_streams {
  scratch dir;
  bridge::local::opened journal = [this] {
    bridge::local::options o;
    o.dir = dir / "journal";
    o.tail_bytes = 0;
    o.segment_bytes = 20'000;
    auto opened = bridge::local::open(std::move(o));
    if (!opened) FAIL(opened.error().message);
    return std::move(*opened);
  }();
  ~local_streams() { journal.journal->stop(); }
  local_streams() = default;
  local_streams(const local_streams&) = delete;
  local_streams& operator=(const local_streams&) = delete;

  /// All that may go.
  [[nodiscard]] bridge::local::trim_report trim() const {
    bridge::local::trim_limits limits;
    limits.before = market::never;
    for (const auto& s : journal.journal->streams())
      limits.passed[s] = journal.journal->stream_tops(s)->durable;
    auto done = journal.trimmer->trim(limits);
    REQUIRE_MESSAGE(done, done.error().message);
    return *done;
  }
};

}  // namespace

TEST_CASE("what retention took out of a journal comes out of SQLite, byte for byte") {
  for (const bool tick_table : {true, false}) {
    CAPTURE(tick_table);
    local_streams local;
    const scratch dir;
    auto d = sqlite_in(dir, tick_table);
    auto parts = parts_over(*local.journal.journal, &d);
    parts.stored_ticks = tick_table;
    gateway_world g("1m", {}, parts);
    market::mark began;
    began.kind = market::mark_kind::epoch;
    for (auto* hash : {&began.hashes.settings, &began.hashes.calendar, &began.hashes.instruments})
      *hash = *local.journal.journal->put_object("an object");
    g.append_mark(began);
    load l(g);
    l.steps(300);
    wait_for_hub(g);
    for (const auto f : formats) {
      const auto uncut = subscribed(g, f);
      const auto token = uncut.socket->reply(1)["token"].get<std::string>();
      collected whole;
      {
        storing stores(g, d, tick_table);
        spread(l, g, 1'500);
        stores.wait_for_all();
      }
      const auto report = local.trim();
      CHECK(report.removed.size() == 3);
      const auto comes = subscribed(g, f, token);
      l.steps(50);
      settle(g, g, comes);
      settle(g, g, uncut);
      collected has;
      has.take(comes.socket->all(), true);
      whole.take(uncut.socket->all(), true);
      CHECK(has.expired == (tick_table ? 0 : 2));
      if (!tick_table) {
        // Ticks are in the journal alone; gaps, bars and features are not.
        for (auto* c : {&has, &whole}) {
          std::erase_if(c->by_key, [&](const auto& entry) {
            const bool binary_tick = entry.second.front()[0] == 1 && entry.second.front()[1] == 1;
            return entry.first.starts_with("tick:") || binary_tick;
          });
        }
        CHECK(whole.by_key.size() == 5);
      }
      check_same(has, whole);
    }
  }
}

}  // namespace artham::test
