#include "bridge/common/paced_journal.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace artham::bridge {

namespace {

enum class side : std::uint8_t { work, shown };

/// Records of a block, from where a cursor stands up to a limit. Copies no more than these.
class block_cut {
 public:
  explicit block_cut(record::block_ptr b) : block_(std::move(b)), next_(block_->first_seq) {}

  [[nodiscard]] record::position next() const { return {block_->epoch, next_}; }
  [[nodiscard]] bool at_end() const { return next_ > block_->last().seq; }
  /// next() is not behind the limit.
  record::block_ptr take(record::position limit) {
    const bool whole = block_->last() <= limit || block_->damaged;
    if (whole && offset_ == 0) {
      next_ = block_->last().seq + 1;
      return block_;
    }
    auto part = std::make_shared<record::block>();
    part->epoch = block_->epoch;
    part->first_seq = next_;
    const auto begin = offset_;
    while (offset_ < block_->payload.size() && next() <= limit) {
      record::header h;
      std::memcpy(&h, block_->payload.data() + offset_, record::header_size);
      offset_ += record::header_size + h.size;
      next_ += h.count;
    }
    part->count = next_ - part->first_seq;
    part->payload = block_->payload.substr(begin, offset_ - begin);
    for (; mark_ < block_->marks.size() && block_->marks[mark_].position < next(); ++mark_)
      part->marks.push_back(block_->marks[mark_]);
    return part;
  }

 private:
  record::block_ptr block_;
  std::uint64_t next_;
  std::size_t offset_ = 0;
  std::size_t mark_ = 0;
};

}  // namespace

struct paced_journal::state {
  options given;
  mutable std::mutex mutex;
  record::position released;
  record::position shown;
  record::position seen;  ///< of what is shown of md:ticks, whoever reads it knows that
  bool open = false;      ///< what was made may be seen
  std::shared_ptr<bridge> outputs;
  /// Cursors of md:ticks that work, and all that show.
  std::map<const reader*, std::function<void()>> work_waiting;
  std::map<const reader*, std::function<void()>> shown_waiting;

  [[nodiscard]] record::position limit(side s) const {
    const std::lock_guard lock(mutex);
    return s == side::work ? released : shown;
  }
  /// The same, for a cursor that is about to read up to there.
  [[nodiscard]] record::position reads(side s) {
    const std::lock_guard lock(mutex);
    if (s == side::shown) seen = shown;
    return s == side::work ? released : shown;
  }
  /// Ticks are read before what was made of them. Under the lock.
  [[nodiscard]] bool shows_made() const { return open && seen == shown; }
  [[nodiscard]] auto& waiting(side s) { return s == side::work ? work_waiting : shown_waiting; }
  void forget(side s, const reader* r) {
    const std::lock_guard lock(mutex);
    waiting(s).erase(r);
  }
};

namespace {

/// md:ticks up to a limit that moves.
template <class State>
class ticks_reader final : public reader {
 public:
  ticks_reader(std::shared_ptr<State> s, side of, std::unique_ptr<reader> from,
               record::block_ptr preamble, record::position at)
      : state_(std::move(s)),
        of_(of),
        from_(std::move(from)),
        preamble_(std::move(preamble)),
        at_(at) {}
  ~ticks_reader() override { state_->forget(of_, this); }

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    std::vector<record::block_ptr> out;
    const auto limit = state_->reads(of_);
    if (limit <= state_->given.after) return out;
    std::uint64_t count = 0;
    if (preamble_) {
      count += preamble_->count;
      out.push_back(std::exchange(preamble_, nullptr));
    }
    while (count < max_records && at_ < limit) {
      if (ahead_.empty()) {
        auto blocks = from_->pull(max_records);
        if (!blocks) return tl::unexpected(blocks.error());
        if (blocks->empty()) break;
        for (auto& b : *blocks) ahead_.emplace_back(std::move(b));
      }
      auto& front = ahead_.front();
      if (front.next() > limit) break;
      out.push_back(front.take(limit));
      count += out.back()->count;
      at_ = std::max(at_, out.back()->last());
      if (front.at_end()) ahead_.pop_front();
    }
    return out;
  }
  void when_ready(std::function<void()> fn) override {
    {
      const std::lock_guard lock(state_->mutex);
      const auto limit = of_ == side::work ? state_->released : state_->shown;
      const bool more = ahead_.empty() ? at_ < limit : ahead_.front().next() <= limit;
      if (limit <= state_->given.after || !(preamble_ || more)) {
        state_->waiting(of_)[this] = std::move(fn);
        return;
      }
    }
    // What is released and not here yet is on its way over a network.
    if (ahead_.empty() && !preamble_)
      from_->when_ready(std::move(fn));
    else
      fn();
  }
  [[nodiscard]] std::uint64_t lag() const override {
    const auto limit = state_->limit(of_);
    return limit.seq > at_.seq ? limit.seq - at_.seq : 0;
  }

