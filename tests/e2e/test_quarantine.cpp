#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "app/journal_rules.hpp"
#include "app/journal_ticks.hpp"
#include "app/pipeline.hpp"
#include "bridge/local/journal.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "store/sqlite/database.hpp"
#include "tests/e2e/recorded.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

/// The records of a played recording, without anything made of them.
void copy_ticks(const std::string& data, const std::string& to) {
  std::filesystem::create_directories(to + "/journal");
  for (const auto* what : {"/journal/md:ticks", "/journal/objects"})
    std::filesystem::copy(data + what, to + what, std::filesystem::copy_options::recursive);
}

struct hooks {
  actors::record_hook before_records;
  std::function<void(const messages::bar_work&, const messages::bar_slice&)> before_slice;
};

/// Makes the bars of a data directory, with builders that may die, and stores them if asked to.
void run_once(const std::string& data, const hooks& h, bool with_stores) {
  bridge::local::options o;
  o.dir = data + "/journal";
  auto opened = bridge::local::open(std::move(o));
  REQUIRE(opened);
  auto& journal = *opened->journal;
  const auto rules = app::rules_of(journal);
  REQUIRE(rules);
  const auto& frames = rules->last().timeframes;
  auto store = store::sqlite::open(data + "/artham.db", {false, frames});
  REQUIRE(store);
  runtime::worker writer_thread("store-writer", 64);
  const feed::kite::frame_decoder decoder;
  const auto top = journal.stream_tops(record::ticks_stream())->appended;
  actors::bar_reader_config c;
  c.input = c.output = &journal;
  c.decoder = &decoder;
  c.timeframes = frames;
  c.plan_of = [plans = rules->last().plans()](std::uint32_t token) { return plans->of(token); };
  c.batch = 16;
  c.before_records = h.before_records;
  c.before_slice = h.before_slice;
  std::vector<std::string> streams{record::dead_letters_stream()};
  for (const auto& tf : frames) streams.push_back(record::final_bars_stream(market::to_string(tf)));
  std::map<std::string, record::position> wanted;
  for (const auto& stream : streams) wanted[stream] = journal.stream_tops(stream)->appended;
  const auto stores = [&](const supervisors::tree_options& tree) {
    std::vector<actors::stream_store_config> configs;
    for (const auto& stream : streams) {
      actors::stream_store_config s;
      s.stream = stream;
      s.journal = &journal;
      s.writer = &(*store)->writing();
      s.writer_thread = &writer_thread;
      s.metrics = tree.metrics;
      const auto n = configs.size();
      s.consumer = n == 0 ? "quarantine_store" : "bar_store";
      s.make_rows = n == 0 ? actors::quarantine_rows() : actors::bar_rows(frames[n - 1]);
      configs.push_back(std::move(s));
    }
    std::vector<messages::child_spec> roles;
    roles.push_back(supervisors::store_tree(tree, std::move(configs)));
    return roles;
  };
  const auto all_stored = [&] {
    const auto positions = (*store)->reading().positions();
    return std::ranges::all_of(wanted, [&](const auto& w) {
      return w.second.seq == 0 || std::ranges::any_of(*positions, [&](const auto& p) {
               return p.stream == w.first && p.at == w.second;
             });
    });
  };
  {
    app::bar_pipeline p(2, std::move(c), with_stores ? stores : app::bar_pipeline::more_roles());
    const auto done = p.wait_for(top);
    REQUIRE_MESSAGE(done, done.error().message);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (with_stores && !all_stored() && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK((!with_stores || all_stored()));
  }
  writer_thread.stop();
  journal.stop();
}

/// What the first run journals is stored by the next one: only then is it known how much it is.
void build(const std::string& data, const hooks& h) {
  run_once(data, h, false);
  run_once(data, {}, true);
}

/// The instrument with the most ticks, and their positions.
struct busiest {
  std::uint32_t token = 0;
  std::vector<record::position> ticks;

  explicit busiest(const std::string& data) {
    auto opened = bridge::local::open_read_only(data + "/journal");
    REQUIRE(opened);
    const feed::kite::frame_decoder decoder;
    std::map<std::uint32_t, std::vector<record::position>> all;
    REQUIRE(app::for_each_in(
        *opened->journal, decoder,
        [&](const app::journaled_tick& t) {
          all[t.core.token].push_back(t.core.position());
          return true;
        },
        [](const market::mark&) { return true; }));
    for (auto& [t, positions] : all) {
      if (positions.size() <= ticks.size()) continue;
      token = t;
      ticks = std::move(positions);
    }
  }
};

hooks poison(std::uint32_t token, record::position at) {
  return {[=](std::uint32_t builder, std::span<const market::bar_input> ticks,
              std::span<const market::mark>) {
            const bool there = std::ranges::any_of(
                ticks, [&](const market::bar_input& t) { return t.position() == at; });
            if (builder == token && there) throw std::logic_error("cannot take it");
          },
          {}};
}

hooks dies_from(std::uint32_t token, record::position at) {
  return {{}, [=](const messages::bar_work& work, const messages::bar_slice& slice) {
            if (slice.last_tick == slice.first_tick) return;
            const auto& t = work.ticks[slice.last_tick - 1];
            if (t.token == token && t.position() >= at)
              throw std::logic_error("dies of everything");
          }};
}

finished verify(const std::string& data, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"verify", "--data", data};
  args.insert(args.end(), more.begin(), more.end());
  auto f = artham::test::artham(std::move(args));
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("differences 0\n") != std::string::npos);
  return f;
}

