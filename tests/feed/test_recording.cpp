#include "feed/recording/recording.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "feed/kite/codec.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/tick_csv.hpp"
#include "tests/feed/codec_samples.hpp"
#include "tests/feed/scratch_file.hpp"

using namespace artham;
using namespace artham::feed::recording;
using artham::test::scratch_file;

namespace {

using options = tick_csv_reader::options;

std::vector<tick_row> rows_of(const scratch_file& file, options o = {}) {
  auto reader = tick_csv_reader::open(file.path(), o);
  REQUIRE_MESSAGE(reader, (reader ? "" : reader.error().message));
  std::vector<tick_row> rows;
  for (;;) {
    auto row = reader->next();
    REQUIRE_MESSAGE(row, (row ? "" : row.error().message));
    if (!*row) {
      return rows;
    }
    rows.push_back(**row);
  }
}

/// The first error that reading the file meets, without the path.
std::string refusal(const scratch_file& file, options o = {}) {
  const auto relative = [&file](const error& e) {
    CHECK(e.message.find('\n') == std::string::npos);
    REQUIRE(e.message.substr(0, file.path().size()) == file.path());
    return e.message.substr(file.path().size());
  };
  auto reader = tick_csv_reader::open(file.path(), o);
  if (!reader) {
    return relative(reader.error());
  }
  for (;;) {
    auto row = reader->next();
    if (!row) {
      CHECK(row.error().code == errc::bad_input);
      return relative(row.error());
    }
    if (!*row) {
      return "none";
    }
  }
}

const std::string required = "exchange_timestamp,instrument_token,last_price\n";

}  // namespace

TEST_CASE("the three required columns make a tick, in any order and either form of time") {
  const scratch_file file("a.csv",
                          "last_price,exchange_timestamp,instrument_token\n"
                          "1573.15,2025-12-29T12:47:00.25+05:30,408065\n"
                          "72.8425,1766992620000000001,412675\n");
  const auto rows = rows_of(file);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].line == 2);
  CHECK(rows[0].tick.token == 408'065);
  CHECK(rows[0].tick.last == test::rupees(1573, 15));
  CHECK(rows[0].tick.exchange_time == 1'766'992'620'250'000'000);
  CHECK(rows[0].tick.mode == market::tick_mode::full);
  CHECK_FALSE(rows[0].has(column::volume_traded));
  CHECK(rows[1].line == 3);
  CHECK(rows[1].tick.exchange_time == 1'766'992'620'000'000'001);
}