 private:
  std::shared_ptr<State> state_;
  side of_;
  std::unique_ptr<reader> from_;
  record::block_ptr preamble_;
  std::deque<block_cut> ahead_;
  record::position at_;
};

/// A derived stream, as long as what was made may be seen.
template <class State>
class made_reader final : public reader {
 public:
  made_reader(std::shared_ptr<State> s, std::shared_ptr<bridge> outputs,
              std::unique_ptr<reader> from)
      : state_(std::move(s)), outputs_(std::move(outputs)), from_(std::move(from)) {}
  ~made_reader() override { state_->forget(side::shown, this); }

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (!state_->shows_made()) return std::vector<record::block_ptr>{};
    }
    return from_->pull(max_records);
  }
  void when_ready(std::function<void()> fn) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (!state_->shows_made() || from_->lag() == 0) {
        state_->shown_waiting[this] = std::move(fn);
        return;
      }
    }
    fn();
  }
  [[nodiscard]] std::uint64_t lag() const override { return from_->lag(); }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<bridge> outputs_;  ///< of whichever life
  std::unique_ptr<reader> from_;
};

}  // namespace

class paced_journal::view final : public bridge {
 public:
  view(std::shared_ptr<state> s, side of) : state_(std::move(s)), of_(of) {}

  result<std::unique_ptr<writer>> open_writer(std::string_view stream,
                                              std::uint32_t epoch) override {
    if (stream == record::ticks_stream() || of_ == side::shown)
      return fail(errc::refused, "stream " + std::string(stream) + " is for reading only here");
    return outputs()->open_writer(stream, epoch);
  }
  result<std::unique_ptr<reader>> open_reader(std::string_view stream, record::position after,
                                              top until,
                                              std::span<const std::uint32_t> tokens) override {
    if (stream == record::ticks_stream()) {
      const auto& o = state_->given;
      const bool from_start = !o.preamble || after < o.preamble->first();
      const auto behind = std::max(after, o.after);
      auto from = o.from->open_reader(stream, behind, top::appended, tokens);
      if (!from) return from;
      return std::make_unique<ticks_reader<state>>(state_, of_, std::move(*from),
                                                   from_start ? o.preamble : nullptr, behind);
    }
    auto made = outputs();
    auto from = made->open_reader(stream, after, until, tokens);
    if (!from || of_ == side::work) return from;
    return std::make_unique<made_reader<state>>(state_, std::move(made), std::move(*from));
  }
  [[nodiscard]] bool reads_ahead() const override { return state_->given.from->reads_ahead(); }
  [[nodiscard]] result<tops> stream_tops(std::string_view stream) const override {
    if (stream != record::ticks_stream()) return outputs()->stream_tops(stream);
    const auto end = state_->limit(of_);
    return tops{end, end};
  }
  [[nodiscard]] std::vector<std::string> streams() const override {
    auto all = outputs()->streams();
    all.push_back(record::ticks_stream());
    return all;
  }
  [[nodiscard]] std::uint32_t last_epoch() const override { return state_->given.epoch; }
  result<market::content_hash> put_object(std::string_view) override {
    return fail(errc::refused, "nothing is kept beside a replay's streams");
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return state_->given.from->get_object(hash);
  }
  void stop() override {}

 private:
  [[nodiscard]] std::shared_ptr<bridge> outputs() const {
    const std::lock_guard lock(state_->mutex);
    return state_->outputs;
  }

  std::shared_ptr<state> state_;
  side of_;
};

paced_journal::paced_journal(options o) : state_(std::make_shared<state>()) {
  state_->given = std::move(o);
  state_->outputs = state_->given.make_outputs();
  state_->released = state_->shown = state_->given.after;
  work_ = std::make_unique<view>(state_, side::work);
  shown_ = std::make_unique<view>(state_, side::shown);
}

paced_journal::~paced_journal() = default;

bridge& paced_journal::work() {
  return *work_;
}

bridge& paced_journal::shown() {
  return *shown_;
}

void paced_journal::release(record::position upto) {
  std::map<const reader*, std::function<void()>> woken;
  {
    const std::lock_guard lock(state_->mutex);
    state_->released = upto;
    state_->open = false;
    woken.swap(state_->work_waiting);
  }
  for (const auto& entry : woken) entry.second();
}

record::position paced_journal::released() const {
  return state_->limit(side::work);
}

void paced_journal::show() {
  std::map<const reader*, std::function<void()>> woken;
  {
    const std::lock_guard lock(state_->mutex);
    state_->shown = state_->released;
    state_->open = true;
    woken.swap(state_->shown_waiting);
  }
  for (const auto& entry : woken) entry.second();
}

void paced_journal::rewind() {
  auto fresh = state_->given.make_outputs();
  const std::lock_guard lock(state_->mutex);
  state_->outputs.swap(fresh);
  state_->released = state_->shown = state_->given.after;
  state_->open = false;
}

std::shared_ptr<bridge> paced_journal::outputs() const {
  const std::lock_guard lock(state_->mutex);
  return state_->outputs;
}

}  // namespace artham::bridge
