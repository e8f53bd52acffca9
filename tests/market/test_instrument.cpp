#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>

#include "market/instrument.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::market;

namespace {

const std::string header =
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange\n";

std::string refusal(const std::string& csv) {
  const auto list = parse_instruments(csv);
  REQUIRE_FALSE(list.has_value());
  CHECK(list.error().code == errc::bad_input);
  return list.error().message;
}

std::string unzip(const std::filesystem::path& path) {
  const auto file = gzopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  std::string text;
  char piece[65536];
  int got = 0;
  while ((got = gzread(file, piece, sizeof piece)) > 0)
    text.append(piece, static_cast<size_t>(got));
  gzclose(file);
  REQUIRE(got == 0);
  return text;
}

}  // namespace

TEST_CASE("rows of Kite's dump") {
  const auto list = parse_instruments(
      header +
      "12073986,47164,BANKNIFTY18JAN23500CE,,2528.4,2018-01-25,23500.0,0.05,40,CE,NFO-OPT,NFO\n"
      "3861249,15083,ADANIPORTS,ADANI PORT & SEZ,0.0,,0.0,0.05,1,EQ,NSE,NSE\n");
  REQUIRE(list.has_value());
  REQUIRE(list->size() == 2);
  const auto& option = list->front();
  CHECK(option.token == 12073986);
  CHECK(option.exchange_token == 47164);
  CHECK(option.expiry == make_date(2018, 1, 25));
  CHECK(to_string(option.strike) == "23500");
  CHECK(to_string(option.tick_size) == "0.05");
  CHECK(option.lot_size == 40);
  CHECK(option.type == "CE");
  CHECK(option.segment == "NFO-OPT");
  CHECK(display_key(option) == "NFO:BANKNIFTY18JAN23500CE");
  const auto& share = list->back();
  CHECK(share.name == "ADANI PORT & SEZ");
  CHECK(share.expiry.days == 0);
}

TEST_CASE("columns are found by name; quoting, CRLF, BOM and extra columns are read") {
  const auto list = parse_instruments(
      "\xef\xbb\xbf"
      "extra,exchange,segment,instrument_type,lot_size,tick_size,strike,expiry,"
      "last_price,name,tradingsymbol,exchange_token,instrument_token\r\n"
      "x,NSE,NSE,EQ,1,0.05,0.0,,0.0,\"A, \"\"B\"\"\r\nand C\",SYM,2,513\r\n"
      "\r\n"
      "\"\",NSE,NSE,EQ,1,0.05,0.0,,0.0,,\"S 2\",3,769");
  REQUIRE_MESSAGE(list.has_value(), (list ? "" : list.error().message));
  REQUIRE(list->size() == 2);
  CHECK(list->front().name == "A, \"B\"\r\nand C");
  CHECK(list->front().token == 513);
  CHECK(list->back().symbol == "S 2");
}

TEST_CASE("an unreadable dump names line and column") {
  CHECK(refusal("").find("column instrument_token is missing") != std::string::npos);
  CHECK(refusal("<html>").find("line 1") != std::string::npos);
  CHECK(refusal("name," + header).find("column name appears twice") != std::string::npos);
  CHECK(refusal(header + "1,2,A,,0,,0,0.05,1,EQ,NSE,NSE\n1,2,B,,0,,0,0.05,1,EQ,NSE\n") ==
        "instruments, line 3: 11 fields where the header has 12");
  CHECK(refusal(header + "1,2,A,,0,,0,0.05,1,EQ,NSE,NSE\n-1,2,B,,0,,0,0.05,1,EQ,NSE,NSE\n")
            .starts_with("instruments, line 3, column instrument_token: '-1'"));
  CHECK(refusal(header + "4294967296,2,B,,0,,0,0.05,1,EQ,NSE,NSE\n")
            .starts_with("instruments, line 2, column instrument_token"));
  CHECK(refusal(header + "1,2,B,,0,2025-13-01,0,0.05,1,EQ,NSE,NSE\n")
            .starts_with("instruments, line 2, column expiry: '2025-13-01' is not a date"));
  CHECK(refusal(header + "1,2,B,,0,,x,0.05,1,EQ,NSE,NSE\n")
            .starts_with("instruments, line 2, column strike: 'x'"));
  CHECK(refusal(header + "1,2,B,,0,,0,0.05,1.5,EQ,NSE,NSE\n")
            .starts_with("instruments, line 2, column lot_size: '1.5'"));
  CHECK(refusal(header + "1,2,\"B\nC,,0,,0,0.05,1,EQ,NSE,NSE\n") ==
        "instruments, line 2: a quoted field is never closed");
  CHECK(refusal(header + "1,2,\"B\nC\"x,,0,,0,0.05,1,EQ,NSE,NSE\n") ==
        "instruments, line 2: text follows a closing quote");
  CHECK(refusal(header + "1,2,\"B\nC\",,0,,0,0.05,1,EQ,NSE,NSE\nz,2,B,,0,,0,0.05,1,EQ,NSE,NSE\n")
            .starts_with("instruments, line 4, column instrument_token"));
}

