#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "bridge/common/record_walk.hpp"
#include "bridge/local/journal.hpp"
#include "runtime/failpoint.hpp"
#include "tests/bridge/scratch.hpp"
#include "tests/bridge/shard_samples.hpp"

using namespace artham;
using namespace artham::test;
namespace fs = std::filesystem;
namespace local = artham::bridge::local;
using bridge::top;

namespace {

/// The point at which this process ends, and how often it is passed before. Set in a forked child.
std::string due_name;
int due_in = 0;

}  // namespace

// This program's own failpoints, which a test sets without another process.
namespace artham::runtime {
bool failpoint_due(const char* name) noexcept {
  return due_name == name && --due_in == 0;
}
void failpoint_end() noexcept {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}
}  // namespace artham::runtime

namespace {

local::options in(const scratch& dir) {
  local::options o;
  o.dir = dir.path() / "journal";
  o.segment_bytes = 8 << 10;
  o.reserve_bytes = 0;
  return o;
}

std::vector<record::block_ptr> all_of(const fs::path& dir, std::string_view stream = "md:ticks") {
  const auto j = local::open_read_only(dir);
  REQUIRE(j);
  auto r = j->journal->open_reader(stream, {}, top::appended, {});
  REQUIRE(r);
  const auto tops = j->journal->stream_tops(stream);
  REQUIRE(tops);
  return tops->appended.seq == 0 ? std::vector<record::block_ptr>{}
                                 : pull_to(**r, tops->appended.seq);
}

/// A journal of 60 blocks in three epochs, and one derived record for every tenth.
std::vector<record::block_ptr> fill(const scratch& dir, std::uint32_t seed) {
  random_ticks random(seed);
  std::vector<record::block_ptr> blocks;
  auto j = local::open(in(dir));
  REQUIRE(j);
  auto copy = j->replicator->open_replica("md:ticks");
  REQUIRE(copy);
  auto derived = j->journal->open_writer("md:deadletter", 1);
  REQUIRE(derived);
  const auto settings = j->journal->put_object("settings of that day");
  REQUIRE(settings);
  for (std::uint32_t i = 0; i < 60; ++i) {
    auto b = random.block(1 + i / 20);
    if (i % 20 == 0) {
      auto with_mark = std::make_shared<record::block>(*b);
      market::mark m;
      m.kind = market::mark_kind::epoch;
      m.time = m.wall = open_time;
      m.hashes.settings = *settings;
      m.position = {b->epoch, b->last().seq + 1};
      record::append(with_mark->payload, record::with_times(record::kind::mark, 1, m.time, m.wall),
                     record::encode(m));
      with_mark->marks.push_back(m);
      ++with_mark->count;
      random.skip(1);
      b = with_mark;
    }
    REQUIRE((*copy)->append(b));
    blocks.push_back(b);
    if (i % 10 == 0) REQUIRE((*derived)->append(derived_record(b->last(), 0, "x"), 1, {}));
  }
  j->journal->stop();
  return blocks;
}

/// The records up to `keep`, and those behind.
std::pair<std::string, std::string> parts_of(const std::vector<record::block_ptr>& blocks,
                                             record::position keep) {
  std::string kept;
  std::string moved;
  for (const auto& r : records_of(blocks)) {
    auto& into = r.at <= keep ? kept : moved;
    into.append(reinterpret_cast<const char*>(&r.at.epoch), sizeof r.at.epoch);
    into.append(reinterpret_cast<const char*>(&r.at.seq), sizeof r.at.seq);
    record::append(into, r.header, r.body);
  }
  return {kept, moved};
}

void check_derived(const scratch& dir, record::position keep) {
  for (const auto& r : records_of(all_of(in(dir).dir, "md:deadletter"))) {
    CHECK(record::cause_of(r.header).at <= keep);
  }
}

std::vector<fs::path> orphans_of(const scratch& dir) {
  std::vector<fs::path> found;
  std::error_code absent;
  for (const auto& e : fs::directory_iterator(dir.path() / "orphans", absent)) {
    if (e.path().extension() != ".part") found.push_back(e.path());
  }
  return found;
}

}  // namespace

