#include "bridge/redis/forwarder.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "bridge/common/fork.hpp"
#include "bridge/common/marks_in_force.hpp"
#include "bridge/common/record_walk.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/redis/waker.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr market::duration answer_limit = 5 * market::second;
/// No instrument: readers leave out blocks without marks.
constexpr std::uint32_t no_token[] = {0};

class forwarder_impl final : public forwarder {
 public:
  forwarder_impl(bridge& journal, redis_bridge& redis, forwarder_options o)
      : journal_(journal), redis_(redis), options_(std::move(o)) {
    for (std::uint32_t i = 0; i < options_.how.shards; ++i) {
      streams_.push_back(stream_in_shard(record::ticks_stream(), i, options_.how.shards));
    }
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "forward");
      run();
    });
  }
  ~forwarder_impl() override { stop(); }

  void stop() override {
    waker_.stop();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] forwarder_status status() const override {
    const std::lock_guard lock(mutex_);
    auto s = status_;
    s.up = !s.suffers && redis_.is_up();
    return s;
  }

 private:
  void run() {
    auto pause = options_.shortest_pause;
    while (!waker_.is_stopping()) {
      auto done = resume();
      if (done && ended_) return;
      const auto before = given_;
      if (done) done = forward();
      if (waker_.is_stopping()) return;
      if (given_ != before) pause = options_.shortest_pause;
      suffers(done.error());
      settle();
      if (!waker_.pause(pause)) return;
      pause = std::min(2 * pause, options_.longest_pause);
    }
  }

  void suffers(std::optional<error> e) {
    {
      const std::lock_guard lock(mutex_);
      if (status_.suffers == e) return;
      status_.suffers = e;
    }
    if (e) {
      runtime::log().warn("forwarding of {} waits: {}", record::ticks_stream(), e->message);
    } else {
      runtime::log().info("forwarding of {} goes on", record::ticks_stream());
    }
  }

  /// After a refusal: until the bridge has given up everything that was put.
  void settle() {
    while (!waker_.is_stopping() && !redis_.flush(options_.shortest_pause)) {
    }
  }

  /// Finds out where to go on in each shard.
  result<void> resume() {
    ends_.assign(streams_.size(), {});
    put_.clear();
    begin_ = {};
    const auto forked = find_fork(journal_, redis_, options_.how.shards, answer_limit);
    if (!forked) return tl::unexpected(forked.error());
    if (*forked) return end_at(**forked);
    bool is_empty = false;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const auto tops = redis_.stream_tops(streams_[i]);
      if (!tops) return tl::unexpected(tops.error());
      ends_[i] = tops->appended;
      is_empty = is_empty || ends_[i].seq == 0;
    }
    refilling_ = is_empty;
    if (is_empty) {
      if (auto ok = refill(); !ok) return ok;
    }
    const auto first = *std::ranges::min_element(ends_);
    auto r = journal_.open_reader(record::ticks_stream(), first, top::durable, {});
    if (!r) return tl::unexpected(r.error());
    reader_ = std::move(*r);
    give(first);
    return {};
  }

  void give(record::position upto) {
    given_ = upto;
    const std::lock_guard lock(mutex_);
    status_.position = upto;
  }

  result<void> end_at(record::position keep) {
    const auto tops = journal_.stream_tops(record::ticks_stream());
    if (!tops) return tl::unexpected(tops.error());
    const redis::fork f{keep, tops->appended <= keep};
    {
      const std::lock_guard lock(mutex_);
      status_.forked = f;
      ended_ = true;
    }
    runtime::log().error("{} in Redis goes on otherwise than this journal behind {}:{}",
                         record::ticks_stream(), keep.epoch, keep.seq);
    if (options_.on_fork) options_.on_fork(f);
    return {};
  }

  /// Shards that hold nothing begin with what is in force where they begin.
  result<void> refill() {
    const auto from = options_.refill_from ? options_.refill_from() : record::position{};
    const auto first = first_behind(from);
    if (!first) return tl::unexpected(first.error());
    if (!*first) return {};  // everything, from the journal's beginning
    const auto begin = in_force_before(**first);
    if (!begin) return tl::unexpected(begin.error());
    if (!*begin) return {};
    if (auto ok = put_objects(**begin); !ok) return ok;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (ends_[i].seq != 0) continue;
      if (auto ok = put(i, *begin, (*begin)->first()); !ok) return ok;
    }
    return {};
  }

  /// The first durable block behind `from`; null when that is the journal's beginning, or nothing.
  result<record::block_ptr> first_behind(record::position from) {
    if (from.seq == 0) return record::block_ptr{};
    auto r = journal_.open_reader(record::ticks_stream(), from, top::durable, {});
    if (!r) return tl::unexpected(r.error());
    const auto blocks = (*r)->pull(1);
    if (!blocks) return tl::unexpected(blocks.error());
    return blocks->empty() ? record::block_ptr{} : blocks->front();
  }

  result<record::block_ptr> in_force_before(const record::block& first) {
    marks_in_force in_force;
    auto epoch = first.epoch;
    auto r = journal_.open_reader(record::ticks_stream(), {}, top::durable, no_token);
    if (!r) return tl::unexpected(r.error());
    while (!waker_.is_stopping()) {
      const auto blocks = (*r)->pull(options_.batch);
      if (!blocks) return tl::unexpected(blocks.error());
      for (const auto& b : *blocks) {
        for (const auto& m : b->marks) {
          if (m.position >= first.first()) continue;
          in_force.note(m);
          epoch = m.position.epoch;
        }
      }
      if (blocks->empty() || blocks->back()->last() >= first.first()) break;
    }
    record::header h;
    std::memcpy(&h, first.payload.data(), std::min(first.payload.size(), sizeof h));
    const auto at = first.damaged ? first.marks.front().time : record::receive_time(h);
    return in_force.block_before({epoch, first.first_seq}, at);
  }

  /// Until something goes wrong.
  result<void> forward() {
    using clock = std::chrono::steady_clock;
    auto checked = clock::now();
    for (;;) {
      auto blocks = reader_->pull(options_.batch);
      if (!blocks) return tl::unexpected(blocks.error());
      for (const auto& b : *blocks) {
        if (auto ok = forward(b); !ok) return ok;
      }
      note_lag();
      if (!blocks->empty()) {
        checked = clock::now();
        if (auto ok = look(); !ok) return ok;
        continue;
      }
      reader_->when_ready(waker_.callback());
      if (!waker_.wait(options_.check_interval)) return stopped();
      if (auto ok = look(); !ok) return ok;
      if (clock::now() - checked < std::chrono::nanoseconds(options_.check_interval)) continue;
      checked = clock::now();
      if (auto ok = compare_ends(); !ok) return ok;
    }
  }

  result<void> forward(const record::block_ptr& b) {
    if (begin_.seq == 0) begin_ = b->first();
    if (auto ok = put_objects(*b); !ok) return ok;
    const auto parts = split_by_shard(b, options_.how);
    if (!parts) return tl::unexpected(parts.error());
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const auto& part = (*parts)[i];
      auto& end = ends_[i];
      if (!part || part->last() <= end) continue;
      const auto from = end.seq == 0 ? begin_ : record::position{end.epoch, end.seq + 1};
      if (auto ok = put(i, behind(part, end.seq), from); !ok) return ok;
    }
    give(b->last());
    return {};
  }

  /// Waits for room.
  result<void> put(std::size_t shard, const record::block_ptr& b, record::position from) {
    for (;;) {
      const auto taken = redis_.put_block(streams_[shard], b, from);
      if (taken) break;
      if (taken.error().code != errc::full) return taken;
      redis_.when_room(waker_.callback());
      if (!waker_.wait(options_.check_interval)) return stopped();
    }
    ends_[shard] = b->last();
    if (std::exchange(refilling_, false)) {
      const std::lock_guard lock(mutex_);
      ++status_.refills;
    }
    return {};
  }

  /// Contents come before the marks that name them.
  result<void> put_objects(const record::block& b) {
    for (const auto& m : b.marks) {
      for (const auto& hash : {m.hashes.settings, m.hashes.calendar, m.hashes.instruments}) {
        if (hash == market::content_hash{} || put_.contains(hash)) continue;
        const auto content = journal_.get_object(hash);
        if (content) {
          const auto done = redis_.put_object(*content);
          if (!done) return tl::unexpected(done.error());
        } else {
          runtime::log().error("a content that {} names is not forwarded: {}",
                               record::ticks_stream(), content.error().message);
        }
        put_.insert(hash);
      }
    }
    return {};
  }

  /// Hears of refusals. When everything is answered, all is well.
  result<void> look() {
    const auto answered = redis_.flush(0);
    if (answered) {
      suffers(std::nullopt);
    } else if (answered.error().code != errc::unavailable) {
      return answered;
    }
    return {};
  }

  /// Of streams that stand still: does Redis still have what was put?
  result<void> compare_ends() {
    if (!redis_.flush(0)) return {};
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const auto tops = redis_.stream_tops(streams_[i]);
      if (!tops) return tl::unexpected(tops.error());
      if (tops->appended == ends_[i]) continue;
      return fail(errc::conflict, "stream " + streams_[i] + " in Redis ends at " +
                                      std::to_string(tops->appended.epoch) + ":" +
                                      std::to_string(tops->appended.seq) +
                                      ", and not where this node left it");
    }
    return {};
  }

  void note_lag() {
    const auto lag = reader_->lag();
    const std::lock_guard lock(mutex_);
    status_.lag = lag;
  }

  [[nodiscard]] static tl::unexpected<error> stopped() {
    return fail(errc::unavailable, "forwarding was stopped");
  }

  bridge& journal_;
  redis_bridge& redis_;
  const forwarder_options options_;
  std::vector<std::string> streams_;
  waker waker_;

  mutable std::mutex mutex_;
  forwarder_status status_;  ///< under the lock

  // Of the thread.
  std::unique_ptr<reader> reader_;
  std::vector<record::position> ends_;  ///< of each shard's stream, what was put included
  record::position begin_;              ///< where empty shards' streams begin
  record::position given_;
  std::set<market::content_hash> put_;
  bool refilling_ = false;  ///< some shard is empty, and nothing was put since that was seen
  bool ended_ = false;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<forwarder> make_forwarder(bridge& journal, redis_bridge& redis,
                                          forwarder_options o) {
  return std::make_unique<forwarder_impl>(journal, redis, std::move(o));
}

}  // namespace artham::bridge::redis