TEST_CASE("parse(write(x)) == x") {
  CHECK(rc::check("for any list", [] {
    const auto text = rc::gen::container<std::string>(
        rc::gen::element('A', 'b', '7', ' ', '&', ',', '"', '\n', '\r', '-', '\xe2'));
    std::vector<instrument> list(static_cast<std::size_t>(*rc::gen::inRange(0, 5)));
    for (auto& i : list) {
      i.token = *rc::gen::arbitrary<std::uint32_t>();
      i.exchange_token = *rc::gen::arbitrary<std::uint32_t>();
      i.symbol = *text;
      i.name = *text;
      i.exchange = *text;
      i.type = *text;
      i.segment = *text;
      i.expiry.days = *rc::gen::inRange(0, 40'000);
      i.strike.units = *rc::gen::arbitrary<std::int64_t>();
      i.tick_size.units = *rc::gen::arbitrary<std::int64_t>();
      i.lot_size = *rc::gen::arbitrary<std::int64_t>();
    }
    RC_ASSERT(parse_instruments(write_instruments(list)).value() == list);
  }));
}

TEST_CASE("instruments that no dump names, and the calendars of exchanges") {
  const auto i = unknown_instrument(408065);
  CHECK(display_key(i) == "TOKEN:408065");
  CHECK(i.token == 408065);
  CHECK(i.exchange_token == 1594);
  CHECK(calendar_of("NSE") == "NSE");
  CHECK(calendar_of("NFO") == "NFO");
  CHECK(calendar_of("BSE") == "BSE");
  CHECK(calendar_of("CDS") == "CDS");
  CHECK(calendar_of("BFO") == "NFO");
  CHECK(calendar_of("BCD") == "CDS");
  CHECK(calendar_of("NCO") == "MCX");
  CHECK(calendar_of("MCX") == "MCX");
  CHECK(calendar_of("TOKEN") == "NSE");
  CHECK(price_divisor(0x0103) == 10'000'000);
  CHECK(price_divisor(0x0106) == 10'000);
  CHECK(price_divisor(0x010c) == 10'000);
  CHECK(price_divisor(408065) == 100);
}

TEST_CASE("whole dumps of Kite load") {
  const std::filesystem::path kite = artham::test::source_dir() + "/../shared/data/kite";
  if (!std::filesystem::exists(kite)) {
    std::cout << "../shared/data is not here: real instrument dumps are not checked\n";
    return;
  }
  struct expected {
    std::string file;
    std::size_t rows;
  };
  for (const auto& [file, rows] :
       {expected{"instruments/instruments_nfo_202512.csv.gz", 37'258},
        expected{"instruments/instruments_nse_202512.csv.gz", 8'725},
        expected{"mocks/instruments_all.csv", 99}, expected{"mocks/instruments_nse.csv", 99}}) {
    CAPTURE(file);
    const auto list = parse_instruments(unzip(kite / file));
    REQUIRE_MESSAGE(list.has_value(), (list ? "" : list.error().message));
    CHECK(list->size() == rows);
    CHECK(parse_instruments(write_instruments(*list)) == list);
    std::set<std::uint32_t> tokens;
    for (const auto& i : *list) {
      tokens.insert(i.token);
      CHECK((i.token >> 8) == i.exchange_token);
      CHECK_FALSE(i.symbol.empty());
      CHECK(i.tick_size.units >= 0);
    }
    CHECK(tokens.size() == rows);
  }
}
