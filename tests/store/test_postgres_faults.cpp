#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "tests/store/held_lock.hpp"
#include "tests/store/postgres_store.hpp"
#include "tests/store/store_fixture.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

using store::postgres::tick_layout;

store::tick_row tick(std::uint64_t seq, std::uint32_t token, std::int64_t price) {
  store::tick_row row;
  row.receive = row.wall = 1'766'979'900 * market::second + static_cast<std::int64_t>(seq) * 1003;
  row.core.time = row.receive;
  row.core.seq = seq;
  row.core.epoch = 1;
  row.core.token = token;
  row.core.last = {price};
  row.packet = "12345678";
  return row;
}

/// A database, and one writer of it that gives up soon.
struct opened {
  explicit opened(tick_layout layout = tick_layout::packed) : files(layout) {
    server = files.server();
    server.timeout = 2s;
    auto made = store::postgres::open(server, {true, {one_minute}}, {layout, 2, false, 0});
    REQUIRE_MESSAGE(made, made.error().message);
    db = std::move(*made);
  }
  result<store::commit_report> commit(std::uint64_t from, std::uint64_t to,
                                      const std::vector<store::tick_row>& ticks,
                                      const std::vector<record::bar_record>& bars = {}) {
    store::batch b;
    b.timeframe = one_minute;
    b.ticks = ticks;
    b.bars = bars;
    return commit_between(db->writing(), b, from, to);
  }
  std::uint64_t ticks() const { return *db->reading().count_ticks(); }

  postgres_store files;
  store::postgres::server server;
  std::unique_ptr<store::database> db;
};

/// Answers a fault, as long as there is one, with a trigger of the table.
void fail_with(const opened& o, const std::string& sqlstate) {
  o.files.ask(
      "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "EXCEPTION 'made up' USING ERRCODE = '" +
      sqlstate +
      "'; END $$; CREATE TRIGGER fail BEFORE INSERT ON bars_1m FOR EACH ROW EXECUTE FUNCTION "
      "public.fail()");
}

}  // namespace

TEST_CASE("a commit whose connection was ended can be said again, and stores once") {
  opened o;
  REQUIRE(o.commit(0, 1, {tick(1, 7, 100)}));
  REQUIRE(the_server().terminate_backends("artham") > 0);
  auto second = o.commit(1, 2, {tick(2, 7, 101)});
  if (!second) {
    CHECK(second.error().code == errc::unavailable);
    second = o.commit(1, 2, {tick(2, 7, 101)});
  }
  REQUIRE_MESSAGE(second, second.error().message);
  CHECK(o.ticks() == 2);
}

TEST_CASE("a commit whose answer was lost is known to be stored when it is said again") {
  opened o;
  REQUIRE(o.commit(0, 1, {tick(1, 7, 100)}));
  const auto again = o.commit(0, 1, {tick(1, 7, 100)});
  REQUIRE_MESSAGE(again, again.error().message);
  CHECK(o.ticks() == 1);
  const auto other = o.commit(0, 5, {tick(5, 7, 100)});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == errc::conflict);
  CHECK(other.error().message.find("stands at (1, 1), not at (0, 0)") != std::string::npos);
  const auto elsewhere = o.commit(7, 8, {tick(8, 7, 100)});
  REQUIRE_FALSE(elsewhere);
  INFO(elsewhere.error().message);
  CHECK(elsewhere.error().message.find("the server has lost what it had committed") !=
        std::string::npos);
  CHECK(o.ticks() == 1);
}

TEST_CASE("a position that somebody deleted is no reason to begin anew") {
  opened o;
  REQUIRE(o.commit(0, 1, {tick(1, 7, 100)}));
  o.files.ask("DELETE FROM positions");
  CHECK(o.commit(1, 2, {tick(2, 7, 101)}).error().code == errc::conflict);
  CHECK(o.ticks() == 1);
}

