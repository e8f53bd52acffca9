#include "app/cluster/ingest_side.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "app/cluster/node_says.hpp"
#include "app/feature_rules.hpp"
#include "app/journal_rules.hpp"
#include "app/position_at.hpp"
#include "app/written_journal.hpp"
#include "bridge/common/fork.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/redis/kept_values.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_cutter.hpp"
#include "market/feature/shard_map.hpp"
#include "runtime/log.hpp"

namespace artham::app::cluster {

namespace {

/// For Redis to show what it has.
constexpr market::duration redis_patience = 10 * market::second;
constexpr std::chrono::seconds look_pause{2};
/// Nothing is forwarded before it is synced, so that all other nodes wait for the disk.
constexpr market::duration longest_unsynced = 2 * market::millisecond;
/// For what was journaled to reach Redis at the end.
constexpr std::chrono::seconds flush_patience{5};
const std::string ingest = "ingest";

}  // namespace

/// Ingesting, while this node holds the lease.
class ingest_side::ingest_unit final : public unit {
 public:
  explicit ingest_unit(ingest_side& side) : side_(side) {}
  ~ingest_unit() override { ingest_unit::stop(); }
  void stop() override {
    if (!std::exchange(ended_, true)) side_.end();
  }
  bool refence(std::uint64_t fence) override {
    side_.take_fence(fence);
    return true;
  }
  [[nodiscard]] bool is_over() const override { return side_.forked_; }