TEST_CASE("what a row lacks is absent from its bar, not zero") {
  const scratch_file file("a.csv",
                          "exchange_timestamp,instrument_token,last_price,volume_traded,oi\n"
                          "2025-12-29T07:17:00Z,408065,1.5,0,\n"
                          "2025-12-29T07:17:00.000000007Z,408065,1.5,,7\n");
  const auto rows = rows_of(file);
  REQUIRE(rows.size() == 2);
  const auto first = to_bar_input(rows[0], volume_use::cumulative);
  CHECK(first.fields == market::bar_input::volume);
  CHECK(first.volume_or_size == 0);
  const auto second = to_bar_input(rows[1], volume_use::cumulative);
  CHECK(second.fields == market::bar_input::open_interest);
  CHECK(second.oi == 7);
  CHECK(second.time == 1'766'992'620'000'000'007);
  CHECK(second.last == market::price{1'500'000'000});
  CHECK(second.token == 408'065);
}

TEST_CASE("every optional column goes where its name says") {
  const scratch_file file(
      "a.csv",
      "exchange_timestamp,instrument_token,last_price,last_traded_quantity,volume_traded,oi,"
      "average_traded_price,total_buy_quantity,total_sell_quantity,open,high,low,close,"
      "last_trade_time,receive_timestamp,oi_day_high,oi_day_low,depth_buy_0_price,"
      "depth_buy_0_quantity,depth_buy_4_orders,depth_sell_1_price,depth_sell_2_quantity,"
      "depth_sell_3_orders\n"
      "1970-05-01T00:00:01Z,1,2,3,4,5,6,7,8,9,10,11,12,1970-05-01T00:00:13Z,"
      "1970-05-01T00:00:14Z,15,16,17,18,19,20,21,22\n");
  const auto rows = rows_of(file);
  REQUIRE(rows.size() == 1);
  constexpr market::timestamp may = 120 * market::day;
  market::tick t;
  t.token = 1;
  t.mode = market::tick_mode::full;
  t.last = test::rupees(2);
  t.last_quantity = 3;
  t.volume = 4;
  t.oi = 5;
  t.average = test::rupees(6);
  t.buy_quantity = 7;
  t.sell_quantity = 8;
  t.open = test::rupees(9);
  t.high = test::rupees(10);
  t.low = test::rupees(11);
  t.close = test::rupees(12);
  t.exchange_time = may + 1 * market::second;
  t.last_trade_time = may + 13 * market::second;
  t.oi_day_high = 15;
  t.oi_day_low = 16;
  t.bids[0].px = test::rupees(17);
  t.bids[0].quantity = 18;
  t.bids[4].orders = 19;
  t.offers[1].px = test::rupees(20);
  t.offers[2].quantity = 21;
  t.offers[3].orders = 22;
  CHECK(rows[0].tick == t);
  CHECK(rows[0].receive_time == may + 14 * market::second);
}

TEST_CASE("a written row reads back as it was, every column of it") {
  column_set all;
  all.set();
  tick_row row;
  row.line = 2;
  row.tick = test::sample_full();
  row.receive_time = row.tick.exchange_time + 123'456'789;
  row.present = all;
  std::string text;
  append_csv_header(text, all);
  append_csv_row(text, row, all);
  row.present.reset(index_of(column::oi));
  append_csv_row(text, row, all);

  const auto rows = rows_of(scratch_file("a.csv", text));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].tick == row.tick);
  CHECK(rows[0].receive_time == row.receive_time);
  CHECK(rows[0].present == all);
  CHECK(rows[1].tick.oi == 0);
  CHECK(rows[1].present == row.present);
}

TEST_CASE("sizes with fractions are exact integers of the asked scale") {
  const scratch_file file("btc.csv",
                          "exchange_timestamp,instrument_token,last_price,last_traded_quantity,oi,"
                          "depth_buy_0_price,depth_buy_0_quantity\n"
                          "2024-08-08T00:00:00.001Z,1,55133.01,0.00002,5,1,123456789.5\n");
  const auto rows = rows_of(file, {8, volume_use::sizes});
  REQUIRE(rows.size() == 1);
  const auto in = to_bar_input(rows[0], volume_use::sizes);
  CHECK(in.volume_or_size == 2'000);
  CHECK(in.oi == 5);
  CHECK(in.fields == (market::bar_input::size | market::bar_input::open_interest));
  CHECK(refusal(file) ==
        ", line 2: column last_traded_quantity: '0.00002' has more than 0 decimals and cannot be "
        "kept exactly; --quantity-scale 8 reads eight decimals");
  CHECK_FALSE(tick_csv_reader::open(file.path(), {19, volume_use::sizes}));
}

TEST_CASE("line ends, a byte order mark, quotes, blanks and empty lines are taken as they come") {
  const scratch_file file(
      "a.csv",
      "\xef\xbb\xbf\"exchange_timestamp\", instrument_token ,last_price,note\r\n"
      "\r\n"
      "\"2025-12-29T07:17:00Z\", 408065 ,\"1573.15\",\"a, \"\"b\"\"\"\r\n"
      "2025-12-29 07:17:01Z,408065,1573.2,");
  const auto rows = rows_of(file);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].line == 3);
  CHECK(rows[0].tick.last == test::rupees(1573, 15));
  CHECK(rows[1].tick.last == test::rupees(1573, 20));
  CHECK(tick_csv_reader::open(file.path())->ignored_columns() == std::vector<std::string>{"note"});
}

TEST_CASE("a header that is not one says what it must have") {
  CHECK(refusal(scratch_file("a.csv", "")) ==
        " is empty; a tick CSV begins with a line of column names");
  CHECK(refusal(scratch_file("a.csv", "ts_ms,price,size\n1,2,3\n")) ==
        ", line 1: no column exchange_timestamp; a tick CSV begins with a line of column names, "
        "exchange_timestamp, instrument_token and last_price among them");
  CHECK(refusal(scratch_file("a.csv", "exchange_timestamp,last_price,oi\n"))
            .find("no column instrument_token") != std::string::npos);
  CHECK(refusal(scratch_file("a.csv", "exchange_timestamp,instrument_token,last_price,oi,oi\n")) ==
        ", line 1: the column oi appears twice");
  CHECK(refusal(scratch_file("a.csv", required), {0, volume_use::sizes}) ==
        ", line 1: no column last_traded_quantity, of which --volume sizes makes the volume");
}

