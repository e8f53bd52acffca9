#include "bridge/redis/follower.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "bridge/common/fork.hpp"
#include "bridge/common/shard_merge.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/redis/waker.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr market::duration answer_limit = 5 * market::second;
constexpr market::duration longest_wait = 2 * market::second;

class follower_impl final : public follower {
 public:
  follower_impl(bridge& journal, std::unique_ptr<replica> copy, bridge& redis, follower_options o)
      : journal_(journal), redis_(redis), options_(std::move(o)), copy_(std::move(copy)) {
    covered_.resize(options_.shards);
    status_.position = copy_->last();
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "follow");
      run();
    });
  }
  ~follower_impl() override { stop(); }

  void stop() override {
    waker_.stop();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] follower_status status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  [[nodiscard]] bool has_reached(std::span<const record::position> tops) const override {
    const std::lock_guard lock(mutex_);
    return reached(tops);
  }

  result<record::position> finish(std::vector<record::position> tops,
                                  market::duration limit) override {
    std::unique_lock lock(mutex_);
    wanted_ = std::move(tops);
    waker_.callback()();
    changed_.wait_for(lock, std::chrono::nanoseconds(limit), [&] { return status_.ended; });
    if (!status_.ended) {
      wanted_.reset();
      return fail(errc::unavailable, "the copy of " + record::ticks_stream() + " has reached " +
                                         std::to_string(status_.position.epoch) + ":" +
                                         std::to_string(status_.position.seq) +
                                         ", and not all that Redis has, in time");
    }
    if (failed_) return tl::unexpected(*failed_);
    if (!finished_) return stopped();
    return status_.position;
  }

 private:
  using blocks = std::vector<record::block_ptr>;

  void run() {
    while (!waker_.is_stopping()) {
      auto done = begin();
      if (done) done = follow();
      if (done || waker_.is_stopping()) break;
      const auto e = done.error();
      if (is_for_good(e)) {
        end_with(e);
        return;
      }
      suffers(e);
      readers_.clear();
      if (!waker_.pause(options_.pause)) break;
    }
    end();
  }

  [[nodiscard]] static bool is_for_good(const error& e) {
    return e.code == errc::conflict || e.code == errc::not_found || e.code == errc::corrupt ||
           e.code == errc::bad_input;
  }

  void suffers(std::optional<error> e) {
    const std::lock_guard lock(mutex_);
    if (e && status_.suffers != e)
      runtime::log().warn("following {} waits: {}", record::ticks_stream(), e->message);
    status_.suffers = std::move(e);
  }

  void end_with(const error& e) {
    std::optional<fork> f;
    if (e.code == errc::conflict) {
      const auto keep = find_fork(journal_, redis_, options_.shards, answer_limit);
      if (keep && *keep) f = fork{**keep, copy_->last() <= **keep};
    }
    runtime::log().error("following {} ends: {}", record::ticks_stream(), e.message);
    suffers(e);
    {
      const std::lock_guard lock(mutex_);
      failed_ = e;
    }
    end();
    if (options_.on_end) options_.on_end(e, f);
  }

  void end() {
    readers_.clear();
    copy_.reset();
    const std::lock_guard lock(mutex_);
    status_.ended = true;
    changed_.notify_all();
  }

  [[nodiscard]] bool reached(std::span<const record::position> tops) const {
    for (std::size_t i = 0; i < covered_.size() && i < tops.size(); ++i) {
      if (covered_[i] < tops[i].seq) return false;
    }
    return true;
  }

  [[nodiscard]] std::string stream(std::uint32_t shard) const {
    return stream_in_shard(record::ticks_stream(), shard, options_.shards);
  }

  /// Opens the shards behind the copy.
  result<void> begin() {
    auto after = copy_->last();
    if (after.seq == 0) {
      auto first = first_places();
      if (!first) return tl::unexpected(first.error());
      after = *first;
    } else {
      const auto forked = find_fork(journal_, redis_, options_.shards, answer_limit);
      if (!forked) return tl::unexpected(forked.error());
      if (*forked && (*forked)->seq < after.seq) {
        return fail(errc::conflict,
                    "the copy of " + record::ticks_stream() + " ends at " +
                        std::to_string(after.epoch) + ":" + std::to_string(after.seq) +
                        ", and Redis goes on otherwise behind " + std::to_string((*forked)->epoch) +
                        ":" + std::to_string((*forked)->seq));
      }
    }
    merge_.emplace(options_.shards, after, options_.frames);
    readers_.clear();
    for (std::uint32_t i = 0; i < options_.shards; ++i) {
      auto r = redis_.open_reader(stream(i), after, top::appended, {});
      if (!r) return tl::unexpected(r.error());
      readers_.push_back(std::move(*r));
    }
    return {};
  }

  /// What an empty copy begins behind: where the shard that begins last begins.
  result<record::position> first_places() {
    record::position first;
    for (std::uint32_t i = 0; i < options_.shards; ++i) {
      auto r = redis_.open_reader(stream(i), {}, top::appended, {});
      if (!r) return tl::unexpected(r.error());
      for (;;) {
        const auto found = (*r)->pull(1);
        if (!found) return tl::unexpected(found.error());
        if (!found->empty()) {
          first = std::max(first, found->front()->first());
          break;
        }
        (*r)->when_ready(waker_.callback());
        if (!waker_.wait(longest_wait)) return stopped();
        if (is_over()) break;
      }
    }
    if (first.seq != 0) --first.seq;
    return first;
  }

  /// Someone waits for the end of a stream that holds nothing.
  [[nodiscard]] bool is_over() const {
    const std::lock_guard lock(mutex_);
    return wanted_ && reached(*wanted_);
  }

  /// Until it is finished, or something goes wrong.
  result<void> follow() {
    for (;;) {
      const auto got = pull();
      if (!got) return tl::unexpected(got.error());
      auto complete = merge_->take();
      if (!complete) return tl::unexpected(complete.error());
      if (auto ok = append(*complete); !ok) return ok;
      note();
      if (is_over()) {
        auto rest = merge_->take_rest();
        if (!rest) return tl::unexpected(rest.error());
        if (auto ok = append(*rest); !ok) return ok;
        note();
        const std::lock_guard lock(mutex_);
        finished_ = true;
        return {};
      }
      if (*got) continue;
      for (const auto& r : readers_) r->when_ready(waker_.callback());
      if (!waker_.wait(longest_wait)) return stopped();
    }
  }

  /// From each shard, or, when much waits, from the one that the others wait for.
  result<bool> pull() {
    bool got = false;
    const bool much = merge_->waiting_bytes() > options_.wait_bytes;
    for (std::uint32_t i = 0; i < options_.shards; ++i) {
      if (much && i != merge_->slowest()) continue;
      const auto more = readers_[i]->pull(options_.batch);
      if (!more) return tl::unexpected(more.error());
      for (const auto& b : *more) {
        if (auto ok = merge_->push(i, b, b->first()); !ok) return tl::unexpected(ok.error());
      }
      got = got || !more->empty();
    }
    if (got) suffers(std::nullopt);
    return got;
  }

  result<void> append(const blocks& more) {
    for (const auto& b : more) {
      if (auto ok = fetch_objects(*b); !ok) return ok;
      for (;;) {
        const auto taken = copy_->append(b);
        if (taken) break;
        if (taken.error().code != errc::full) return taken;
        copy_->when_room(waker_.callback());
        if (!waker_.wait(longest_wait)) return stopped();
      }
    }
    return {};
  }

  /// Contents come before the marks that name them.
  result<void> fetch_objects(const record::block& b) {
    for (const auto& m : b.marks) {
      for (const auto& hash : {m.hashes.settings, m.hashes.calendar, m.hashes.instruments}) {
        if (hash == market::content_hash{} || known_.contains(hash)) continue;
        if (!journal_.get_object(hash)) {
          const auto content = redis_.get_object(hash);
          if (content) {
            const auto put = journal_.put_object(*content);
            if (!put) return tl::unexpected(put.error());
          } else if (content.error().code == errc::not_found) {
            runtime::log().error("a content that {} names is not in Redis: {}",
                                 record::ticks_stream(), content.error().message);
          } else {
            return tl::unexpected(content.error());
          }
        }
        known_.insert(hash);
      }
    }
    return {};
  }

  void note() {
    std::uint64_t lag = 0;
    for (const auto& r : readers_) lag = std::max(lag, r->lag());
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < options_.shards; ++i) covered_[i] = merge_->covered(i);
    status_.position = copy_->last();
    status_.lag = lag;
  }

  [[nodiscard]] static tl::unexpected<error> stopped() {
    return fail(errc::unavailable, "following was stopped");
  }

  bridge& journal_;
  bridge& redis_;
  const follower_options options_;
  waker waker_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  follower_status status_;  ///< these under the lock
  std::optional<error> failed_;
  bool finished_ = false;
  std::vector<std::uint64_t> covered_;                   ///< by shard
  std::optional<std::vector<record::position>> wanted_;  ///< tops at which it ends

  // Of the thread.
  std::unique_ptr<replica> copy_;
  std::optional<shard_merge> merge_;
  std::vector<std::unique_ptr<reader>> readers_;
  std::set<market::content_hash> known_;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<follower> make_follower(bridge& journal, std::unique_ptr<replica> copy,
                                        bridge& redis, follower_options o) {
  return std::make_unique<follower_impl>(journal, std::move(copy), redis, std::move(o));
}

}  // namespace artham::bridge::redis
