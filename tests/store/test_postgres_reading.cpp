#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "store/postgres/reader.hpp"
#include "tests/store/held_lock.hpp"
#include "tests/store/postgres_store.hpp"
#include "tests/store/store_fixture.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

/// A store with one bar, and a reader of it with a timeout of its own.
struct one_bar {
  explicit one_bar(std::chrono::milliseconds timeout) {
    auto opened = files.open({false, {one_minute}});
    REQUIRE_MESSAGE(opened, opened.error().message);
    const auto b = bar(7, 0, 1);
    REQUIRE((*opened)->writing().put_bars(one_minute, {&b, 1}));
    opened->reset();
    auto s = files.server();
    s.timeout = timeout;
    auto again = store::postgres::open(s, {false, {one_minute}}, {});
    REQUIRE_MESSAGE(again, again.error().message);
    db = std::move(*again);
  }
  result<std::vector<record::bar_record>> read() const {
    return db->reading().bars({7, one_minute});
  }
  postgres_store files;
  std::unique_ptr<store::database> db;
};

}  // namespace

TEST_CASE("a reader whose connections were ended goes on with new ones") {
  const one_bar f(10s);
  CHECK(f.read()->size() == 1);
  REQUIRE(the_server().terminate_backends("artham reader") > 0);
  const auto after = f.read();
  REQUIRE_MESSAGE(after, after.error().message);
  CHECK(after->size() == 1);
}

TEST_CASE("many threads read at once, and few connections stay") {
  const one_bar f(10s);
  std::atomic<int> read{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 20; ++n)
          if (const auto bars = f.read(); bars && bars->size() == 1) ++read;
      });
    }
  }
  CHECK(read == 240);
  // Ended ones are gone a moment later.
  int open = 0;
  for (int i = 0; i < 500; ++i) {
    open = std::stoi(the_server().sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'artham reader'"));
    if (open <= 4) break;
  }
  CHECK(open <= 4);
  CHECK(open >= 1);
}

TEST_CASE("a server that is away is unavailable by name, and read again when it is back") {
  const one_bar f(2s);
  CHECK(f.read());
  the_server().stop(postgres_server::how::fast);
  const auto away = f.read();
  const auto still = f.read();
  const auto audit = store::postgres::open_audit(f.files.server());
  the_server().start();
  REQUIRE_FALSE(away);
  CHECK(away.error().code == errc::unavailable);
  CHECK(away.error().message.find("127.0.0.1:" + std::to_string(the_server().port())) !=
        std::string::npos);
  REQUIRE_FALSE(still);
  CHECK(still.error().code == errc::unavailable);
  REQUIRE_FALSE(audit);
  CHECK(audit.error().code == errc::unavailable);
  const auto back = f.read();
  REQUIRE_MESSAGE(back, back.error().message);
  CHECK(back->size() == 1);
}

TEST_CASE("a server that stands still is given up") {
  const one_bar f(400ms);
  CHECK(f.read());
  the_server().freeze();
  const auto before = std::chrono::steady_clock::now();
  const auto stalled = f.read();
  const auto took = std::chrono::steady_clock::now() - before;
  the_server().thaw();
  REQUIRE_FALSE(stalled);
  CHECK(stalled.error().code == errc::unavailable);
  CHECK(stalled.error().message.find("in time") != std::string::npos);
  CHECK(took < 3s);
  CHECK(f.read());
}

TEST_CASE("a statement that takes too long is ended by the server") {
  const one_bar f(600ms);
  CHECK(f.read());
  {
    const held_lock holder(f.files, "LOCK TABLE artham.instruments");
    const auto stalled = f.read();
    REQUIRE_FALSE(stalled);
    CHECK(stalled.error().code == errc::unavailable);
    CHECK(stalled.error().message.find("statement timeout") != std::string::npos);
  }
  CHECK(f.read());
}