TEST_CASE("a bad cell is named by line, column and text") {
  const auto bad = [](const std::string& row) {
    return refusal(scratch_file(
        "a.csv",
        "exchange_timestamp,instrument_token,last_price,volume_traded,depth_sell_4_orders\n"
        "2025-12-29T07:17:00Z,408065,1573.15,1,1\n" +
            row + "\n"));
  };
  const std::string time = "2025-12-29T07:17:00Z";
  CHECK(bad(time + ",408065,abc,1,1").find(", line 3: column last_price: 'abc'") == 0);
  CHECK(bad(time + ",408065,,1,1") == ", line 3: column last_price: the cell is empty");
  CHECK(bad(time + ",,1,1,1") == ", line 3: column instrument_token: the cell is empty");
  CHECK(bad(",408065,1,1,1") == ", line 3: column exchange_timestamp: the cell is empty");
  CHECK(bad("yesterday,408065,1,1,1").find(", line 3: column exchange_timestamp: 'yesterday'") ==
        0);
  CHECK(bad("2025-12-29T07:17:00,408065,1,1,1").find("column exchange_timestamp") !=
        std::string::npos);
  CHECK(
      bad("1766992620000,408065,1,1,1") ==
      ", line 3: column exchange_timestamp: '1766992620000' is no time in nanoseconds since 1970; "
      "give nanoseconds or RFC 3339");
  CHECK(bad("99999999999999999999,408065,1,1,1").find("no time in nanoseconds") !=
        std::string::npos);
  CHECK(bad(time + ",4294967296,1,1,1") ==
        ", line 3: column instrument_token: '4294967296' is no whole number of 0..4294967295");
  CHECK(bad(time + ",-1,1,1,1").find("column instrument_token: '-1'") != std::string::npos);
  CHECK(bad(time + ",0,1,1,1") ==
        ", line 3: column instrument_token: no instrument has the token 0");
  CHECK(bad(time + ",408065,1,-5,1") == ", line 3: column volume_traded: '-5' is negative");
  CHECK(bad(time + ",408065,1,99999999999999999999,1").find("column volume_traded") !=
        std::string::npos);
  CHECK(bad(time + ",408065,1,1,1.5").find("column depth_sell_4_orders: '1.5'") !=
        std::string::npos);
  CHECK(bad(time + ",408065,1,1") == ", line 3: 4 cells where the header has 5");
  CHECK(bad(time + ",408065,1,1,1,1") == ", line 3: 6 cells where the header has 5");
  CHECK(bad("\"" + time) == ", line 3: a quote is not closed");
  CHECK(bad("\"" + time + "\"x,408065,1,1,1") == ", line 3: something follows a closing quote");
  CHECK(bad(std::string("\0\x01\xff,408065,1,1,1", 15)).find("column exchange_timestamp") !=
        std::string::npos);
}

TEST_CASE("a line without end does not take memory without end") {
  CHECK(refusal(scratch_file("a.csv", required + std::string(10'000'000, '1')))
            .find(", line 2: longer than 65536 bytes") == 0);
}

TEST_CASE("a recording that cannot be opened says why") {
  const auto missing = tick_csv_reader::open("/nowhere/at/all.csv");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK(missing.error().message == "cannot open /nowhere/at/all.csv: No such file or directory");
  CHECK(hex_reader::open("/nowhere/at/all.hex").error().code == errc::not_found);
  CHECK(recording_hash("/nowhere/at/all.hex").error().code == errc::not_found);
  CHECK(tick_csv_reader::open("/tmp").error().message == "cannot read /tmp: Is a directory");
}

TEST_CASE("rows become Kite ticks, an index by its segment") {
  const scratch_file file("a.csv",
                          "exchange_timestamp,instrument_token,last_price,close\n"
                          "2025-12-29T07:17:00Z,256265,25769.55,25819.35\n"
                          "2025-12-29T07:17:00Z,408065,1573.15,\n");
  const auto rows = rows_of(file);
  const auto index = to_kite(rows[0], file.path());
  REQUIRE(index);
  CHECK(index->mode == market::tick_mode::index_full);
  std::string packet;
  REQUIRE(feed::kite::encode_packet(packet, *index));
  CHECK(packet.size() == feed::kite::index_full_size);
  const auto equity = to_kite(rows[1], file.path());
  REQUIRE(equity);
  CHECK(equity->mode == market::tick_mode::full);
}

