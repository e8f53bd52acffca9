#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/common/fork.hpp"
#include "bridge/common/shard_merge.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/redis/follower.hpp"
#include "bridge/redis/forwarder.hpp"
#include "bridge/redis/refiller.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/bridge/scratch.hpp"
#include "tests/bridge/shard_samples.hpp"
#include "tests/support/eventually.hpp"

using namespace artham;
using namespace artham::test;
namespace local = artham::bridge::local;
namespace redis = artham::bridge::redis;
using bridge::top;

namespace {

constexpr market::duration patience = 30 * market::second;

bool in_time(const std::function<bool()>& condition) {
  return eventually(condition, std::chrono::seconds(30));
}

/// A node's journal, and what stands around it.
class node {
 public:
  explicit node(std::uint32_t shards) : shards_(shards) { open(); }

  void open(std::optional<record::position> keep = std::nullopt) {
    local::options o;
    o.dir = dir_.path() / "journal";
    o.sync_interval = market::millisecond;
    o.reserve_bytes = 0;
    o.max_block_records = 50;
    if (keep) o.keep_until["md:ticks"] = *keep;
    auto opened = local::open(o);
    REQUIRE(opened);
    journal = std::move(*opened);
  }
  void close() {
    refill.reset();
    forward.reset();
    follow.reset();
    writer_.reset();
    copy_.reset();
    if (bridge) bridge->stop();
    bridge.reset();
    journal = {};
  }

  void connect(const redis_server& server, std::uint64_t fence, market::duration refill_wait = 0) {
    auto o = options_for(server);
    o.refill_wait = refill_wait;
    o.upkeep = market::hour;
    bridge = open_or_fail(o);
    if (fence != 0) {
      mint(server, "ingest", fence);
      bridge->hold("ingest", fence);
    }
  }
  void begin_forwarding(record::position refill_from = {}) {
    redis::forwarder_options o;
    o.how = sharding_of(shards_);
    o.check_interval = 50 * market::millisecond;
    o.shortest_pause = 5 * market::millisecond;
    o.refill_from = [refill_from] { return refill_from; };
    o.on_fork = [this](const redis::fork& f) {
      const std::lock_guard lock(mutex_);
      forked_ = f;
    };
    forward = redis::make_forwarder(*journal.journal, *bridge, o);
  }
  void begin_refilling(const redis_server& server, std::uint64_t fence,
                       std::uint64_t answer_bytes = 4U << 20U) {
    redis::refiller_options o;
    o.how = sharding_of(shards_);
    o.server = options_for(server).server;
    o.answer_bytes = answer_bytes;
    o.look_interval = 5 * market::millisecond;
    o.metrics = &metrics;
    refill = redis::make_refiller(*journal.journal, o);
    refill->hold(fence);
  }
  void begin_following() {
    auto copy = journal.replicator->open_replica("md:ticks");
    REQUIRE(copy);
    redis::follower_options o;
    o.shards = shards_;
    o.frames = feed::kite::frame_cutter();
    o.pause = 5 * market::millisecond;
    o.on_end = [this](const error& e, const std::optional<redis::fork>& f) {
      const std::lock_guard lock(mutex_);
      ended_ = e;
      forked_ = f;
    };
    follow = redis::make_follower(*journal.journal, std::move(*copy), *bridge, o);
  }

  /// Random records behind what the journal has, with the marks that begin an epoch.
  void write(random_ticks& random, std::uint32_t epoch, int blocks) {
    if (!copy_) {
      auto copy = journal.replicator->open_replica("md:ticks");
      REQUIRE(copy);
      copy_ = std::move(*copy);
    }
    const auto last = copy_->last();
    random.go_to(last.seq + 1);
    if (last.epoch != epoch) append(epoch_block(random, epoch));
    for (int i = 0; i < blocks; ++i) append(random.block(epoch));
  }
  void end_writing() {
    wait_durable();
    copy_.reset();
  }
  /// As a take-over does.
  void begin_epoch(std::uint32_t epoch) {
    auto w = journal.journal->open_writer("md:ticks", epoch);
    REQUIRE(w);
    writer_ = std::move(*w);
    const auto at = writer_->append(clock_record(open_time), 1, {});
    REQUIRE(at);
    written_ = *at;
    follow.reset();
  }