std::string replay(std::vector<std::string> from, const std::string& out) {
  std::vector<std::string> args{"replay", "--out", out};
  args.insert(args.end(), from.begin(), from.end());
  const auto f = artham::test::artham(std::move(args));
  REQUIRE_MESSAGE(f.code == 0, f.err);
  return digest_of(f);
}

/// The lines of a CSV that begin with a token.
std::string lines_of(const std::string& file, std::uint32_t token) {
  const auto text = read_file(file);
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at) + 1;
    const auto line = text.substr(at, end - at);
    if (line.starts_with(std::to_string(token) + ",")) kept += line;
    at = end;
  }
  return kept;
}

}  // namespace

TEST_CASE("a record in quarantine is left out by verify, replay, slices and bundles alike") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(dir / "played");
  copy_ticks(dir / "played", data);
  const busiest b(data);
  const auto at = b.ticks[b.ticks.size() / 2];
  const auto place = "(" + std::to_string(at.epoch) + ", " + std::to_string(at.seq) + ")";
  build(data, poison(b.token, at));

  const auto verified = verify(data);
  CHECK(verified.out.find(" is built without md:ticks " + place + ": cannot take it\n") !=
        std::string::npos);
  const auto digest = digest_of(verified);
  CHECK(digest != digest_of(verify(dir / "played")));
  CHECK(replay({"--journal", data}, dir / "replayed") == digest);
  CHECK(sql(data, "SELECT what, at_seq, instrument_token, error FROM quarantines") ==
        "1|" + std::to_string(at.seq) + "|" + std::to_string(b.token) + "|cannot take it\n");

  const auto cat = artham::test::artham({"journal", "cat", data, "--stream", "md:deadletter"});
  CHECK(cat.code == 0);
  CHECK(cat.out.find(" what=record actor=bar_builder at=" + place) != std::string::npos);
  CHECK(cat.out.find(" error=cannot take it\n") != std::string::npos);

  const auto bundle = artham::test::artham({"journal", "slice", data, "--bundle", dir / "bundle"});
  REQUIRE_MESSAGE(bundle.code == 0, bundle.err);
  CHECK(replay({dir / "bundle"}, dir / "from_bundle") == digest);

  // Where positions count anew, so does that of the record.
  const auto slice = artham::test::artham(
      {"journal", "slice", data, "--out", dir / "slice", "--instrument", std::to_string(b.token)});
  REQUIRE_MESSAGE(slice.code == 0, slice.err);
  replay({"--journal", dir / "slice"}, dir / "from_slice");
  const auto own = lines_of(dir / "replayed/bars_10s.csv", b.token);
  CHECK_FALSE(own.empty());
  CHECK(lines_of(dir / "from_slice/bars_10s.csv", b.token) == own);

  sql(data, "DELETE FROM quarantines");
  const auto lost = artham::test::artham({"verify", "--data", data});
  CHECK(lost.code == 1);
  CHECK(lost.out.find("md:deadletter (") != std::string::npos);
  CHECK(lost.out.find(") missing: ") != std::string::npos);
}