TEST_CASE("what was not accepted is moved into a journal of its own") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const scratch dir;
    const auto blocks = fill(dir, seed);
    random_ticks random(seed + 1000);
    // Block ends and places within blocks; the very beginning and the very end, too.
    const auto records = records_of(blocks);
    auto keep = record::position{};
    const auto which = seed == 1 ? 0 : seed == 2 ? records.size() : random.below(records.size());
    if (which != 0) {
      const auto& r = records[which - 1];
      keep = {r.at.epoch, r.at.seq + r.header.count - 1};
    }
    auto o = in(dir);
    o.keep_until["md:ticks"] = keep;
    {
      auto j = local::open(o);
      REQUIRE(j);
      CHECK(j->journal->stream_tops("md:ticks")->durable == keep);
      if (which == records.size()) {
        CHECK(j->report.orphans.empty());
        continue;
      }
      REQUIRE(j->report.orphans.size() == 1);
      const auto& orphan = j->report.orphans.front();
      CHECK(orphan.stream == "md:ticks");
      CHECK(orphan.first == records[which].at);
      CHECK(orphan.last == blocks.back()->last());
      CHECK(orphan.dir.filename() == "md:ticks-" + std::to_string(orphan.first.epoch) + "-" +
                                         std::to_string(orphan.first.seq));
      const auto [kept, moved] = parts_of(blocks, keep);
      CHECK(bytes_of(all_of(orphan.dir)) == moved);
      CHECK(bytes_of(all_of(o.dir)) == kept);
      CHECK(local::verify(orphan.dir)->damages.empty());
      // A copy of what others accepted goes on right there.
      auto copy = j->replicator->open_replica("md:ticks");
      REQUIRE(copy);
      auto other = std::make_shared<record::block>(*blocks.back());
      other->first_seq = keep.seq + 1;
      other->epoch = 9;
      REQUIRE((*copy)->append(other));
      j->journal->stop();
    }
    check_derived(dir, keep);
    CHECK(local::verify(o.dir)->damages.empty());
    // Nor does a later start give up what came since.
    REQUIRE(local::open(in(dir)));
    CHECK(all_of(o.dir).back()->epoch == 9);
  }
}

TEST_CASE("an orphan has the contents that its marks name") {
  const scratch dir;
  const auto blocks = fill(dir, 7);
  auto o = in(dir);
  o.keep_until["md:ticks"] = blocks[10]->last();
  const auto j = local::open(o);
  REQUIRE(j);
  const auto orphan = local::open_read_only(j->report.orphans.front().dir);
  REQUIRE(orphan);
  const auto b = all_of(j->report.orphans.front().dir);
  bool named = false;
  for (const auto& m : marks_of(b)) {
    if (m.hashes.settings == market::content_hash{}) continue;
    named = true;
    CHECK(orphan->journal->get_object(m.hashes.settings) == "settings of that day");
  }
  CHECK(named);
}

TEST_CASE("killed at any step, nothing is lost and nothing stays in both places") {
  struct step {
    const char* name;
    int passes;
  };
  for (const auto& at :
       {step{"orphan.copied", 1}, step{"orphan.noted", 1}, step{"orphan.renamed", 1},
        step{"cut.begun", 1}, step{"cut.truncated", 1}, step{"open.truncated", 1},
        step{"file.renamed", 1}, step{"file.renamed", 2}, step{"file.renamed", 3},
        step{"orphan.cut", 1}, step{"open.mended", 1}}) {
    bool reached = false;
    for (const std::size_t kept_records : {0, 33, 70, 100}) {
      INFO(std::string(at.name));
      CAPTURE(at.passes);
      CAPTURE(kept_records);
      const scratch dir;
      const auto blocks = fill(dir, 11);
      record::position keep;
      if (kept_records != 0) {
        const auto r = records_of(blocks)[kept_records - 1];
        keep = {r.at.epoch, r.at.seq + r.header.count - 1};
      }
      auto o = in(dir);
      o.keep_until["md:ticks"] = keep;
      const auto child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        due_name = at.name;
        due_in = at.passes;
        static_cast<void>(local::open(o));
        ::_exit(0);
      }
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      reached = reached || WIFSIGNALED(status);
      const auto [kept, moved] = parts_of(blocks, keep);
      const auto whole = bytes_of(blocks);
      // An ordinary start, which knows nothing of it.
      REQUIRE(local::open(in(dir)));
      const auto found = orphans_of(dir);
      const auto left = bytes_of(all_of(o.dir));
      if (found.empty()) {
        CHECK(left == whole);
      } else {
        REQUIRE(found.size() == 1);
        CHECK(bytes_of(all_of(found.front())) == moved);
        CHECK(left == kept);
        check_derived(dir, keep);
      }
      // And one that is told again.
      REQUIRE(local::open(o));
      REQUIRE(orphans_of(dir).size() == 1);
      CHECK(bytes_of(all_of(orphans_of(dir).front())) == moved);
      CHECK(bytes_of(all_of(o.dir)) == kept);
      check_derived(dir, keep);
    }
    CHECK_MESSAGE(reached, std::string(at.name) << " is nowhere on the way");
  }
}
