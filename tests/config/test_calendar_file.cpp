#include <doctest/doctest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "config/calendar_file.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::market;

namespace {

constexpr duration ist = 5 * hour + 30 * minute;

timestamp at(std::string_view text) {
  return parse_rfc3339(text).value();
}
date on(std::string_view text) {
  return parse_date(text).value();
}

calendar_ptr builtin(std::string_view name) {
  auto loaded = config::load_calendar(name);
  REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
  return loaded->calendar;
}

/// `09:15-15:30 18:00-19:00` in local time, with `*` behind a short session; empty without trading.
std::string hours(const calendar& c, std::string_view day) {
  std::string out;
  const auto d = c.day(on(day));
  for (const auto& s : d.sessions) {
    const auto clock = [&](timestamp t) { return to_rfc3339(t, c.utc_offset(t)).substr(11, 5); };
    out +=
        (out.empty() ? "" : " ") + clock(s.open) + "-" + clock(s.close) + (s.is_short ? "*" : "");
  }
  return out;
}

std::string refusal(std::string_view toml) {
  const auto c = config::parse_calendar(toml, "my.toml");
  REQUIRE_FALSE(c.has_value());
  return c.error().message;
}

const std::string good = R"(name = "X"
first = 2026-01-01
last = 2026-12-31
weekend = ["Sat", "Sun"]
[[offset]]
from = 1970-01-01T00:00:00Z
utc = "+05:30"
[[regular]]
from = 2020-01-01
sessions = ["09:15-15:30"]
)";