  [[nodiscard]] record::position top() const {
    return journal.journal->stream_tops("md:ticks")->durable;
  }
  /// Everything that was appended here.
  void wait_durable() {
    const auto end = copy_ ? copy_->last() : follow ? follow->status().position : written_;
    REQUIRE(in_time([&] { return top() >= end; }));
  }
  [[nodiscard]] std::vector<record::block_ptr> all(record::position after = {}) const {
    auto r = journal.journal->open_reader("md:ticks", after, top::durable, {});
    REQUIRE(r);
    const auto last = top();
    return last.seq <= after.seq ? std::vector<record::block_ptr>{} : pull_to(**r, last.seq);
  }
  [[nodiscard]] std::string bytes(record::position after = {}) const {
    return bytes_of(all(after));
  }
  [[nodiscard]] std::optional<redis::fork> forked() const {
    const std::lock_guard lock(mutex_);
    return forked_;
  }
  [[nodiscard]] std::optional<error> ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  local::opened journal;
  std::unique_ptr<redis::redis_bridge> bridge;
  std::unique_ptr<redis::forwarder> forward;
  std::unique_ptr<redis::follower> follow;
  runtime::metrics metrics;
  std::unique_ptr<redis::refiller> refill;

 private:
  void append(const record::block_ptr& b) { REQUIRE(copy_->append(b)); }
  record::block_ptr epoch_block(random_ticks& random, std::uint32_t epoch) {
    const auto settings = journal.journal->put_object("settings of epoch " + std::to_string(epoch));
    REQUIRE(settings);
    market::mark m;
    m.kind = market::mark_kind::epoch;
    m.time = m.wall = open_time;
    m.hashes.settings = *settings;
    m.position = {epoch, random.next()};
    bridge::block_maker b(m.position);
    b.add_mark(record::with_times(record::kind::mark, 1, m.time, m.wall), record::encode(m), m);
    random.skip(1);
    return b.finish();
  }

  std::uint32_t shards_;
  scratch dir_;
  std::unique_ptr<bridge::replica> copy_;
  std::unique_ptr<bridge::writer> writer_;
  record::position written_;
  mutable std::mutex mutex_;
  std::optional<redis::fork> forked_;
  std::optional<error> ended_;
};

/// What Redis has, put together.
std::vector<record::block_ptr> in_redis(redis::redis_bridge& b, std::uint32_t shards,
                                        record::position after = {}) {
  bridge::shard_merge merge(shards, after, feed::kite::frame_cutter());
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto name = bridge::stream_in_shard("md:ticks", i, shards);
    const auto tops = b.stream_tops(name);
    REQUIRE(tops);
    if (tops->appended.seq <= after.seq) continue;
    auto r = b.open_reader(name, after, top::appended, {});
    REQUIRE(r);
    for (const auto& block : pull_to(**r, tops->appended.seq)) {
      REQUIRE(merge.push(i, block, block->first()));
    }
  }
  auto rest = merge.take_rest();
  REQUIRE(rest);
  return *rest;
}

/// Everything that is durable has come.
bool is_forwarded(node& n) {
  n.wait_durable();
  const bool done = in_time([&] {
    const auto s = n.forward->status();
    return s.position == n.top() && s.up && n.bridge->flush(0).has_value();
  });
  const auto s = n.forward->status();
  const auto flushed = n.bridge->flush(0);
  CHECK_MESSAGE(done, "given " << s.position.seq << " of " << n.top().seq << ", lag " << s.lag
                               << ", up " << n.bridge->is_up() << ": "
                               << (s.suffers ? s.suffers->message : "") << " "
                               << (flushed ? "" : flushed.error().message));
  return done;
}

