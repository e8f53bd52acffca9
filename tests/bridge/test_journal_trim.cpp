#include <doctest/doctest.h>

#include <set>

#include "bridge/common/marks_in_force.hpp"
#include "bridge/local/segment_format.hpp"
#include "tests/bridge/journal_support.hpp"

// Removing what is old from the front of a journal.
namespace artham::test {
namespace {

constexpr auto derived = "md:bars:final.1m";
using bridge::local::trim_limits;

std::string mark_record(market::mark m, market::timestamp at) {
  m.time = m.wall = at;
  std::string out;
  record::append(out, record::with_times(record::kind::mark, 1, at, at), record::encode(m));
  return out;
}

/// What retention is told and what it leaves: three days, each of an epoch or more.
class old_journal {
 public:
  static constexpr int days = 4;
  static constexpr std::uint32_t frames_a_day = 20;

  old_journal() {
    auto j = open();
    hashes_.settings = *j.journal->put_object("settings");
    hashes_.calendar = *j.journal->put_object("calendars");
    hashes_.instruments = *j.journal->put_object("instruments");
    auto w = *j.journal->open_writer(ticks, 1);
    auto d = *j.journal->open_writer(derived, 1);
    for (int day = 0; day < days; ++day) {
      const auto morning = open_time + day * market::day;
      first_of_day_.push_back(w->next());
      if (day == 0) put(*w, mark(market::mark_kind::epoch), morning);
      market::mark subscribed = mark(market::mark_kind::subscription);
      subscribed.flag = 1;
      subscribed.mode = market::tick_mode::full;
      subscribed.tokens = {static_cast<std::uint32_t>(day), 100};
      put(*w, subscribed, morning);
      for (std::uint32_t i = 0; i < frames_a_day; ++i) {
        const auto value = static_cast<std::uint32_t>(day) * 100 + i;
        const auto at = w->append(frame_record({value % 7, value}, value, morning + i), 2,
                                  std::vector<std::uint32_t>{value % 7, value});
        REQUIRE(at);
        REQUIRE(d->append(derived_record(*at, 0, std::string(150, 'x')), 1, {}));
      }
      // A block for each day at least, written before the next begins.
      auto all = *j.journal->open_reader(ticks, {}, bridge::top::appended, {});
      REQUIRE(!pull_to(*all, w->next().seq - 1).empty());
    }
    top_ = {1, w->next().seq - 1};
    derived_top_ = {1, d->next().seq - 1};
  }

  [[nodiscard]] bridge::local::opened open() const {
    auto o = options_in(dir_.path());
    o.tail_bytes = 0;
    o.segment_bytes = 2500;  // derived streams roll by size; a day of ticks is more than one
    return must_open(o);
  }
  /// All of the first `n` days may go as far as age is concerned.
  [[nodiscard]] trim_limits days_before(int n) const {
    return {open_time + n * market::day - market::hour, {{ticks, top_}, {derived, derived_top_}}};
  }
  [[nodiscard]] record::position first_of(int day) const {
    return first_of_day_[static_cast<std::size_t>(day)];
  }
  [[nodiscard]] record::position top() const { return top_; }
  [[nodiscard]] fs::path stream_dir(const char* stream = ticks) const {
    return dir_.path() / stream;
  }
  [[nodiscard]] const fs::path& path() const { return dir_.path(); }
  [[nodiscard]] const market::config_hashes& hashes() const { return hashes_; }