std::string with(std::string_view from, std::string_view to) {
  auto text = good;
  text.replace(text.find(from), from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("every built-in calendar loads and covers its years") {
  const auto names = config::builtin_calendar_names();
  CHECK(names.size() == 7);
  for (const auto name : names) {
    CAPTURE(name);
    const auto c = builtin(name);
    CHECK(c->name() == name);
    CHECK(c->spec().last >= on("2025-12-31"));
    for (const auto& [holiday, reason] : c->spec().holidays) {
      CAPTURE(to_string(holiday));
      CHECK_FALSE(reason.empty());
      CHECK(weekday(holiday) < 5);
      CHECK(c->is_trading_date(holiday) == c->spec().specials.contains(holiday));
    }
  }
}

TEST_CASE("a built-in is the file of the source tree, byte for byte") {
  for (const auto name : config::builtin_calendar_names()) {
    std::ifstream in(artham::test::source_dir() + "/config/calendars/" + std::string(name) +
                     ".toml");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    CHECK(config::builtin_calendar_text(name) == text);
  }
  CHECK_FALSE(config::builtin_calendar_text("XETR").has_value());
}

TEST_CASE("NSE, NFO and BSE share holidays and special sessions") {
  const auto nse = builtin("NSE");
  for (const auto* other : {"NFO", "BSE"}) {
    CHECK(builtin(other)->spec().holidays == nse->spec().holidays);
    CHECK(builtin(other)->spec().specials == nse->spec().specials);
  }
  for (const auto& [day, reason] : nse->spec().holidays) {
    CAPTURE(to_string(day));
    CHECK(builtin("CDS")->spec().holidays.contains(day));
  }
}

TEST_CASE("futures and options close at 15:40 from 2026-08-03") {
  const auto nfo = builtin("NFO");
  CHECK(hours(*nfo, "2026-07-31") == "09:15-15:30");
  CHECK(hours(*nfo, "2026-08-03") == "09:15-15:40");
  CHECK(nfo->session_at(at("2026-08-03T15:39:59+05:30")).has_value());
  CHECK_FALSE(nfo->session_at(at("2026-07-31T15:30:00+05:30")).has_value());
  CHECK(hours(*builtin("NSE"), "2026-08-03") == "09:15-15:30");
  CHECK(hours(*builtin("BSE"), "2026-08-03") == "09:15-15:30");
}

TEST_CASE("Muhurat trading and special Saturdays and Sundays") {
  const auto nse = builtin("NSE");
  CHECK(hours(*nse, "2019-10-27") == "18:15-19:15*");
  CHECK(hours(*nse, "2020-11-14") == "18:15-19:15*");
  CHECK(hours(*nse, "2021-11-04") == "18:15-19:15*");
  CHECK(hours(*nse, "2022-10-24") == "18:15-19:15*");
  CHECK(hours(*nse, "2023-11-12") == "18:15-19:15*");
  CHECK(hours(*nse, "2024-11-01") == "18:00-19:00*");
  CHECK(hours(*nse, "2025-10-21") == "13:45-14:45*");
  CHECK(hours(*builtin("CDS"), "2025-10-21") == "13:45-14:45*");
  CHECK(hours(*builtin("MCX"), "2025-10-21") == "13:45-14:45*");
  CHECK(hours(*nse, "2020-02-01") == "09:15-15:30");
  CHECK(hours(*nse, "2024-01-20") == "09:15-15:30");
  CHECK(hours(*nse, "2024-03-02") == "09:15-10:00* 11:30-12:30*");
  CHECK(hours(*nse, "2024-05-18") == "09:15-10:00* 11:30-12:30*");
  CHECK(hours(*nse, "2025-02-01") == "09:15-15:30");
  CHECK(hours(*nse, "2026-02-01") == "09:15-15:30");
  CHECK(hours(*builtin("MCX"), "2026-02-01") == "09:00-17:00*");
  CHECK(hours(*builtin("CDS"), "2026-02-01").empty());
  CHECK(hours(*nse, "2026-02-07").empty());
}

TEST_CASE("Indian holidays") {
  const auto nse = builtin("NSE");
  for (const auto* day : {"2019-10-21", "2020-05-25", "2021-11-05", "2022-10-26", "2023-06-29",
                          "2024-01-22", "2024-11-20", "2025-10-22", "2026-01-15", "2026-01-26"}) {
    CAPTURE(day);
    CHECK(hours(*nse, day).empty());
  }
  for (const auto* day : {"2020-07-31", "2022-08-23", "2022-09-01", "2022-10-25", "2023-06-28",
                          "2025-10-20", "2025-12-29", "2026-02-19"}) {
    CAPTURE(day);
    CHECK(hours(*nse, day) == "09:15-15:30");
  }
  CHECK(hours(*builtin("CDS"), "2024-02-19").empty());
  CHECK(hours(*builtin("CDS"), "2024-02-20") == "09:00-17:00");
  // Counts of the published lists (weekdays, Laxmi Pujan included where it is one).
  const int expected[][2] = {{2019, 17}, {2020, 12}, {2021, 14}, {2022, 13},
                             {2023, 15}, {2024, 17}, {2025, 14}, {2026, 16}};
  for (const auto& [year, count] : expected) {
    int listed = 0;
    for (const auto& [day, reason] : nse->spec().holidays) listed += civil(day).year == year;
    CAPTURE(year);
    CHECK(listed == count);
  }
}

TEST_CASE("MCX evenings follow the summer time of the USA") {
  const auto mcx = builtin("MCX");
  CHECK(hours(*mcx, "2026-03-06") == "09:00-23:55");
  CHECK(hours(*mcx, "2026-03-09") == "09:00-23:30");
  CHECK(hours(*mcx, "2026-10-30") == "09:00-23:30");
  CHECK(hours(*mcx, "2026-11-02") == "09:00-23:55");
  CHECK(hours(*mcx, "2025-11-05") == "17:00-23:55*");
  CHECK(hours(*mcx, "2026-05-28") == "17:00-23:30*");
  CHECK(hours(*mcx, "2026-01-01") == "09:00-17:00*");
  CHECK(hours(*mcx, "2026-10-02").empty());
}

TEST_CASE("New York keeps its wall clock on both sides of daylight saving") {
  const auto nyse = builtin("NYSE");
  const auto open = [&](std::string_view day) {
    return to_rfc3339(nyse->day(on(day)).sessions.at(0).open, 0);
  };
  CHECK(open("2013-10-07") == "2013-10-07T13:30:00Z");
  CHECK(open("2026-03-06") == "2026-03-06T14:30:00Z");
  CHECK(open("2026-03-09") == "2026-03-09T13:30:00Z");
  CHECK(open("2026-10-30") == "2026-10-30T13:30:00Z");
  CHECK(open("2026-11-02") == "2026-11-02T14:30:00Z");
  CHECK(open("2028-07-05") == "2028-07-05T13:30:00Z");
  CHECK(hours(*nyse, "2013-10-11") == "09:30-16:00");
  CHECK(hours(*nyse, "2013-11-29") == "09:30-13:00*");
  CHECK(hours(*nyse, "2024-07-03") == "09:30-13:00*");
  CHECK(hours(*nyse, "2020-07-02") == "09:30-16:00");
  CHECK(hours(*nyse, "2026-12-24") == "09:30-13:00*");
  for (const auto* day : {"2018-12-05", "2021-12-24", "2022-06-20", "2025-01-09", "2026-07-03",
                          "2026-11-26", "2024-03-29", "2027-12-24"}) {
    CAPTURE(day);
    CHECK(hours(*nyse, day).empty());
  }
  CHECK(hours(*nyse, "2021-12-31") == "09:30-16:00");
}

TEST_CASE("24x7 never closes") {
  const auto c = builtin("24x7");
  const auto s = c->session_at(at("2024-08-10T23:59:59.999999999Z"));
  REQUIRE(s.has_value());
  CHECK(s->open == at("2024-08-10T00:00:00Z"));
  CHECK(s->close == at("2024-08-11T00:00:00Z"));
  CHECK_FALSE(s->is_short);
  CHECK(c->session_at(s->close)->trading_date == on("2024-08-11"));
}

TEST_CASE("a broken file names file, line and key") {
  REQUIRE(config::parse_calendar(good, "my.toml").has_value());
  CHECK(refusal("name = ").starts_with("my.toml:1: "));
  CHECK(refusal(with("2026-12-31", "\"soon\"")) ==
        "my.toml:3: last must be a date such as 2026-08-03");
  CHECK(refusal(with("\"Sun\"", "\"So\"")) ==
        "my.toml:4: weekend takes the names Mon Tue Wed Thu Fri Sat Sun");
  CHECK(refusal(with("+05:30", "05:30")) ==
        "my.toml:7: offset.utc must be a signed time such as \"+05:30\"");
  CHECK(refusal(with("00:00:00Z", "00:00:00")).starts_with("my.toml:6: from must be an instant"));
  CHECK(refusal(with("09:15-15:30", "9:15-15:30")) ==
        "my.toml:10: regular.sessions must be a list such as [\"09:15-15:30\"]");
  CHECK(refusal(with("09:15-15:30", "09:15-34:00")).find("run into") != std::string::npos);
  CHECK(refusal(with("09:15-15:30", "15:30-09:15")) ==
        "my.toml: calendar X: sessions of 2020-01-01 contain one that closes before it opens");
  CHECK(refusal(with("name", "nam")).find("nam is not a key of a calendar") != std::string::npos);
  CHECK(refusal(with("name = \"X\"", "")).find("name is missing") != std::string::npos);
  CHECK(refusal(with("[[offset]]", "[offset]")).find("[[offset]] entries") != std::string::npos);
  CHECK(refusal(good + "[holidays]\n2026-02-30 = \"x\"\n") ==
        "my.toml:12: holidays.2026-02-30 is not a date such as 2026-08-03");
  CHECK(refusal(good + "[holidays]\n2026-02-20 = 5\n") ==
        "my.toml:12: holidays.2026-02-20 must be the holiday's name");
  CHECK(
      refusal(good + "[specials]\n2026-02-20 = [\"09:15-15:30\"]\n").find("specials.2026-02-20") !=
      std::string::npos);
  CHECK(refusal(good + "[specials]\n2026-02-20 = { sessions = [], reason = \"x\" }\n")
            .find("sessions of 2026-02-20 are empty") != std::string::npos);
  CHECK(refusal(good + "[specials]\n2026-02-20 = { sessions = [\"09:15-15:30\"] }\n")
            .find("reason is missing") != std::string::npos);
}

TEST_CASE("a directory's file goes before the built-in") {
  std::string path = (std::filesystem::temp_directory_path() / "artham-calendar-XXXXXX").string();
  REQUIRE(mkdtemp(path.data()) != nullptr);
  const std::filesystem::path directory = path;
  std::ofstream(directory / "NSE.toml") << with("15:30\"]", "12:30\"]");
  const auto own = config::load_calendar("NSE", directory);
  REQUIRE(own.has_value());
  CHECK(own->calendar->name() == "X");
  CHECK(own->text == with("15:30\"]", "12:30\"]"));
  const auto builtin = config::load_calendar("BSE", directory);
  REQUIRE(builtin.has_value());
  CHECK(builtin->text == config::builtin_calendar_text("BSE"));

  std::ofstream(directory / "BSE.toml") << "name = 1\n";
  const auto broken = config::load_calendar("BSE", directory);
  REQUIRE_FALSE(broken.has_value());
  CHECK(broken.error().message.starts_with((directory / "BSE.toml").string()));
  std::filesystem::create_directory(directory / "MCX.toml");
  const auto folder = config::load_calendar("MCX", directory);
  REQUIRE_FALSE(folder.has_value());
  CHECK(folder.error().code == errc::io);
  std::filesystem::remove_all(directory);

  for (const auto* name : {"XETR", "", "../NSE", "calendars/NSE"}) {
    const auto missing = config::load_calendar(name, directory);
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().code == errc::not_found);
    CHECK(missing.error().message.find("NSE NFO BSE CDS MCX NYSE 24x7") != std::string::npos);
  }
}