TEST_CASE("what Kite's wire cannot carry is refused by row and field") {
  const auto refused = [](const std::string& header, const std::string& cells) {
    const scratch_file file("a.csv", required.substr(0, required.size() - 1) + header + "\n" +
                                         "2025-12-29T07:17:00Z,408065,1" +
                                         std::string(header.empty() ? "" : ",") + "\n" + cells +
                                         "\n");
    const auto seen = survey_recording(file.path());
    REQUIRE_FALSE(seen);
    CHECK(seen.error().code == errc::bad_input);
    return seen.error().message.substr(file.path().size());
  };
  CHECK(
      refused("", "2025-12-29T07:17:00.5Z,408065,1") ==
      ", line 3: instrument 408065: exchange_timestamp 1766992620500000000 ns is no whole second, "
      "which its Kite packet cannot carry; artham replay --ticks can read such rows");
  CHECK(refused("", "2025-12-29T07:17:00Z,408065,1.005")
            .find("last_price 1.005 is no multiple of 0.01") != std::string::npos);
  CHECK(refused(",volume_traded", "2025-12-29T07:17:00Z,408065,1,4294967296")
            .find("volume_traded 4294967296 is outside") != std::string::npos);
  CHECK(refused(",volume_traded", "2025-12-29T07:17:00Z,256265,1,5")
            .find("instrument 256265: volume_traded of an index") != std::string::npos);
  CHECK(refused(",depth_buy_0_price", "2025-12-29T07:17:00Z,256265,1,5")
            .find("instrument 256265: depth of an index") != std::string::npos);
}

TEST_CASE("hexadecimal frames come back byte by byte, with the time that paces them") {
  std::string packet;
  REQUIRE(feed::kite::encode_packet(packet, test::sample_full()));
  const std::string frame = test::frame_of({packet, "12345678"});
  std::string text;
  append_hex_line(text, frame);
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const scratch_file file("a.hex", text + "\n00\r\n" + upper);
  auto reader = hex_reader::open(file.path());
  REQUIRE(reader);
  std::vector<hex_frame> frames;
  for (auto next = reader->next(); next && *next; next = reader->next()) {
    frames.push_back(**next);
  }
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].bytes == frame);
  CHECK(frames[0].exchange_time == test::sample_full().exchange_time);
  CHECK(frames[1].bytes == std::string(1, '\0'));
  CHECK(frames[1].line == 3);
  CHECK(frames[1].exchange_time == 0);
  CHECK(frames[2].bytes == frame);
}

TEST_CASE("what is no hexadecimal frame is refused by line and place") {
  const auto refused = [](const std::string& text) {
    const scratch_file file("a.hex", text);
    const auto seen = survey_recording(file.path());
    REQUIRE_FALSE(seen);
    return seen.error().message.substr(file.path().size());
  };
  CHECK(refused("00\n000\n").find(", line 2: an odd number of hexadecimal digits") == 0);
  CHECK(refused("00\n00\n00zz\n").find(", line 3: no hexadecimal digit at column 3") == 0);
  CHECK(refused("0G\n").find(", line 1: no hexadecimal digit at column 2") == 0);
  CHECK(refused("00\n") == " has no tick in it");
}

TEST_CASE("a survey knows the tokens, the ticks and the time that a recording spans") {
  const scratch_file csv("a.csv", required +
                                      "2025-12-29T07:17:02Z,408065,1\n"
                                      "2025-12-29T07:17:00Z,256265,1\n"
                                      "2025-12-29T07:17:01Z,408065,1\n");
  const auto seen = survey_recording(csv.path());
  REQUIRE(seen);
  CHECK(seen->tokens == std::vector<std::uint32_t>{256'265, 408'065});
  CHECK(seen->ticks == 3);
  CHECK(seen->first == 1'766'992'620 * market::second);
  CHECK(seen->last == 1'766'992'622 * market::second);

  std::string packet;
  REQUIRE(feed::kite::encode_packet(packet, test::sample_full()));
  std::string text;
  append_hex_line(text, test::frame_of({packet, "other", packet}));
  const auto hex = survey_recording(scratch_file("a.hex", text).path());
  REQUIRE(hex);
  CHECK(hex->ticks == 2);
  CHECK(hex->tokens == std::vector<std::uint32_t>{408'065});
  CHECK(hex->first == test::sample_full().exchange_time);
}

TEST_CASE("a recording's hash is the SHA-256 of its bytes") {
  CHECK(*recording_hash(scratch_file("a.csv", "abc").path()) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(*recording_hash(scratch_file("a.csv", "").path()) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