  /// The journal begins with what is in force, then the records from `first` on, all intact.
  void check_kept_from(bridge::bridge& b, record::position first) const {
    const auto blocks = read_all(b);
    REQUIRE(!blocks.empty());
    const auto& begin = *blocks.front();
    CHECK(begin.last().seq == first.seq - 1);
    REQUIRE(begin.marks.size() == 2);
    CHECK(begin.marks[0].kind == market::mark_kind::config);
    CHECK(begin.marks[0].hashes == hashes_);
    CHECK(begin.marks[1].kind == market::mark_kind::subscription);
    std::vector<std::uint32_t> subscribed;
    for (int day = 0; first_of(day) < first; ++day)
      subscribed.push_back(static_cast<std::uint32_t>(day));
    subscribed.push_back(100);
    CHECK(begin.marks[1].tokens == subscribed);
    CHECK(is_dense(blocks, begin.first_seq));
    CHECK(blocks.back()->last() == top_);
    for (const auto& block : blocks) CHECK(!block->damaged);
    const auto checked = bridge::local::verify(path());
    REQUIRE(checked);
    CHECK(checked->damages.empty());
    CHECK(checked->cuts.empty());
    REQUIRE(checked->trimmed.size() == 1);
    CHECK(checked->trimmed.front().stream == ticks);
    CHECK(checked->trimmed.front().first == first);
    CHECK(checked->trimmed.front().from >= open_time);
  }

 private:
  [[nodiscard]] market::mark mark(market::mark_kind kind) const {
    market::mark m;
    m.kind = kind;
    if (kind == market::mark_kind::epoch) m.hashes = hashes_;
    return m;
  }
  static void put(bridge::writer& w, const market::mark& m, market::timestamp at) {
    REQUIRE(w.append(mark_record(m, at), 1, {}));
  }