 private:
  ingest_side& side_;
  bool ended_ = false;
};

ingest_side::ingest_side(workshop& w, std::optional<std::filesystem::path> recording)
    : workshop_(w), recording_(std::move(recording)), own_fence_(w.data) {}

ingest_side::~ingest_side() {
  stop();
}

result<std::unique_ptr<ingest_side>> ingest_side::open(
    workshop& w, std::optional<std::filesystem::path> recording) {
  std::unique_ptr<ingest_side> made(new ingest_side(w, std::move(recording)));
  const auto names = config::builtin_calendar_names();
  auto calendars = load_calendar_set(names);
  if (!calendars) return tl::unexpected(calendars.error());
  made->calendars_ = std::move(*calendars);
  if (auto done = made->open_journal({}); !done) return tl::unexpected(done.error());
  return made;
}

result<void> ingest_side::open_journal(std::map<std::string, record::position> keep_until) {
  auto o = journal_options(*workshop_.settings, workshop_.data, *workshop_.metrics);
  o.keep_until = std::move(keep_until);
  o.sync_interval = std::min(o.sync_interval, longest_unsynced);
  auto opened = bridge::local::open(std::move(o));
  if (!opened) return tl::unexpected(opened.error());
  log_opening(opened->report);
  note_epoch(opened->journal->last_epoch());
  // What was moved out has used its epochs all the same.
  for (const auto& orphan : opened->report.orphans) note_epoch(orphan.last.epoch);
  journal_ = std::move(*opened);
  upkeep_options keep;
  keep.journal = workshop_.data / "journal";
  // Where a recording goes on is counted over its whole journal.
  keep.retention = recording_ ? 0 : workshop_.settings->journal.retention;
  for (const auto& entry : calendars_.by_name) keep.calendars.push_back(entry.second);
  keep.passed_ticks = [this] { return passed_by_all(); };
  keep.reserve = static_cast<std::uint64_t>(workshop_.settings->journal.reserve);
  auto upkeep = std::make_unique<journal_upkeep>(std::move(keep), *journal_.journal,
                                                 journal_.trimmer, nullptr, *workshop_.metrics);
  upkeep->began(journal_.report);
  const std::lock_guard lock(mutex_);
  upkeep_ = std::move(upkeep);
  return {};
}

result<record::position> ingest_side::passed_by_all() const {
  if (!workshop_.redis->is_up()) return record::position{};
  std::optional<record::position> least;
  for (std::uint32_t shard = 0; shard < workshop_.shards(); ++shard) {
    const auto passed = workshop_.redis->passed_by_all(
        bridge::stream_in_shard(record::ticks_stream(), shard, workshop_.shards()));
    if (!passed) return passed;
    least = std::min(least.value_or(*passed), *passed);
  }
  return least.value_or(record::position{});
}

void ingest_side::note_epoch(std::uint32_t epoch) {
  largest_epoch_ = std::max<std::uint32_t>(largest_epoch_, epoch);
}

result<void> ingest_side::leave_what_parted() {
  const auto kept =
      bridge::find_fork(*journal_.journal, *workshop_.redis, workshop_.shards(), redis_patience);
  if (!kept) return tl::unexpected(kept.error());
  if (!*kept) return {};
  const auto tops = journal_.journal->stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if ((**kept) == tops->appended) return {};
  // Its epochs go with what is moved out: none of them may be begun again.
  if (auto done = own_fence_.forget(); !done) return done;
  {
    const std::lock_guard lock(mutex_);
    upkeep_.reset();
  }
  journal_.journal->stop();
  journal_ = {};
  return open_journal({{record::ticks_stream(), **kept}});
}

void ingest_side::stand_by() {
  if (follower_ && follower_->status().ended) set(follower_, nullptr);
  if (follower_ || forwarder_ || !workshop_.redis->is_up()) return;
  if (auto left = leave_what_parted(); !left) {
    runtime::log().warn("ingest: cannot follow md:ticks yet: {}", left.error().message);
    return;
  }
  auto copy = journal_.replicator->open_replica(record::ticks_stream());
  if (!copy) {
    runtime::log().warn("ingest: cannot follow md:ticks yet: {}", copy.error().message);
    return;
  }
  bridge::redis::follower_options o;
  o.shards = workshop_.shards();
  o.frames = feed::kite::frame_cutter();
  o.on_end = [](const error& e, const std::optional<bridge::redis::fork>&) {
    runtime::log().warn("ingest: follows md:ticks no longer: {}", e.message);
  };
  set(follower_, bridge::redis::make_follower(*journal_.journal, std::move(*copy), *workshop_.redis,
                                              std::move(o)));
}

result<void> ingest_side::catch_up() {
  stand_by();
  if (!follower_) return fail(errc::unavailable, "md:ticks cannot be followed yet");
  std::vector<record::position> tops;
  for (std::uint32_t shard = 0; shard < workshop_.shards(); ++shard) {
    const auto t = workshop_.redis->stream_tops(
        bridge::stream_in_shard(record::ticks_stream(), shard, workshop_.shards()));
    if (!t) return tl::unexpected(t.error());
    tops.push_back(t->appended);
  }
  const auto end = follower_->finish(std::move(tops), redis_patience);
  if (!end) return tl::unexpected(end.error());
  set(follower_, nullptr);
  return {};
}

result<std::unique_ptr<unit>> ingest_side::begin(std::uint64_t fence) {
  if (auto done = catch_up(); !done) return tl::unexpected(done.error());
  return start(fence, static_cast<std::uint32_t>(fence * epochs_a_fence));
}

result<std::unique_ptr<unit>> ingest_side::begin_alone() {
  const auto epoch = own_fence_.next_epoch(largest_epoch_);
  if (!epoch) return std::unique_ptr<unit>();
  set(follower_, nullptr);
  runtime::log().warn(
      "ingest: Redis does not answer; this node ingested last, and journals alone until it does");
  return start(0, *epoch);
}

result<std::unique_ptr<unit>> ingest_side::start(std::uint64_t fence, std::uint32_t epoch) {
  // From here on whatever fails ends what has begun.
  auto made = std::make_unique<ingest_unit>(*this);
  const auto& s = *workshop_.settings;
  auto& journal = *journal_.journal;
  market_source_options o;
  o.settings = &s;
  o.data = workshop_.data;
  o.recording = recording_;
  o.journal = &journal;
  o.calendars = &calendars_;
  o.decoder = &workshop_.decoder;
  o.metrics = workshop_.metrics;
  o.demand = [control = workshop_.control](auto listener) {
    return std::make_shared<supervisors::subscription>(control->on_demand(std::move(listener)));
  };
  auto market = market_source::open(std::move(o));
  if (!market) return tl::unexpected(market.error());
  market_ = std::move(*market);
  auto settings = journal.put_object(config::canonical_text(s));
  auto calendars = journal.put_object(calendars_.text);
  auto instruments = journal.put_object(market::write_instruments(market_->instruments()));
  for (const auto* kept : {&settings, &calendars, &instruments}) {
    if (!*kept) return tl::unexpected(kept->error());
  }
  hashes_ = {*settings, *calendars, *instruments};
  {
    const std::lock_guard lock(mutex_);
    listed_on_ = market_->today();
    alone_ = fence == 0;
    if (const auto* own = market_->own_exchange()) finished_ = [own] { return own->finished(); };
  }
  if (fence != 0) {
    // Other nodes read the rules as soon as they hear of them.
    workshop_.redis->hold(ingest, fence);
    if (auto done = tell_rules(fence); !done) return tl::unexpected(done.error());
    if (auto done = own_fence_.set(fence); !done) return tl::unexpected(done.error());
  }
  forked_ = false;
  auto f = forwarding();
  bridge::redis::refiller_options r;
  r.how = f.how;
  r.server = workshop_.server;
  // What is brought back must not be what makes Redis full.
  r.answer_bytes = std::min(
      r.answer_bytes, static_cast<std::uint64_t>(workshop_.settings->bridge.redis.max_bytes) / 32);
  r.metrics = workshop_.metrics;
  set(forwarder_, bridge::redis::make_forwarder(journal, *workshop_.redis, std::move(f)));
  refiller_ = bridge::redis::make_refiller(journal, std::move(r));
  refiller_->hold(fence);
  auto ingestor = market_->ingestor(hashes_);
  ingestor.least_epoch = epoch;
  note_epoch(epoch);
  auto tree = workshop_.tree;
  tree.directory = std::make_shared<messages::directory>();
  if (auto done = workshop_.start_tree(supervisors::ingest_tree(tree, std::move(ingestor))); !done)
    return tl::unexpected(done.error());
  return made;
}

bridge::redis::forwarder_options ingest_side::forwarding() {
  const auto features = feature_setup_of(*workshop_.settings, calendars_, market_->instruments());
  const auto shards =
      std::make_shared<const market::feature::shard_map>(*features.plan, workshop_.shards());
  bridge::redis::forwarder_options f;
  f.how.shards = workshop_.shards();
  f.how.shard_of = [shards](std::uint32_t token) { return shards->of(token); };
  f.how.frames = feed::kite::frame_cutter();
  f.refill_from = [this, begin = day_begin_in(*journal_.journal, features.calendars)] {
    const auto newest = actors::newest_record_times(*journal_.journal);
    const auto at = newest && newest->market != 0 ? begin(newest->market)
                                                  : result<record::position>(record::position{});
    return at ? *at : record::position{};
  };
  f.on_fork = [this](const bridge::redis::fork& where) {
    runtime::log().error("ingest: md:ticks in Redis goes on behind ({}, {}) without this node",
                         where.keep.epoch, where.keep.seq);
    forked_ = true;
  };
  return f;
}

result<void> ingest_side::tell_rules(std::uint64_t fence) {
  for (const auto& hash : {hashes_.settings, hashes_.calendar, hashes_.instruments}) {
    const auto content = journal_.journal->get_object(hash);
    if (!content) return tl::unexpected(content.error());
    if (auto put = workshop_.redis->put_object(*content); !put) return tl::unexpected(put.error());
  }
  node_says rules;
  rules.in_force = hashes_;
  rules.listed_on = listed_on();
  auto kept = bridge::redis::make_kept_values(workshop_.server)
                  ->keep(ingest, fence, rules_in_force_name, to_json(rules));
  if (!kept) return kept;
  const std::lock_guard lock(mutex_);
  in_force_ = hashes_;
  return {};
}

void ingest_side::take_fence(std::uint64_t fence) {
  workshop_.redis->hold(ingest, fence);
  if (refiller_) refiller_->hold(fence);
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(alone_, false))
      runtime::log().info("ingest: has the lease again (fence {}): forwarding", fence);
  }
  if (auto done = own_fence_.set(fence); !done)
    runtime::log().warn("ingest: {}", done.error().message);
  // A Redis that forgot the lease has forgotten them too.
  untold_ = fence;
  next_look_ = {};
}