TEST_CASE("what a stopped builder owes is a gap until verify --repair makes it") {
  const scratch dir;
  const auto data = dir / "data";
  play_recording(dir / "played");
  copy_ticks(dir / "played", data);
  const auto whole = digest_of(verify(dir / "played"));
  const busiest b(data);
  build(data, dies_from(b.token, b.ticks[b.ticks.size() / 2]));
  const auto rows = [](const std::string& of) { return sql(of, "SELECT COUNT(*) FROM bars_10s"); };
  const auto stopped = verify(data);
  CHECK(stopped.out.find(" has no bars from md:ticks (") != std::string::npos);
  CHECK(stopped.out.find(" on: dies of everything; artham verify --repair") != std::string::npos);
  CHECK(digest_of(stopped) != whole);
  CHECK(replay({"--journal", data}, dir / "replayed") == digest_of(stopped));
  CHECK(rows(data) != rows(dir / "played"));
  const auto gaps = [&] {
    auto store = store::sqlite::open(data + "/artham.db", {});
    REQUIRE(store);
    return *(*store)->reading().gaps(0, market::never);
  };
  REQUIRE(gaps().size() == 1);
  CHECK(gaps()[0].token == b.token);
  CHECK(gaps()[0].to == market::never);

  const auto repaired = verify(data, {"--repair"});
  CHECK(("\n" + repaired.out).find("\nrepaired ") != std::string::npos);
  INFO(repaired.out);
  CHECK(repaired.out.find(" was repaired from md:ticks (") != std::string::npos);
  CHECK(digest_of(repaired) == whole);
  CHECK(rows(data) == rows(dir / "played"));
  CHECK(gaps().empty());
  CHECK(sql(data, "SELECT what FROM quarantines ORDER BY seq") == "2\n3\n");
  // They are marked, and only they.
  CHECK(sql(data,
            "SELECT COUNT(DISTINCT instrument_token) FROM bars_10s WHERE cause_ordinal >= "
            "2147483648") == "1\n");
  CHECK(replay({"--journal", data}, dir / "replayed") == whole);
  CHECK(("\n" + verify(data, {"--repair"}).out).find("\nrepaired ") == std::string::npos);

  SUBCASE("a start goes on as if nothing had been") {
    build(data, {});
    CHECK(digest_of(verify(data)) == whole);
    CHECK(rows(data) == rows(dir / "played"));
  }
  SUBCASE("rows of a repair that a power cut took come back with the next one") {
    sql(data, "DELETE FROM bars_10s WHERE cause_ordinal >= 2147483648");
    CHECK(artham::test::artham({"verify", "--data", data}).code == 1);
    verify(data, {"--repair"});
    CHECK(rows(data) == rows(dir / "played"));
  }
  SUBCASE("a bundle holds the repair too") {
    const auto bundle =
        artham::test::artham({"journal", "slice", data, "--bundle", dir / "bundle"});
    REQUIRE_MESSAGE(bundle.code == 0, bundle.err);
    CHECK(replay({dir / "bundle"}, dir / "from_bundle") == whole);
  }
}
