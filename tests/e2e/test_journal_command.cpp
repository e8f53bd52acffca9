#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

finished journal(std::vector<std::string> args) {
  args.insert(args.begin(), "journal");
  return artham::test::artham(std::move(args));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// Ends with `code` and one line on stderr that names all of `what`.
void refused(const finished& f, int code, const std::vector<std::string>& what) {
  INFO(f.out << f.err);
  CHECK(f.code == code);
  CHECK(f.err.starts_with("artham: "));
  CHECK(std::count(f.err.begin(), f.err.end(), '\n') == 1);
  for (const auto& w : what) CHECK_MESSAGE(f.err.find(w) != std::string::npos, w);
}

}  // namespace

TEST_CASE("journal cat prints each tick, mark and bar on a line") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto all = journal({"cat", data});
  REQUIRE_MESSAGE(all.code == 0, all.err);
  const auto lines = lines_of(all.out);
  // The epoch depends on whether bars or ticks were opened first.
  const auto epoch = lines.front().substr(0, lines.front().find(','));
  CHECK(lines.front().starts_with(epoch + ", 1) 2026-11-20T10:45:00+05:30 epoch settings="));
  CHECK(std::ranges::count_if(lines, [](const auto& l) {
          return l.find(" tick TOKEN:") != std::string::npos;
        }) == 185);
  CHECK(all.out.find(" subscription state=added mode=full instruments=[\"TOKEN:256265\"") !=
        std::string::npos);
  CHECK(all.out.find(") 2026-11-20T10:45:00+05:30 tick TOKEN:12544002 mode=full "
                     "time=2026-11-20T10:45:00+05:30 last=23994.2 volume=1593225 oi=13875300\n") !=
        std::string::npos);
  // A journal directory does as well as a data directory.
  CHECK(journal({"cat", data + "/journal"}).out == all.out);
  CHECK(lines_of(journal({"cat", data, "--limit", "7"}).out).size() == 7);

  SUBCASE("as JSON") {
    for (const auto& l : lines_of(journal({"cat", data, "--json"}).out)) {
      const auto j = json::parse(l);
      CHECK("(" + std::to_string(j["position"]["epoch"].get<int>()) == epoch);
      CHECK(j.contains("kind"));
    }
  }
  SUBCASE("bars") {
    const auto bars = journal({"cat", data, "--stream", "md:bars:final.1m"});
    CHECK(std::to_string(lines_of(bars.out).size()) + "\n" ==
          sql(data, "SELECT COUNT(*) FROM bars_1m"));
    CHECK(bars.out.find("open=23846.3 high=23856.2 low=23846.3") != std::string::npos);
  }
  SUBCASE("a range of time, and one instrument") {
    const auto f = journal({"cat", data, "--from", "2026-11-20T10:45:10+05:30", "--to",
                            "2026-11-20T05:15:20Z", "--instrument", "256265"});
    const auto some = lines_of(f.out);
    REQUIRE(some.size() > 5);
    for (const auto& l : some) {
      CHECK(l.find("T10:45:1") != std::string::npos);
      CHECK((l.find(" clock") != std::string::npos || l.find("TOKEN:256265") != std::string::npos));
    }
    CHECK(journal({"cat", data, "--from", "2026-11-20T10:45:10+05:30", "--to",
                   "2026-11-20T05:15:20Z", "--instrument", "TOKEN:256265"})
              .out == f.out);
  }
}

