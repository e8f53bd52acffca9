#include "bridge/memory/memory.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "bridge/common/content.hpp"
#include "bridge/common/record_walk.hpp"
#include "bridge/common/stream_rules.hpp"

namespace artham::bridge::memory {
namespace {

/// One stream. `pending` is what was appended since the last pull; its positions are already taken.
struct stream {
  mutable std::mutex mutex;
  std::uint64_t max_block_records = 0;
  std::deque<record::block_ptr> blocks;
  std::shared_ptr<record::block> pending;
  std::uint64_t next_seq = 1;
  std::uint32_t epoch = 0;       ///< of the writer that is or was last open
  std::uint32_t last_epoch = 0;  ///< of the last record
  bool has_writer = false;
  std::map<std::uint32_t, std::uint64_t> epoch_starts;
  std::map<const reader*, std::function<void()>> waiting;

  void seal() {
    if (pending) blocks.push_back(std::exchange(pending, nullptr));
  }
};
using stream_ptr = std::shared_ptr<stream>;

class memory_writer final : public writer {
 public:
  memory_writer(stream_ptr s, std::string name, std::uint32_t epoch)
      : stream_(std::move(s)), name_(std::move(name)), epoch_(epoch) {}
  ~memory_writer() override {
    const std::lock_guard lock(stream_->mutex);
    stream_->has_writer = false;
  }

  result<record::position> append(std::string_view records, std::uint64_t count,
                                  std::span<const std::uint32_t>) override {
    std::map<const reader*, std::function<void()>> woken;
    record::position first;
    {
      const std::lock_guard lock(stream_->mutex);
      first = {epoch_, stream_->next_seq};
      auto w = walk(name_, records, count, first);
      if (!w) return tl::unexpected(w.error());
      auto& p = stream_->pending;
      if (p && (p->epoch != epoch_ || p->count + count > stream_->max_block_records))
        stream_->seal();
      if (!p) {
        p = std::make_shared<record::block>();
        p->epoch = epoch_;
        p->first_seq = first.seq;
      }
      p->payload.append(records);
      p->count += count;
      std::ranges::move(w->marks, std::back_inserter(p->marks));
      stream_->next_seq += count;
      stream_->last_epoch = epoch_;
      stream_->epoch_starts.try_emplace(epoch_, first.seq);
      woken.swap(stream_->waiting);
    }
    for (const auto& [r, ready] : woken) ready();
    return first;
  }
  void when_room(std::function<void()> fn) override { fn(); }
  [[nodiscard]] record::position next() const override {
    const std::lock_guard lock(stream_->mutex);
    return {epoch_, stream_->next_seq};
  }

 private:
  stream_ptr stream_;
  std::string name_;
  std::uint32_t epoch_;
};

class memory_reader final : public reader {
 public:
  memory_reader(stream_ptr s, std::string name, std::uint64_t next_seq)
      : stream_(std::move(s)), name_(std::move(name)), next_(next_seq) {}
  ~memory_reader() override {
    const std::lock_guard lock(stream_->mutex);
    stream_->waiting.erase(this);
  }

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    std::vector<record::block_ptr> out;
    const std::lock_guard lock(stream_->mutex);
    if (next_ == stream_->next_seq) return out;
    stream_->seal();
    const auto& blocks = stream_->blocks;
    if (blocks.empty() || blocks.front()->first_seq > next_) {
      return fail(errc::not_found,
                  "stream " + name_ + ": position " + std::to_string(next_) + " was dropped");
    }
    auto it =
        std::ranges::lower_bound(blocks, next_, {}, [](const auto& b) { return b->last().seq; });
    for (std::uint64_t n = 0; it != blocks.end() && n < max_records; ++it) {
      out.push_back(behind(*it, next_ - 1));
      n += out.back()->count;
      next_ = (*it)->last().seq + 1;
    }
    return out;
  }
  void when_ready(std::function<void()> fn) override {
    {
      const std::lock_guard lock(stream_->mutex);
      if (next_ == stream_->next_seq) {
        stream_->waiting[this] = std::move(fn);
        return;
      }
    }
    fn();
  }
  [[nodiscard]] std::uint64_t lag() const override {
    const std::lock_guard lock(stream_->mutex);
    return stream_->next_seq - next_;
  }

 private:
  stream_ptr stream_;
  std::string name_;
  std::uint64_t next_;
};

class bridge_impl final : public memory_bridge {
 public:
  explicit bridge_impl(options o) : options_(o) {}

  result<std::unique_ptr<writer>> open_writer(std::string_view name, std::uint32_t epoch) override {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    const auto s = find(name);
    const std::lock_guard lock(s->mutex);
    if (auto ok = check_writer(name, epoch, s->epoch, s->has_writer); !ok)
      return tl::unexpected(ok.error());
    s->has_writer = true;
    s->epoch = epoch;
    return std::make_unique<memory_writer>(s, std::string(name), epoch);
  }
  result<std::unique_ptr<reader>> open_reader(std::string_view name, record::position after, top,
                                              std::span<const std::uint32_t>) override {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    const auto s = find(name);
    const std::lock_guard lock(s->mutex);
    const auto later = s->epoch_starts.upper_bound(after.epoch);
    const auto limit = later == s->epoch_starts.end() ? s->next_seq : later->second;
    return std::make_unique<memory_reader>(s, std::string(name), std::min(after.seq + 1, limit));
  }
  [[nodiscard]] result<tops> stream_tops(std::string_view name) const override {
    const std::lock_guard lock(mutex_);
    const auto it = streams_.find(name);
    if (it == streams_.end()) return tops{};
    const std::lock_guard stream_lock(it->second->mutex);
    const record::position last{it->second->last_epoch, it->second->next_seq - 1};
    return tops{last, last};
  }
  [[nodiscard]] std::vector<std::string> streams() const override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, s] : streams_) {
      const std::lock_guard stream_lock(s->mutex);
      if (s->epoch != 0) names.push_back(name);
    }
    return names;
  }
  [[nodiscard]] std::uint32_t last_epoch() const override {
    const std::lock_guard lock(mutex_);
    std::uint32_t epoch = 0;
    for (const auto& [name, s] : streams_) {
      const std::lock_guard stream_lock(s->mutex);
      epoch = std::max(epoch, s->epoch);
    }
    return epoch;
  }
  result<market::content_hash> put_object(std::string_view content) override {
    const auto hash = content_hash_of(content);
    const std::lock_guard lock(mutex_);
    objects_.try_emplace(hash, content);
    return hash;
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    const std::lock_guard lock(mutex_);
    const auto it = objects_.find(hash);
    if (it == objects_.end()) return no_object(hash);
    return it->second;
  }
  void stop() override {}
  void drop_before(std::string_view name, record::position upto) override {
    const auto s = find(name);
    const std::lock_guard lock(s->mutex);
    while (!s->blocks.empty() && s->blocks.front()->last() <= upto) s->blocks.pop_front();
  }

 private:
  stream_ptr find(std::string_view name) {
    const std::lock_guard lock(mutex_);
    auto it = streams_.find(name);
    if (it == streams_.end()) {
      it = streams_.emplace(std::string(name), std::make_shared<stream>()).first;
      it->second->max_block_records = options_.max_block_records;
    }
    return it->second;
  }

  options options_;
  mutable std::mutex mutex_;
  std::map<std::string, stream_ptr, std::less<>> streams_;
  std::map<market::content_hash, std::string> objects_;
};

}  // namespace

std::unique_ptr<memory_bridge> make(options o) {
  return std::make_unique<bridge_impl>(o);
}

}  // namespace artham::bridge::memory