TEST_CASE("a server that stops in between is waited for, and goes on where it was") {
  opened o;
  REQUIRE(o.commit(0, 1, {tick(1, 7, 100)}));
  std::uint64_t at = 1;
  for (const auto how : {postgres_server::how::fast, postgres_server::how::immediate}) {
    the_server().stop(how);
    const auto away = o.commit(at, at + 1, {tick(at + 1, 7, 100)});
    REQUIRE_FALSE(away);
    CHECK(away.error().code == errc::unavailable);
    CHECK(away.error().message.find("postgresql://127.0.0.1:") == 0);
    the_server().start();
    const auto back = o.commit(at, at + 1, {tick(at + 1, 7, 100)});
    REQUIRE_MESSAGE(back, back.error().message);
    ++at;
  }
  the_server().kill();
  CHECK(o.commit(at, at + 1, {tick(at + 1, 7, 100)}).error().code == errc::unavailable);
  the_server().start();
  REQUIRE(o.commit(at, at + 1, {tick(at + 1, 7, 100)}));
  CHECK(o.ticks() == 4);
}

TEST_CASE("a server that does not answer is given up after the timeout") {
  opened o;
  REQUIRE(o.commit(0, 1, {tick(1, 7, 100)}));
  the_server().freeze();
  const auto silent = o.commit(1, 2, {tick(2, 7, 100)});
  the_server().thaw();
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code == errc::unavailable);
  CHECK(silent.error().message.find("did not answer in time") != std::string::npos);
  // What was on its way may arrive now: once all the same.
  auto again = o.commit(1, 2, {tick(2, 7, 100)});
  for (int i = 0; !again && i < 50; ++i) again = o.commit(1, 2, {tick(2, 7, 100)});
  REQUIRE_MESSAGE(again, again.error().message);
  CHECK(o.ticks() == 2);
}

TEST_CASE("a server without a free connection, and one that is read-only, are waited for") {
  opened o;
  the_server().set("default_transaction_read_only", "on");
  // A setting holds for sessions that are idle when it comes.
  auto refused = o.commit(0, 1, {tick(1, 7, 100)});
  for (int i = 0; refused && i < 3; ++i) {
    the_server().terminate_backends("artham");
    refused = o.commit(1, 2, {tick(2, 7, 100)});
  }
  the_server().set("default_transaction_read_only", "off");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(refused.error().message.find("read-only") != std::string::npos);

  o.files.ask("ALTER DATABASE " + o.files.name() +
              " CONNECTION LIMIT 0; CREATE ROLE clerk LOGIN; "
              "GRANT ALL ON DATABASE " +
              o.files.name() + " TO clerk");
  auto clerk = o.server;
  clerk.url.replace(clerk.url.find("artham@"), 6, "clerk");
  const auto full = store::postgres::open(clerk, {true, {}}, {});
  o.files.ask("ALTER DATABASE " + o.files.name() + " CONNECTION LIMIT -1; REVOKE ALL ON DATABASE " +
              o.files.name() + " FROM clerk; DROP ROLE clerk");
  REQUIRE_FALSE(full);
  CHECK(full.error().code == errc::unavailable);
  CHECK(full.error().message.find("too many connections") != std::string::npos);
}

TEST_CASE("a lock, a deadlock and a full disk are waited for") {
  opened o;
  {
    const held_lock holder(o.files, "LOCK TABLE artham.bars_1m IN ACCESS EXCLUSIVE MODE");
    const auto held = o.commit(0, 1, {}, {bar(7, 0, 1)});
    REQUIRE_FALSE(held);
    CHECK(held.error().code == errc::unavailable);
    CHECK(held.error().message.find("lock timeout") != std::string::npos);
  }
  for (const auto& [state, code] :
       {std::pair{"40P01", errc::unavailable}, std::pair{"53100", errc::full},
        std::pair{"57014", errc::unavailable}}) {
    fail_with(o, state);
    const auto failed = o.commit(0, 1, {}, {bar(7, 0, 1)});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == code);
    o.files.ask("DROP FUNCTION public.fail CASCADE");
  }
  REQUIRE(o.commit(0, 1, {}, {bar(7, 0, 1)}));
  CHECK(o.files.ask("SELECT count(*) FROM bars_1m") == "1\n");
}