TEST_CASE("journal verify says what each stream holds and changes nothing") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto segment = segments(data, "md:ticks").back();
  const auto intact = journal({"verify", data});
  CHECK(intact.code == 0);
  CHECK(intact.out.find("md:ticks segments 1 epochs 1 records ") != std::string::npos);
  CHECK(intact.out.find("md:bars:final.1m segments 1") != std::string::npos);
  const auto j = json::parse(journal({"verify", data, "--json"}).out);
  CHECK(j["streams"].size() == 6);
  CHECK(j["damaged"].empty());

  SUBCASE("a flipped byte") {
    flip_byte(segment, std::filesystem::file_size(segment) / 2);
    const auto before = read_file(segment);
    const auto f = journal({"verify", data});
    CHECK(f.code == 4);
    CHECK(f.out.find(segment.string()) != std::string::npos);
    CHECK(f.out.find("are damaged: positions ") != std::string::npos);
    CHECK(journal({"verify", data, "--json"}).code == 4);
    CHECK(read_file(segment) == before);
  }
  SUBCASE("a closed segment that is shorter now") {
    std::filesystem::resize_file(segment, std::filesystem::file_size(segment) - 5);
    const auto f = journal({"verify", data});
    CHECK(f.code == 4);
    CHECK(f.out.find(segment.string()) != std::string::npos);
    CHECK(f.out.find("are damaged: positions ") != std::string::npos);
  }
  SUBCASE("a torn tail") {
    // As after kill -9: no index, and a block that was not written to its end.
    std::filesystem::remove(std::filesystem::path(segment).replace_extension(".idx"));
    std::filesystem::resize_file(segment, std::filesystem::file_size(segment) - 5);
    const auto before = read_file(segment);
    const auto f = journal({"verify", data});
    CHECK(f.code == 0);
    CHECK(f.out.find(segment.string()) != std::string::npos);
    CHECK(f.out.find("torn tail") != std::string::npos);
    CHECK(read_file(segment) == before);
  }
  SUBCASE("settings that are no longer what their name says") {
    const auto object = std::filesystem::directory_iterator(data + "/journal/objects")->path();
    flip_byte(object, 1);
    const auto f = journal({"verify", data});
    CHECK(f.code == 4);
    CHECK(f.out.find(object.string()) != std::string::npos);
  }
}

TEST_CASE("the exported ticks give the same bars") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto csv = dir / "ticks.csv";
  const auto f = journal({"export", data, "--out", csv});
  CHECK(f.code == 0);
  CHECK(f.out == "ticks 185\n");
  CHECK(f.err.empty());
  const auto from_csv = artham::test::artham(
      {"replay", "--ticks", csv, "--timeframes", "10s 1m 5m 1D", "--out", dir / "from-csv"});
  const auto from_journal =
      artham::test::artham({"replay", "--journal", data, "--out", dir / "from-journal"});
  CHECK(digest_of(from_csv) == digest_of(from_journal));
  // The exchange can play it too, and its own run journals the same ticks.
  const auto again = dir / "again";
  {
    node n(again, {"--recording", csv, "--speed", "max", "--set", "bars.timeframes=10s 1m 5m 1D"});
    REQUIRE(n.wait_for(settled));
    CHECK(n.stop() == 0);
  }
  CHECK(digest_of(artham::test::artham({"replay", "--journal", again, "--out", dir / "o"})) ==
        digest_of(from_journal));

  SUBCASE("of one instrument and a range of time") {
    CHECK(journal({"export", data, "--out", csv, "--instrument", "256265", "--from",
                   "2026-11-20T10:45:10+05:30", "--to", "2026-11-20T10:45:20+05:30"})
              .code == 0);
    const auto rows = lines_of(read_file(csv));
    REQUIRE(rows.size() > 3);
    for (std::size_t i = 1; i < rows.size(); ++i) {
      CHECK(rows[i].starts_with("2026-11-20T05:15:1"));
      CHECK(rows[i].find(",256265,") != std::string::npos);
    }
  }
}

TEST_CASE("journal commands refuse what makes no sense, naming it") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"cat"}, {"export", "--out", dir / "x.csv"}}) {
    const auto with = [&](const std::string& where, std::vector<std::string> more) {
      auto args = command;
      args.push_back(where);
      args.insert(args.end(), more.begin(), more.end());
      return journal(std::move(args));
    };
    refused(with(dir / "none", {}), 3, {dir / "none"});
    refused(with(data, {"--instrument", "NSE:NOSUCH"}), 2, {"--instrument", "NSE:NOSUCH"});
    refused(with(data, {"--from", "noon"}), 2, {"--from", "noon"});
    refused(with(data, {"--to", "25:00"}), 2, {"--to", "25:00"});
    refused(with(data, {"--from", "2026-11-21T00:00:00Z", "--to", "2026-11-20T00:00:00Z"}), 2,
            {"--from", "--to", "2026-11-21", "2026-11-20"});
  }
  refused(journal({"verify", dir / "none"}), 3, {dir / "none"});
  refused(journal({"cat", data, "--stream", "md:bars"}), 2, {"md:bars", "md:ticks"});
  refused(journal({"export", data, "--out", dir / "no/such/x.csv"}), 2, {"no/such/x.csv"});
  CHECK(journal({}).code == 2);
  CHECK(journal({"cat"}).code == 2);
  CHECK(journal({"export", data}).code == 2);
}