std::vector<record::position> tops_in(redis::redis_bridge& b, std::uint32_t shards) {
  std::vector<record::position> tops;
  for (std::uint32_t i = 0; i < shards; ++i) {
    tops.push_back(b.stream_tops(bridge::stream_in_shard("md:ticks", i, shards))->appended);
  }
  return tops;
}

}  // namespace

TEST_CASE("a journal comes into Redis and out of it again, byte for byte") {
  for (const std::uint32_t shards : {1U, 3U}) {
    CAPTURE(shards);
    const redis_server server;
    node a(shards);
    node b(shards);
    random_ticks random(shards);
    a.write(random, 1, 200);
    a.connect(server, 1);
    b.connect(server, 0);
    a.begin_forwarding();
    b.begin_following();
    a.write(random, 1, 100);
    a.write(random, 2, 100);
    REQUIRE(is_forwarded(a));
    CHECK(bytes_of(in_redis(*a.bridge, shards)) == a.bytes());
    const auto end = b.follow->finish(tops_in(*b.bridge, shards), patience);
    REQUIRE(end);
    CHECK(*end == a.top());
    b.wait_durable();
    CHECK(b.bytes() == a.bytes());
    CHECK(marks_of(b.all()) == marks_of(a.all()));
    // The contents that the marks name came, too.
    for (const auto& m : marks_of(b.all())) {
      if (m.hashes.settings == market::content_hash{}) continue;
      CHECK(b.journal.journal->get_object(m.hashes.settings) ==
            "settings of epoch " + std::to_string(m.position.epoch));
    }
    CHECK(a.forward->status().refills == 1);
    CHECK(a.forward->status().lag == 0);
    CHECK_FALSE(a.forked());
    // The copy is let go of: a take-over begins an epoch behind it.
    b.begin_epoch(3);
  }
}

TEST_CASE("killed servers, broken connections: nothing twice, nothing lost") {
  for (const std::uint32_t shards : {1U, 3U}) {
    CAPTURE(shards);
    redis_server server;
    node a(shards);
    node b(shards);
    random_ticks random(10 + shards);
    a.connect(server, 1);
    b.connect(server, 0);
    a.begin_forwarding();
    b.begin_following();
    for (int i = 0; i < 5; ++i) {
      a.write(random, 1, 60);
      server.kill();
      a.write(random, 1, 40);
      server.start();
      if (i % 2 == 1) REQUIRE(is_forwarded(a));
    }
    REQUIRE(is_forwarded(a));
    CHECK(bytes_of(in_redis(*a.bridge, shards)) == a.bytes());
    REQUIRE(b.follow->finish(tops_in(*b.bridge, shards), patience));
    b.wait_durable();
    CHECK(b.bytes() == a.bytes());
  }
}

TEST_CASE("a forwarder that starts again goes on where Redis ends") {
  const redis_server server;
  node a(3);
  random_ticks random(21);
  for (int i = 0; i < 4; ++i) {
    a.connect(server, 1);
    a.write(random, 1, 50);
    a.begin_forwarding();
    if (i % 2 == 0) REQUIRE(is_forwarded(a));
    a.forward->stop();
    a.close();
    a.open();
  }
  a.connect(server, 1);
  a.begin_forwarding();
  REQUIRE(is_forwarded(a));
  CHECK(bytes_of(in_redis(*a.bridge, 3)) == a.bytes());
}