TEST_CASE("a row that the database refuses is buried with the reason, and the others are stored") {
  for (const auto layout : {tick_layout::packed, tick_layout::rows}) {
    opened o(layout);
    std::vector<store::tick_row> ticks;
    for (std::uint64_t i = 1; i <= 50; ++i)
      ticks.push_back(tick(i, static_cast<std::uint32_t>(7 + i % 3), static_cast<std::int64_t>(i)));
    o.files.ask(layout == tick_layout::rows
                    ? "ALTER TABLE ticks ADD CHECK (last_price <> 13)"
                    : "ALTER TABLE tick_packs ADD CHECK (NOT last_price @> ARRAY[13::bigint])");
    o.files.ask("ALTER TABLE bars_1m ADD CONSTRAINT volume_of_ours CHECK (volume <> 99)");
    std::vector<record::bar_record> bars{bar(7, 0, 1), bar(7, market::minute, 2),
                                         bar(7, 2 * market::minute, 3)};
    bars[1].bar.volume = 99;
    const auto report = o.commit(0, 50, ticks, bars);
    REQUIRE_MESSAGE(report, report.error().message);
    CHECK(report->refused == 2);
    CHECK(report->reason.find("check constraint") != std::string::npos);
    CHECK(o.ticks() == 49);
    CHECK(o.files.ask("SELECT count(*) FROM bars_1m") == "2\n");
    CHECK(o.files.ask("SELECT stream, seq, instrument_token FROM dead_letters ORDER BY 1") ==
          "md:bars:final.1m|2|7\nmd:ticks|13|8\n");
    CHECK(o.files.ask("SELECT reason FROM dead_letters WHERE stream <> 'md:ticks'").find("23514") ==
          0);
    CHECK((*o.db->writing().position("c", "s", 0))->at == record::position{1, 50});
  }
}

TEST_CASE("tables that take nothing at all are waited for: no row is buried") {
  opened o;
  o.files.ask("ALTER TABLE tick_packs ADD CHECK (ticks > 1000000)");
  std::vector<store::tick_row> ticks;
  for (std::uint64_t i = 1; i <= 1500; ++i) ticks.push_back(tick(i, 7, 100));
  const auto refused = o.commit(0, 1500, ticks);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(refused.error().message.find("refuse every row") != std::string::npos);
  CHECK(o.files.ask("SELECT count(*) FROM dead_letters") == "0\n");
}

TEST_CASE("a text that no database can hold is refused, not cut") {
  opened o;
  auto row = stopped(1, 7, 5);
  row.letter.text = std::string("a\0b", 3);
  const auto report = commit_quarantines(*o.db, {row, stopped(2, 8, 6)}, 0, 2);
  REQUIRE_MESSAGE(report, report.error().message);
  CHECK(report->refused == 1);
  CHECK(o.files.ask("SELECT instrument_token FROM quarantines") == "8\n");
}

TEST_CASE("two writers that meet a new token at once agree on its id") {
  opened o;
  const auto writers = o.db->writers();
  REQUIRE(writers.size() == 2);
  std::array<bool, 2> stored{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < 2; ++w) {
      threads.emplace_back([&, w] {
        std::vector<store::tick_row> ticks;
        for (std::uint64_t i = 1; i <= 200; ++i)
          ticks.push_back(tick(2 * i + w, static_cast<std::uint32_t>(i), 1));
        store::batch b;
        b.ticks = ticks;
        const auto shard = static_cast<std::uint32_t>(w);
        const store::stored_position before{"c", "s", shard, {}, 0};
        const store::stored_position after{"c", "s", shard, {1, 500}, 0};
        b.expected = {&before, 1};
        b.positions = {&after, 1};
        stored[w] = writers[w]->commit(b).has_value();
      });
    }
  }
  CHECK(stored[0]);
  CHECK(stored[1]);
  CHECK(o.ticks() == 400);
  CHECK(o.files.ask("SELECT count(DISTINCT instrument_id), count(DISTINCT instrument_token), "
                    "count(*) FROM instruments") == "200|200|200\n");
}