void ingest_side::gave_back() {
  if (auto done = own_fence_.forget(); !done)
    runtime::log().warn("ingest: {}", done.error().message);
}

void ingest_side::wait_until_forwarded() {
  const auto give_up = std::chrono::steady_clock::now() + flush_patience;
  const auto last = journal_.last_appended(record::ticks_stream());
  const auto is_forwarded = [&] { return forwarder_->status().position.seq >= last; };
  while (!is_forwarded() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto flushed = workshop_.redis->flush(market::second);
  if (!is_forwarded() || !flushed)
    runtime::log().warn(
        "ingest: not all of the journal is in Redis yet; it comes with the next start");
}

void ingest_side::end() {
  workshop_.stop_tree(ingest);
  // Epochs that it began by itself count, too.
  note_epoch(journal_.journal->last_epoch());
  bool alone = false;
  {
    const std::lock_guard lock(mutex_);
    in_force_.reset();
    alone = std::exchange(alone_, false);
    finished_ = nullptr;
  }
  untold_ = 0;
  refiller_.reset();
  if (forwarder_) {
    if (!forked_ && !alone) wait_until_forwarded();
    forwarder_->stop();
    set(forwarder_, nullptr);
  }
  workshop_.redis->hold(ingest, 0);
  if (market_) market_->stop();
  market_.reset();
}

void ingest_side::look() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + look_pause;
  if (untold_ != 0) {
    if (auto told = tell_rules(untold_); told) {
      untold_ = 0;
    } else {
      runtime::log().warn("ingest: what is in force is not in Redis yet: {}", told.error().message);
    }
  }
  // Not under the lock, which those wait for who tell how this node is.
  if (upkeep_) upkeep_->look();
}

void ingest_side::stop() {
  if (follower_) follower_->stop();
  follower_.reset();
  if (journal_.journal) journal_.journal->stop();
}

std::optional<market::config_hashes> ingest_side::in_force() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

market::date ingest_side::listed_on() const {
  const std::lock_guard lock(mutex_);
  return listed_on_;
}

bool ingest_side::is_alone() const {
  const std::lock_guard lock(mutex_);
  return alone_;
}

nlohmann::json ingest_side::status() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json j{{"ingests", in_force_.has_value()}, {"alone", alone_}};
  if (upkeep_) j["journal"] = upkeep_->status();
  if (finished_) j["exchange"] = {{"finished", finished_()}};
  if (follower_) {
    const auto s = follower_->status();
    j["follows"] = {{"epoch", s.position.epoch}, {"seq", s.position.seq}, {"lag", s.lag}};
  }
  if (forwarder_) {
    const auto s = forwarder_->status();
    j["forwards"] = {{"epoch", s.position.epoch},
                     {"seq", s.position.seq},
                     {"lag", s.lag},
                     {"refills", s.refills}};
  }
  return j;
}

}  // namespace artham::app::cluster