TEST_CASE("an emptied Redis is filled again, from where the day began") {
  for (const std::uint32_t shards : {1U, 3U}) {
    CAPTURE(shards);
    const redis_server server;
    node a(shards);
    node b(shards);
    random_ticks random(30 + shards);
    a.write(random, 1, 100);
    a.wait_durable();
    const auto day = a.top();
    a.write(random, 1, 100);
    a.connect(server, 1);
    b.connect(server, 0);
    a.begin_forwarding(day);
    REQUIRE(is_forwarded(a));
    for (int i = 0; i < 3; ++i) {
      const auto refills = a.forward->status().refills;
      server.cli({"FLUSHALL"});
      mint(server, "ingest", 1);
      if (i == 1) a.write(random, 1, 10);  // else it is seen though nothing comes
      REQUIRE(in_time([&] { return a.forward->status().refills > refills; }));
      REQUIRE(is_forwarded(a));
    }
    // Behind the day's beginning everything, and before it one config mark and what is subscribed.
    CHECK(bytes_of(in_redis(*a.bridge, shards, day)) == a.bytes(day));
    b.begin_following();
    REQUIRE(b.follow->finish(tops_in(*b.bridge, shards), patience));
    b.wait_durable();
    CHECK(b.bytes(day) == a.bytes(day));
    const auto marks = marks_of(b.all());
    REQUIRE_FALSE(marks.empty());
    CHECK(marks.front().kind == market::mark_kind::config);
    CHECK(marks.front().position < record::position{1, day.seq + 1});
    CHECK(b.journal.journal->get_object(marks.front().hashes.settings) == "settings of epoch 1");
  }
}

TEST_CASE("one shard's stream that was removed is filled again") {
  const redis_server server;
  node a(3);
  random_ticks random(41);
  a.write(random, 1, 100);
  a.connect(server, 1);
  a.begin_forwarding();
  REQUIRE(is_forwarded(a));
  const auto refills = a.forward->status().refills;
  server.cli({"DEL", "md:ticks:1"});
  server.cli({"HDEL", "artham:tops", "md:ticks:1"});
  REQUIRE(in_time([&] { return a.forward->status().refills > refills; }));
  a.write(random, 1, 20);
  REQUIRE(is_forwarded(a));
  CHECK(bytes_of(in_redis(*a.bridge, 3)) == a.bytes());
}