TEST_CASE("nodes may start at once on an empty database") {
  const postgres_store files;
  std::array<std::string, 4> errors;
  {
    std::vector<std::jthread> threads;
    for (auto& e : errors) {
      threads.emplace_back([&] {
        const auto made = store::postgres::open(files.server(), {true, {one_minute}}, {});
        if (!made) e = made.error().message;
      });
    }
  }
  for (const auto& e : errors) CHECK(e.empty());
  CHECK(files.ask("SELECT count(*) FROM schema_migrations") ==
        files.ask("SELECT count(DISTINCT version) FROM schema_migrations"));
}

TEST_CASE("a store that is away at the start takes the dump once it is there") {
  const postgres_store files;
  the_server().stop();
  auto made = store::postgres::open(files.server(), {true, {one_minute}},
                                    {tick_layout::packed, 2, true, 0});
  REQUIRE_MESSAGE(made, made.error().message);
  const std::vector<market::instrument> list{infy()};
  CHECK((*made)->writing().put_instruments(list, {20'000}));
  CHECK((*made)->writing().position("c", "s", 0).error().code == errc::unavailable);
  CHECK((*made)->reading().instruments().error().code == errc::unavailable);
  the_server().start();
  // Whichever writer comes first: its rows belong to the instruments of the dump.
  REQUIRE((*made)->writers()[1]->position("c", "s", 0));
  const auto found = (*made)->reading().find("NSE:INFY", std::nullopt);
  REQUIRE_MESSAGE(found, found.error().message);
  REQUIRE(*found);
  CHECK((*found)->valid_from.days == 20'000);
}

TEST_CASE("what keeps a store from opening is said in one line, with the way out") {
  const postgres_store files;
  const auto message = [](const store::postgres::server& s) {
    const auto made = store::postgres::open(s, {true, {}}, {tick_layout::packed, 1, true, 0});
    REQUIRE_FALSE(made);
    CHECK(made.error().message.find('\n') == std::string::npos);
    CHECK(made.error().message.find("hunter2") == std::string::npos);
    return made.error().message;
  };
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  auto s = files.server();
  s.url = "mysql://somewhere";
  has(message(s), "must be like postgresql://");
  s.url = "postgresql://artham:hunter2@127.0.0.1/x";
  has(message(s), "store.postgres.password");

  s = files.server();
  s.url.replace(s.url.rfind('/'), std::string::npos, "/nowhere");
  has(message(s), "database \"nowhere\" does not exist; create it (createdb)");

  s = files.server();
  s.url.replace(s.url.find("artham@"), 6, "nobody_here");
  has(message(s), "role \"nobody_here\" does not exist");

  files.ask("CREATE ROLE guest LOGIN");
  s = files.server();
  s.url.replace(s.url.find("artham@"), 6, "guest");
  has(message(s), "permission denied for database");
  has(message(s), "GRANT");
  files.ask("DROP ROLE guest");

  files.ask("CREATE SCHEMA artham; CREATE TABLE artham.orders (n integer)");
  has(message(files.server()), "artham did not make it (artham.orders)");
  files.ask("DROP SCHEMA artham CASCADE");

  REQUIRE(store::postgres::open(files.server(), {true, {}}, {}));
  files.ask("INSERT INTO artham.schema_migrations VALUES (999, 'later', 'partitions')");
  has(message(files.server()), "schema version 999, written by a newer artham");
}

TEST_CASE("a password comes from the setting, and a wrong one is said without it") {
  auto server = postgres_server::plain({.scram = true});
  store::postgres::server s;
  s.url = server.url();
  s.password = runtime::secret(postgres_server::password());
  CHECK(store::postgres::open(s, {true, {}}, {}));
  s.password = runtime::secret("hunter2");
  const auto wrong = store::postgres::open(s, {true, {}}, {tick_layout::packed, 1, true, 0});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == errc::refused);
  CHECK(wrong.error().message.find("password authentication failed") != std::string::npos);
  CHECK(wrong.error().message.find("store.postgres.password") != std::string::npos);
  CHECK(wrong.error().message.find("hunter2") == std::string::npos);
}