TEST_CASE("ticks that are rows and ticks in packs are one list") {
  postgres_store files;
  std::vector<store::tick_row> ticks;
  for (std::uint64_t seq = 1; seq <= 60; ++seq) {
    store::tick_row row;
    row.core.seq = seq;
    row.core.epoch = 1;
    row.core.token = static_cast<std::uint32_t>(1 + seq % 4);
    row.receive = row.wall = row.core.time = static_cast<market::timestamp>(seq) * 999'999'937;
    ticks.push_back(row);
  }
  std::uint64_t at = 0;
  for (const auto layout :
       {store::postgres::tick_layout::packed, store::postgres::tick_layout::rows,
        store::postgres::tick_layout::packed}) {
    auto opened = store::postgres::open(files.server(), {true, {}}, {layout, 1, false});
    REQUIRE_MESSAGE(opened, opened.error().message);
    const store::stored_position before{"c", "s", 0, {at == 0 ? 0U : 1U, at}, 0};
    const store::stored_position after{"c", "s", 0, {1, at + 20}, 0};
    store::batch b;
    b.ticks = std::span(ticks).subspan(at, 20);
    b.expected = {&before, 1};
    b.positions = {&after, 1};
    const auto done = (*opened)->writing().commit(b);
    REQUIRE_MESSAGE(done, done.error().message);
    at += 20;
    CHECK(*(*opened)->reading().count_ticks() == at);
  }
  const auto audit = files.audit();
  REQUIRE_MESSAGE(audit, audit.error().message);
  std::uint64_t seq = 0;
  REQUIRE((*audit)->for_each_tick([&](const store::tick_row& row) {
    CHECK(row.core.seq == ++seq);
    CHECK(row.core.token == 1 + seq % 4);
    CHECK(row.receive == ticks[seq - 1].receive);
    CHECK(row.wall == row.receive);
    CHECK(row.core.time == row.receive);
    CHECK(row.packet.empty());
  }));
  CHECK(seq == 60);
}

TEST_CASE("an audit tells what was refused and what retention removed") {
  postgres_store files;
  REQUIRE(files.open({false, {}}));
  files.sql(
      "INSERT INTO dead_letters VALUES ('md:ticks', 1, 7, 0, 408065, 'out of range'); INSERT INTO "
      "removed VALUES ('ticks', '2026-01-05 00:00:00.25+00')");
  const auto audit = files.audit();
  REQUIRE(audit);
  const auto refused = (*audit)->refused();
  REQUIRE(refused);
  REQUIRE(refused->size() == 1);
  CHECK(refused->front().stream == "md:ticks");
  CHECK(refused->front().at == record::position{1, 7});
  CHECK(refused->front().token == 408065);
  CHECK(refused->front().reason == "out of range");
  CHECK(*(*audit)->kept_since("ticks") == 1'767'571'200'250'000'000);
  CHECK(*(*audit)->kept_since("bars_1m") == 0);
}

TEST_CASE("an audit of a database without a store is told so") {
  const postgres_store files;
  const auto audit = store::postgres::open_audit(files.server());
  REQUIRE_FALSE(audit);
  CHECK(audit.error().code == errc::not_found);
  auto nowhere = files.server();
  nowhere.url = the_server().url("nowhere");
  const auto none = store::postgres::open_audit(nowhere);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::refused);
  CHECK(none.error().message.find("nowhere") != std::string::npos);
}

TEST_CASE("a wrong password is refused in words that do not hold it") {
  postgres_server::options o;
  o.scram = true;
  const auto locked = postgres_server::plain(o);
  store::postgres::server s{locked.url(), runtime::secret("hush-hush"), 5s};
  const auto audit = store::postgres::open_audit(s);
  store::postgres::postgres_reader reader(s);
  const auto read = reader.positions();
  REQUIRE_FALSE(audit);
  REQUIRE_FALSE(read);
  for (const auto& e : {audit.error(), read.error()}) {
    CHECK(e.code == errc::refused);
    CHECK(e.message.find("store.postgres.password") != std::string::npos);
    CHECK(e.message.find("hush") == std::string::npos);
  }
  s.password = runtime::secret(postgres_server::password());
  CHECK(store::postgres::open_audit(s).error().code == errc::not_found);
}