TEST_CASE("a bundle gives the digest of the journal that it was made from, wherever it lies") {
  const scratch dir;
  const auto data = dir / "data";
  run_synthetic(data, 1500, SIGKILL, {"--set", "bars.timeframes=5s 1m"});
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 15s 1m"});
  const auto expected =
      digest_of(artham::test::artham({"replay", "--journal", data, "--out", dir / "o"}));
  const auto made = journal({"slice", data, "--bundle", dir / "made"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  std::filesystem::rename(dir / "made", dir / "moved");
  std::filesystem::remove_all(data);
  const auto bundle = dir / "moved";
  const auto replay = [&] { return artham::test::artham({"replay", bundle, "--out", dir / "o"}); };
  CHECK(digest_of(replay()) == expected);
  const auto manifest = json::parse(read_file(bundle + "/bundle.json"));
  CHECK(manifest["version"] == 1);
  CHECK("artham " + manifest["program"].get<std::string>() + "\n" ==
        artham::test::artham({"version"}).out);
  CHECK(journal({"verify", bundle}).code == 0);

  SUBCASE("a file that changed is named") {
    const auto segment = segments(bundle, "md:ticks").front();
    flip_byte(segment, 1000);
    refused(replay(), 4, {segment.string()});
  }
  SUBCASE("a file that is missing is named") {
    const auto object = std::filesystem::directory_iterator(bundle + "/journal/objects")->path();
    std::filesystem::remove(object);
    refused(replay(), 4, {object.string(), "missing"});
  }
  SUBCASE("a newer version is refused") {
    std::ofstream(bundle + "/bundle.json")
        << R"({"format":"artham bundle","version":2,"program":"9.9","files":{}})";
    refused(replay(), 2, {"bundle.json", "version 2", "9.9"});
  }
  SUBCASE("what is no bundle is refused") {
    std::filesystem::remove(bundle + "/bundle.json");
    refused(replay(), 2, {bundle, "--bundle", "--journal"});
  }
}

TEST_CASE(
    "a slice is a journal with the same positions, and gives what a replay of the range does") {
  const scratch dir;
  const auto data = dir / "data";
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 1m"});
  run_synthetic(data, 1500, SIGTERM, {"--set", "bars.timeframes=5s 1m"});
  const auto all = lines_of(journal({"cat", data}).out);
  const auto time_of = [](const std::string& line) {
    const auto at = line.find(") ") + 2;
    return line.substr(at, line.find(' ', at) - at);
  };
  const auto from = time_of(all[all.size() / 4]);
  const auto to = time_of(all[all.size() * 3 / 4]);
  const auto slice = dir / "slice";
  const auto made = journal({"slice", data, "--out", slice, "--from", from, "--to", to});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(journal({"verify", slice}).code == 0);

  const auto in_range = lines_of(journal({"cat", data, "--from", from, "--to", to}).out);
  const auto sliced = lines_of(journal({"cat", slice}).out);
  // In front, in the place of what was there: the settings and subscriptions in force.
  REQUIRE(sliced.size() == in_range.size() + 2);
  CHECK(sliced[0].find(" config settings=") != std::string::npos);
  CHECK(sliced[1].find(" subscription state=added") != std::string::npos);
  const bool same = std::equal(in_range.begin(), in_range.end(), sliced.begin() + 2);
  CHECK(same);

  const auto of_slice = artham::test::artham({"replay", "--journal", slice, "--out", dir / "o"});
  const auto of_range = artham::test::artham(
      {"replay", "--journal", data, "--from", from, "--to", to, "--out", dir / "o"});
  CHECK(digest_of(of_slice) == digest_of(of_range));
  CHECK(of_slice.out.find("bars_5s.csv 0\n") == std::string::npos);

  SUBCASE("of the whole journal it is the same journal") {
    CHECK(journal({"slice", data, "--out", dir / "whole"}).code == 0);
    CHECK(journal({"cat", dir / "whole"}).out == journal({"cat", data}).out);
    const auto whole =
        artham::test::artham({"replay", "--journal", dir / "whole", "--out", dir / "o"});
    CHECK(digest_of(whole) ==
          digest_of(artham::test::artham({"replay", "--journal", data, "--out", dir / "o"})));
  }
  SUBCASE("of some instruments it gives their bars and no others") {
    const auto other = sql(data,
                           "SELECT instrument_token || ' ' || exchange || ':' || tradingsymbol "
                           "FROM instruments WHERE tradingsymbol != 'NIFTY 50' LIMIT 1 OFFSET 7");
    const auto token = other.substr(0, other.find(' ')) + ",";
    const auto name = other.substr(token.size(), other.size() - token.size() - 1);
    const auto made_of = journal({"slice", data, "--out", dir / "some", "--instrument",
                                  "NSE:NIFTY 50", "--instrument", name});
    REQUIRE_MESSAGE(made_of.code == 0, made_of.err);
    CHECK(made_of.out.find("numbered anew") != std::string::npos);
    CHECK(journal({"verify", dir / "some"}).code == 0);
    artham::test::artham({"replay", "--journal", dir / "some", "--out", dir / "some-bars"});
    artham::test::artham({"replay", "--journal", data, "--out", dir / "all-bars"});
    const auto some = lines_of(read_file(dir / "some-bars/bars_5s.csv"));
    const auto everything = lines_of(read_file(dir / "all-bars/bars_5s.csv"));
    CHECK(some.size() > 20);
    CHECK(some.size() < everything.size());
    std::vector<std::string> theirs{everything.front()};
    for (const auto& l : everything) {
      if (l.starts_with("256265,") || l.starts_with(token)) theirs.push_back(l);
    }
    CHECK(some == theirs);
  }
}

TEST_CASE("slices and ranges that make no sense are refused by name") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  const auto out = dir / "out";
  refused(journal({"slice", dir / "none", "--out", out}), 3, {dir / "none"});
  refused(journal({"slice", data, "--out", out, "--instrument", "NSE:NOSUCH"}), 2, {"NSE:NOSUCH"});
  refused(journal({"slice", data, "--out", out, "--from", "noon"}), 2, {"--from", "noon"});
  refused(journal({"slice", data, "--out", out, "--from", "2030-01-01T00:00:00Z"}), 2,
          {"--from", "2026-11-20T10:4"});
  refused(journal({"slice", data, "--bundle", data}), 2, {data, "new directory"});
  CHECK(journal({"slice", data}).code == 2);
  CHECK(journal({"slice", data, "--out", out, "--bundle", out}).code == 2);
  const auto replay = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"replay", "--out", out});
    return artham::test::artham(std::move(more));
  };
  refused(replay({"--journal", data, "--from", "soon"}), 2, {"--from", "soon"});
  refused(replay({"--journal", data, "--to", "2020-01-01T00:00:00Z"}), 2, {"--to"});
  refused(replay({"--journal", data, "--from", "2", "--to", "1"}), 2, {"--from 2", "--to 1"});
  refused(replay({"--recording", recording, "--from", "1"}), 2, {"--from"});
  refused(replay({dir / "none"}), 2, {dir / "none"});
  CHECK(replay({dir / "none", "--journal", data}).code == 2);
}

TEST_CASE("a range may begin and end inside a block") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(data);
  for (int second = 5; second < 50; second += 5) {
    const auto from = "2026-11-20T05:15:0" + std::to_string(second % 10) + "Z";
    const auto to = "2026-11-20T05:15:" + std::to_string(second + 10) + "Z";
    const auto slice = dir / ("slice-" + std::to_string(second));
    CHECK(journal({"slice", data, "--out", slice, "--from", from, "--to", to}).code == 0);
    const auto expected = journal({"cat", data, "--from", from, "--to", to}).out;
    const auto got = journal({"cat", slice}).out;
    CHECK(got.ends_with(expected));
    CHECK(journal({"verify", slice}).code == 0);
  }
}