TEST_CASE("a Redis that lost its end gets it again") {
  for (const std::uint32_t shards : {1U, 3U}) {
    CAPTURE(shards);
    redis_server server;
    node a(shards);
    node b(shards);
    random_ticks random(50 + shards);
    a.connect(server, 1);
    b.connect(server, 0);
    a.begin_forwarding();
    b.begin_following();
    for (int i = 0; i < 3; ++i) {
      a.write(random, 1, 80);
      REQUIRE(is_forwarded(a));
      const auto whole = a.bytes();
      server.kill();
      server.cut_append_only_file(3'000);
      if (i == 1) a.write(random, 1, 20);
      server.start();
      REQUIRE(in_time([&] {
        for (const auto& t : tops_in(*a.bridge, shards)) {
          if (t.seq == 0) return false;
        }
        return bytes_of(in_redis(*a.bridge, shards)) == a.bytes();
      }));
    }
    REQUIRE(b.follow->finish(tops_in(*b.bridge, shards), patience));
    b.wait_durable();
    CHECK(b.bytes() == a.bytes());
  }
}

TEST_CASE("who was overtaken finds where the ways part, gives up its end and follows") {
  for (const std::uint32_t shards : {1U, 3U}) {
    CAPTURE(shards);
    const redis_server server;
    node a(shards);
    node b(shards);
    random_ticks random(60 + shards);
    a.connect(server, 1);
    b.connect(server, 0);
    a.begin_forwarding();
    b.begin_following();
    a.write(random, 1, 100);
    REQUIRE(is_forwarded(a));
    const auto common = a.top();
    // Another node takes the lease; this one goes on writing, and begins an epoch of its own.
    a.forward->stop();
    b.bridge->hold("ingest", 2);
    mint(server, "ingest", 2);
    REQUIRE(b.follow->finish(tops_in(*b.bridge, shards), patience));
    b.wait_durable();
    CHECK(b.top() == common);
    random_ticks other(90 + shards);
    b.write(other, 3, 100);
    b.begin_forwarding();
    REQUIRE(is_forwarded(b));
    a.write(random, 1, 10);
    a.write(random, 2, 30);
    a.wait_durable();
    const auto tail = a.bytes(common);

    a.begin_forwarding();
    REQUIRE(in_time([&] { return a.forked().has_value(); }));
    CHECK(a.forked()->keep == common);
    CHECK_FALSE(a.forked()->is_beyond);
    CHECK(a.forward->status().forked.has_value());
    // So does a follower of that journal.
    a.forward.reset();
    a.end_writing();
    a.begin_following();
    REQUIRE(in_time([&] { return a.ended().has_value(); }));
    CHECK(a.ended()->code == errc::conflict);
    CHECK(a.forked()->keep == common);

    a.close();
    a.open(common);
    REQUIRE(a.journal.report.orphans.size() == 1);
    const auto orphan = local::open_read_only(a.journal.report.orphans.front().dir);
    REQUIRE(orphan);
    auto r = orphan->journal->open_reader("md:ticks", {}, top::appended, {});
    REQUIRE(r);
    const auto end = orphan->journal->stream_tops("md:ticks")->appended;
    CHECK(bytes_of(pull_to(**r, end.seq)) == tail);
    a.connect(server, 0);
    a.begin_following();
    REQUIRE(a.follow->finish(tops_in(*a.bridge, shards), patience));
    a.wait_durable();
    CHECK(a.bytes() == b.bytes());
  }
}

TEST_CASE("a journal that Redis has gone beyond only follows") {
  const redis_server server;
  node a(3);
  random_ticks random(71);
  a.write(random, 1, 100);
  a.connect(server, 1);
  a.begin_forwarding();
  REQUIRE(is_forwarded(a));
  node late(3);
  late.connect(server, 0);
  late.begin_forwarding();
  REQUIRE(in_time([&] { return late.forked().has_value(); }));
  CHECK(late.forked()->is_beyond);
  CHECK(late.forked()->keep == record::position{});
}

TEST_CASE("without the lease nothing is written; with it everything comes") {
  const redis_server server;
  node a(1);
  random_ticks random(81);
  a.write(random, 1, 50);
  a.connect(server, 0);
  a.begin_forwarding();
  REQUIRE(in_time([&] { return a.forward->status().suffers.has_value(); }));
  CHECK_FALSE(a.forward->status().up);
  CHECK(tops_in(*a.bridge, 1).front() == record::position{});
  mint(server, "ingest", 7);
  a.bridge->hold("ingest", 7);
  REQUIRE(is_forwarded(a));
  // Another one takes it, and gives it back.
  mint(server, "ingest", 8);
  const auto before = tops_in(*a.bridge, 1);
  a.write(random, 1, 5);
  REQUIRE(in_time([&] { return a.forward->status().suffers.has_value(); }));
  CHECK(tops_in(*a.bridge, 1) == before);
  a.bridge->hold("ingest", 8);
  REQUIRE(is_forwarded(a));
  CHECK(bytes_of(in_redis(*a.bridge, 1)) == a.bytes());
}

TEST_CASE("what died between two shards is taken in part, with places for the rest") {
  const redis_server server;
  node a(2);
  node b(2);
  random_ticks random(91);
  a.write(random, 1, 60);
  a.wait_durable();
  a.connect(server, 1);
  b.connect(server, 0);
  // Shard 1 gets less than shard 0.
  const auto blocks = a.all();
  const auto how = sharding_of(2);
  record::position ends[2];
  for (std::uint32_t i = 0; i < 2; ++i) {
    for (const auto& whole : blocks) {
      if (i == 1 && whole->first_seq > a.top().seq / 2) break;
      const auto parts = bridge::split_by_shard(whole, how);
      REQUIRE(parts);
      const auto& part = (*parts)[i];
      if (!part) continue;
      const auto from = ends[i].seq == 0 ? record::position{1, 1}
                                         : record::position{ends[i].epoch, ends[i].seq + 1};
      REQUIRE(a.bridge->put_block(bridge::stream_in_shard("md:ticks", i, 2), part, from));
      ends[i] = part->last();
    }
  }
  REQUIRE(a.bridge->flush(patience));
  REQUIRE(ends[1] < ends[0]);
  b.begin_following();
  const auto end = b.follow->finish(tops_in(*b.bridge, 2), patience);
  REQUIRE(end);
  b.wait_durable();
  CHECK(b.top().seq == ends[0].seq);
  CHECK(bytes_of(in_redis(*b.bridge, 2)) == b.bytes());
  // Its own forwarder finds nothing to complain of, and goes on behind.
  b.begin_epoch(2);
  mint(server, "ingest", 2);
  b.bridge->hold("ingest", 2);
  b.begin_forwarding();
  REQUIRE(is_forwarded(b));
  CHECK_FALSE(b.forked());
  CHECK(bytes_of(in_redis(*b.bridge, 2)) == b.bytes());
}

namespace {

/// Removes all but the newest entries of every shard, as a forced trim does.
void trim_all(const redis_server& server, std::uint32_t shards, int kept) {
  for (std::uint32_t i = 0; i < shards; ++i) {
    server.cli({"XTRIM", bridge::stream_in_shard("md:ticks", i, shards), "MAXLEN", "=",
                std::to_string(kept)});
  }
}

/// A position between two blocks, with something before it and much behind.
record::position early(const node& a) {
  return a.all()[5]->last();
}

}  // namespace

TEST_CASE("what a forced trim took from a reader comes from the journal, byte for byte") {
  for (const std::uint32_t shards : {1U, 3U}) {
    for (const std::uint64_t answer_bytes : {1ULL, 20'000ULL, 4ULL << 20U}) {
      CAPTURE(shards);
      CAPTURE(answer_bytes);
      const redis_server server;
      node a(shards);
      node b(shards);
      random_ticks random(60 + shards);
      a.write(random, 1, 120);
      a.connect(server, 1);
      b.connect(server, 0, patience);
      a.begin_forwarding();
      a.write(random, 2, 60);
      REQUIRE(is_forwarded(a));
      trim_all(server, shards, 1);
      a.write(random, 3, 60);
      REQUIRE(is_forwarded(a));
      const auto from = early(a);
      a.begin_refilling(server, 1, answer_bytes);
      CHECK(bytes_of(in_redis(*b.bridge, shards, from)) == a.bytes(from));
      CHECK(marks_of(in_redis(*b.bridge, shards, from)) == marks_of(a.all(from)));
      // Nothing stays behind.
      REQUIRE(in_time([&] { return server.cli({"EXISTS", "artham:refills"}) == "0"; }));
      CHECK(server.cli({"--scan", "--pattern", "artham:refill:*"}).empty());
    }
  }
}

TEST_CASE("a consumer is refilled too, while ticks come and are trimmed again and again") {
  const redis_server server;
  node a(2);
  node b(2);
  random_ticks random(71);
  a.write(random, 1, 60);
  a.connect(server, 1);
  b.connect(server, 0, patience);
  a.begin_forwarding();
  a.begin_refilling(server, 1, 5'000);
  REQUIRE(is_forwarded(a));
  const auto from = early(a);
  auto r = b.bridge->open_consumer("md:ticks:1", from, "tick_store/1");
  REQUIRE(r);
  std::vector<record::block_ptr> got;
  const auto take = [&] {
    auto more = (*r)->pull(20);
    REQUIRE(more);
    for (auto& x : *more) got.push_back(std::move(x));
  };
  for (int i = 0; i < 10; ++i) {
    a.write(random, 1, 40);
    REQUIRE(is_forwarded(a));
    trim_all(server, 2, 1);
    take();
  }
  const auto end = b.bridge->stream_tops("md:ticks:1")->appended;
  REQUIRE(in_time([&] {
    take();
    return !got.empty() && got.back()->last() >= end;
  }));
  const auto how = sharding_of(2);
  std::string expected;
  std::string is;
  for (const auto& block : a.all(from)) {
    const auto parts = bridge::split_by_shard(block, how);
    REQUIRE(parts);
    if (!(*parts)[1]) continue;
    for (const auto& x : records_of({(*parts)[1]})) {
      if (x.header.kind != record::kind::elsewhere) expected += std::to_string(x.at.seq) + x.body;
    }
  }
  std::uint64_t next = from.seq + 1;
  for (const auto& x : records_of(got)) {
    if (x.header.kind != record::kind::elsewhere) is += std::to_string(x.at.seq) + x.body;
  }
  for (const auto& block : got) {
    CHECK(block->first_seq == next);
    CHECK_FALSE(block->damaged);
    next = block->last().seq + 1;
  }
  CHECK(is == expected);
}

TEST_CASE("what no journal has, or nobody who may says, is a gap") {
  const redis_server server;
  node a(1);
  node b(1);
  random_ticks random(81);
  a.write(random, 1, 60);
  a.connect(server, 1);
  a.begin_forwarding();
  REQUIRE(is_forwarded(a));
  a.write(random, 2, 5);
  REQUIRE(is_forwarded(a));
  trim_all(server, 1, 1);
  const auto from = early(a);
  const auto is_gap = [&] {
    auto r = b.bridge->open_reader("md:ticks", from, top::appended, {});
    REQUIRE(r);
    const auto blocks = pull_to(**r, a.top().seq);
    REQUIRE(!blocks.empty());
    return blocks.front()->damaged && blocks.front()->first_seq == from.seq + 1;
  };
  SUBCASE("nobody answers") {
    b.connect(server, 0, 200 * market::millisecond);
    CHECK(is_gap());
  }
  SUBCASE("another holds the lease") {
    b.connect(server, 0, 500 * market::millisecond);
    a.begin_refilling(server, 2);
    CHECK(is_gap());
  }
  SUBCASE("another journal") {
    b.connect(server, 0, patience);
    node c(1);
    random_ticks other(82);
    c.write(other, 7, 3);
    c.wait_durable();
    c.begin_refilling(server, 1);
    CHECK(is_gap());
  }
}

TEST_CASE("what all consumers have passed is known when all that are awaited have been there") {
  const redis_server server;
  auto o = options_for(server);
  o.awaited = {"bars", "tick_store"};
  const auto b = open_with_leases(server, o);
  for (std::uint64_t seq = 1; seq <= 500; seq += 100) {
    put_ticks(*b, seq, seq + 99, 100);
    REQUIRE(b->flush(patience));
  }
  const auto passed = [&] {
    const auto p = b->passed_by_all("md:ticks");
    REQUIRE(p);
    return *p;
  };
  CHECK(passed() == record::position{});
  auto r = b->open_consumer("md:ticks", {1, 100}, "tick_store");
  REQUIRE(r);
  REQUIRE(are_ticks(pull_to(**r, 500), 101, 500));
  b->passed("md:ticks", "tick_store", {1, 350});
  b->passed("md:ticks", "other", {1, 480});
  REQUIRE(in_time([&] { return b->passed_by("md:ticks", "other")->seq == 480; }));
  CHECK(passed() == record::position{});
  b->passed("md:ticks", "bars", {1, 490});
  // Of what the store has not committed the first entry begins at 301.
  REQUIRE(in_time([&] { return passed().seq != 0; }));
  CHECK(passed() == record::position{1, 300});
  b->passed("md:ticks", "tick_store", {1, 500});
  b->passed("md:ticks", "bars", {1, 200});
  b->passed("md:ticks", "bars", {1, 500});
  CHECK(in_time([&] { return passed() == record::position{1, 400}; }));
  // It was overtaken: it needs what is not there any more.
  server.cli({"HSET", "artham:cursors:md:ticks", "bars", "1-150"});
  server.cli({"XTRIM", "md:ticks", "MAXLEN", "=", "2"});
  CHECK(passed() == record::position{1, 150});
  CHECK(b->passed_by("md:ticks", "bars") == record::position{1, 150});
  CHECK(b->passed_by("md:ticks", "nobody") == record::position{});
}
