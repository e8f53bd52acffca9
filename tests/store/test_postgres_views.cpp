#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/postgres/copy_rows.hpp"
#include "tests/store/postgres_store.hpp"
#include "tests/store/store_fixture.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("what is below a microsecond stays beside it, before 1970 too") {
  using store::postgres::split;
  CHECK(split(0).since_2000 == -946'684'800'000'000);
  CHECK(split(1999).below == 999);
  CHECK(split(1999).since_2000 == split(0).since_2000 + 1);
  CHECK(split(-1).below == 999);
  CHECK(split(-1).since_2000 == split(0).since_2000 - 1);
  CHECK(split(market::never).since_2000 == INT64_MAX);
}

TEST_CASE("people read names, decimals and depth, whichever way ticks lie") {
  const auto packet = read_file(source_dir() + "/tests/data/kite/fullMode_binary.packet").substr(4);
  REQUIRE(packet.size() == 184);
  using store::postgres::tick_layout;
  for (const auto layout : {tick_layout::packed, tick_layout::rows}) {
    postgres_store files(layout);
    const auto db = files.open({true, {one_minute}});
    REQUIRE_MESSAGE(db, db.error().message);
    const std::vector<market::instrument> list{infy()};
    REQUIRE((*db)->writing().put_instruments(list, {20'000}));
    // Two minutes, two ticks in each; 2024-10-04 18:29:59 in London.
    const auto start = 20'000 * market::day + 66'599 * market::second;
    std::vector<store::tick_row> ticks;
    for (std::uint64_t i = 1; i <= 4; ++i) {
      store::tick_row t;
      t.receive = start + static_cast<std::int64_t>(i) * market::second / 2 + 123;
      t.wall = t.receive + 1'000'000;
      t.core.time = start;
      t.core.seq = 10 * i;
      t.core.epoch = 1;
      t.core.token = 408065;
      t.core.last = {1'500'050'000'000 + static_cast<std::int64_t>(i)};
      t.core.volume_or_size = static_cast<std::int64_t>(100 * i);
      t.core.fields = market::bar_input::volume;
      t.packet = packet;
      ticks.push_back(t);
    }
    auto revised = bar(408065, start, 7, 1);
    revised.bar.close = {99'500'000'000};
    const std::vector<record::bar_record> bars{bar(408065, start, 5), revised};
    store::batch b;
    b.timeframe = one_minute;
    b.ticks = ticks;
    b.bars = bars;
    REQUIRE(commit_between((*db)->writing(), b, 0, 40));
    if (layout == tick_layout::packed)
      CHECK(files.ask("SELECT ticks FROM tick_packs ORDER BY first_seq") == "1\n3\n");

    CHECK(
        files.ask("SELECT instrument, seq, receive_ts, last_price, volume FROM artham_views.ticks "
                  "ORDER BY seq LIMIT 2") ==
        "NSE:INFY|10|2024-10-04 18:29:59.5+00|1500.050000001|100\n"
        "NSE:INFY|20|2024-10-04 18:30:00+00|1500.050000002|200\n");
    CHECK(files.ask("SELECT seq, wall_ts - receive_ts, exchange_ts FROM "
                    "artham_views.ticks_of('NSE:INFY', '2024-10-04 18:30:00.4+00', '2024-10-04 "
                    "18:30:01+00')") == "30|00:00:00.001|2024-10-04 18:29:59+00\n");
    CHECK(files.ask("SELECT count(*) FROM artham_views.ticks_of('NSE:TCS', '2024-01-01', "
                    "'2025-01-01')") == "0\n");
    CHECK(files.ask("SELECT count(*), count(DISTINCT packet) FROM artham_views.ticks") == "4|1\n");
    CHECK(files.ask("SELECT d.side, d.level, d.price, d.quantity, d.orders FROM artham_views.ticks "
                    "t, artham_views.depth(t.packet) d WHERE t.seq = 40 AND d.level = 1 ORDER BY "
                    "1") == "ask|1|0|0|0\nbid|1|392.95|5617|30\n");
    CHECK(files.ask("SELECT instrument, close, revision FROM artham_views.bars_1m") ==
          "NSE:INFY|99.5|1\n");
    CHECK(files.ask("SELECT instrument, valid_from FROM artham_views.instruments") ==
          "NSE:INFY|2024-10-04\n");
  }
}