  scratch dir_;
  market::config_hashes hashes_;
  std::vector<record::position> first_of_day_;
  record::position top_;
  record::position derived_top_;
};

}  // namespace

TEST_CASE("old days are removed whole; the rest keeps its positions and can be read on its own") {
  const old_journal old;
  const auto before = old.open().trimmer->sizes();
  {
    auto j = old.open();
    const auto done = j.trimmer->trim(old.days_before(2));
    REQUIRE_MESSAGE(done, done.error().message);
    REQUIRE(done->kept);
    CHECK(done->kept->first == old.first_of(2));
    CHECK(done->kept->from == open_time + 2 * market::day);
    old.check_kept_from(*j.journal, old.first_of(2));
    std::uint64_t removed = 0;
    for (const auto& s : done->removed) {
      CHECK(s.segments != 0);
      removed += s.bytes;
    }
    CHECK(done->removed.size() == 2);
    std::uint64_t was = 0;
    std::uint64_t is = 0;
    for (const auto& s : before) was += s.bytes;
    for (const auto& s : j.trimmer->sizes()) is += s.bytes;
    CHECK(is < was);
    CHECK(was - removed <= is);

    // The same again has nothing to do; more time, and more goes.
    const auto again = j.trimmer->trim(old.days_before(2));
    REQUIRE(again);
    CHECK(again->removed.empty());
    CHECK(!again->kept);
    REQUIRE(j.trimmer->trim(old.days_before(3))->kept);
    old.check_kept_from(*j.journal, old.first_of(3));
  }
  {
    auto j = old.open();
    CHECK(j.report.damages.empty());
    CHECK(j.report.cuts.empty());
    REQUIRE(j.report.trimmed.size() == 1);
    CHECK(j.report.trimmed.front().first == old.first_of(3));
    CHECK(j.journal->stream_tops(ticks)->durable == old.top());
    CHECK(j.journal->last_epoch() == 1);
    // It is written on, and trimmed on.
    auto w = *j.journal->open_writer(ticks, 2);
    CHECK(w->next() == record::position{2, old.top().seq + 1});
  }
  CHECK(files_of(old.stream_dir(), ".begin").size() == 1);
  const auto beside = bridge::local::open_read_only(old.path());
  REQUIRE(beside);
  old.check_kept_from(*beside->journal, old.first_of(3));
}

TEST_CASE("nothing goes that somebody needs, that is too new, or that is the last") {
  const old_journal old;
  auto j = old.open();
  const auto whole = read_all(*j.journal).front()->first_seq;
  const auto segments = files_of(old.stream_dir(), ".seg").size();
  const auto derived_segments = files_of(old.stream_dir(derived), ".seg").size();
  const auto unchanged = [&] {
    CHECK(files_of(old.stream_dir(), ".seg").size() == segments);
    CHECK(files_of(old.stream_dir(derived), ".seg").size() == derived_segments);
    CHECK(read_all(*j.journal).front()->first_seq == whole);
  };
  SUBCASE("too new") {
    auto limits = old.days_before(0);
    REQUIRE(j.trimmer->trim(limits));
    unchanged();
  }
  SUBCASE("not named") {
    auto limits = old.days_before(3);
    limits.passed.erase(ticks);
    REQUIRE(j.trimmer->trim(limits));
    unchanged();
  }
  SUBCASE("not passed") {
    auto limits = old.days_before(3);
    limits.passed[ticks] = {1, 3};
    REQUIRE(j.trimmer->trim(limits));
    unchanged();
  }
  SUBCASE("passed in the middle of the second day") {
    auto limits = old.days_before(3);
    limits.passed[ticks] = {1, old.first_of(1).seq + 5};
    REQUIRE(j.trimmer->trim(limits)->kept);
    CHECK(j.trimmer->trim(limits)->removed.empty());
    const auto first = read_all(*j.journal)[1]->first();
    CHECK(first <= old.first_of(1));
    CHECK(first.seq > 1);
  }
  SUBCASE("the last segment stays, whatever its age") {
    REQUIRE(j.trimmer->trim(old.days_before(100))->kept);
    CHECK(!files_of(old.stream_dir(), ".seg").empty());
    CHECK(!files_of(old.stream_dir(derived), ".seg").empty());
    CHECK(j.journal->stream_tops(ticks)->appended == old.top());
    CHECK(read_all(*j.journal).back()->last() == old.top());
  }
  SUBCASE("a derived stream that is not stored stays") {
    auto limits = old.days_before(3);
    limits.passed.erase(derived);
    REQUIRE(j.trimmer->trim(limits)->kept);
    CHECK(files_of(old.stream_dir(derived), ".seg").size() == derived_segments);
  }
}

TEST_CASE("of derived streams only what came from removed records goes") {
  const old_journal old;
  auto j = old.open();
  REQUIRE(j.trimmer->trim(old.days_before(2))->kept);
  const auto made = records_of(read_all(*j.journal, derived));
  REQUIRE(!made.empty());
  CHECK(made.front().at.seq > 1);
  std::set<std::uint64_t> causes;
  for (const auto& r : made) causes.insert(record::cause_of(r.header).at.seq);
  // Every record of the kept days is there.
  for (const auto& r : records_of(read_all(*j.journal))) {
    if (r.header.kind == record::kind::kite_frame) CHECK(causes.count(r.at.seq) == 1);
  }
}

TEST_CASE("an end in the middle of a removal is finished by the next start") {
  const old_journal old;
  const scratch copy;
  fs::copy(old.stream_dir(), copy.path() / ticks);
  {
    auto j = old.open();
    REQUIRE(j.trimmer->trim(old.days_before(2))->kept);
  }
  // As if the process had ended when the beginning was written and nothing removed yet.
  std::size_t back = 0;
  for (const auto& path : files_of(copy.path() / ticks, ".seg")) {
    const auto there = old.stream_dir() / path.filename();
    if (fs::exists(there)) continue;
    fs::copy(path, there);
    ++back;
  }
  REQUIRE(back != 0);
  const auto files = files_of(old.stream_dir(), ".seg").size();
  const auto beside = bridge::local::open_read_only(old.path());
  REQUIRE(beside);
  old.check_kept_from(*beside->journal, old.first_of(2));
  CHECK(files_of(old.stream_dir(), ".seg").size() == files);
  auto j = old.open();
  old.check_kept_from(*j.journal, old.first_of(2));
  CHECK(files_of(old.stream_dir(), ".seg").size() == files - back);
}

TEST_CASE("readers in what is removed go on where the journal begins now") {
  const old_journal old;
  auto j = old.open();
  auto reading = *j.journal->open_reader(ticks, {}, bridge::top::appended, {});
  REQUIRE(reading->pull(1)->size() == 1);
  auto behind = *j.journal->open_reader(ticks, {1, 10}, bridge::top::appended, {});
  REQUIRE(j.trimmer->trim(old.days_before(3))->kept);
  for (auto* r : {&reading, &behind}) {
    const auto rest = pull_to(**r, old.top().seq);
    REQUIRE(!rest.empty());
    for (const auto& b : rest) CHECK(!b->damaged);
    CHECK(rest.back()->last() == old.top());
  }
  // Nobody writes to files that are gone.
  auto w = *j.journal->open_writer(ticks, 2);
  REQUIRE(w->append(clock_record(open_time + 9 * market::day), 1, {}));
  j.journal->stop();
  CHECK(j.journal->stream_tops(ticks)->durable == record::position{2, old.top().seq + 1});
}

TEST_CASE("a loss that is not over, and what was unsubscribed, are told where the journal begins") {
  const scratch dir;
  auto j = must_open(options_in(dir.path()));
  auto w = *j.journal->open_writer(ticks, 1);
  const auto put = [&](market::mark m, market::timestamp at) {
    const auto p = w->append(mark_record(std::move(m), at), 1, {});
    REQUIRE(p);
    auto r = *j.journal->open_reader(ticks, {}, bridge::top::appended, {});
    REQUIRE(!pull_to(*r, p->seq).empty());
  };
  market::mark m;
  m.kind = market::mark_kind::epoch;
  put(m, open_time);
  m.kind = market::mark_kind::subscription;
  m.flag = 1;
  m.tokens = {1, 2, 3};
  put(m, open_time);
  m.flag = 0;
  m.tokens = {2};
  put(m, open_time);
  for (int i = 0; i < 5; ++i) put({}, open_time + i);
  m = {};
  m.kind = market::mark_kind::gap;
  m.flag = market::gap_begins;
  m.from = open_time + 3;
  m.cause = market::gap_cause::disconnected;
  put(m, open_time + 5);
  const auto last = w->next().seq - 1;
  put({}, open_time + market::day);
  REQUIRE(j.trimmer->trim({open_time + market::hour, {{ticks, {1, last}}}})->kept);
  const auto begin = read_all(*j.journal).front();
  REQUIRE(begin->marks.size() == 3);
  CHECK(begin->marks[1].tokens == std::vector<std::uint32_t>{1, 3});
  CHECK(begin->marks[2].kind == market::mark_kind::gap);
  CHECK(begin->marks[2].flag == market::gap_begins);
  CHECK(begin->marks[2].from == open_time + 3);
  CHECK(begin->marks[2].cause == market::gap_cause::disconnected);
}

TEST_CASE("losses of some instruments stand in the begin as far as they are not over") {
  using tokens = std::vector<std::uint32_t>;
  bridge::marks_in_force in_force;
  const auto gap = [&](std::uint8_t flag, tokens of) {
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.flag = flag;
    m.tokens = std::move(of);
    in_force.note(m);
  };
  const auto lost = [&] {
    std::vector<tokens> all;
    const auto block = in_force.block_before({1, 100}, open_time);
    for (const auto& m : block->marks) {
      if (m.kind == market::mark_kind::gap && m.flag == market::gap_begins) all.push_back(m.tokens);
    }
    return all;
  };
  gap(market::gap_begins, {1, 2, 3});
  gap(market::gap_begins, {7});
  CHECK(lost() == std::vector<tokens>{{1, 2, 3}, {7}});
  gap(market::gap_begins, {});
  CHECK(lost() == std::vector<tokens>{{}, {1, 2, 3}, {7}});
  market::mark subscribed;
  subscribed.kind = market::mark_kind::subscription;
  subscribed.flag = 1;
  subscribed.tokens = {2, 9};
  in_force.note(subscribed);
  CHECK(lost() == std::vector<tokens>{{}, {1, 3}, {7}});
  gap(0, {7});
  CHECK(lost() == std::vector<tokens>{{}, {1, 3}});
  gap(0, {});
  CHECK(lost().empty());
}

}  // namespace artham::test
