#include "bridge/common/read_to_end.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

namespace artham::bridge {
namespace {

/// Set from any thread, perhaps after its reader is gone.
class signal {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait(std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

class reader_to_end final : public reader {
 public:
  reader_to_end(std::unique_ptr<reader> from, std::string stream, record::position at,
                record::position end)
      : from_(std::move(from)), stream_(std::move(stream)), at_(at), end_(end) {}

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    for (;;) {
      auto blocks = from_->pull(max_records);
      if (!blocks || !blocks->empty()) {
        if (blocks) at_ = blocks->back()->last();
        return blocks;
      }
      if (at_ >= end_) return blocks;
      const auto ready = std::make_shared<signal>();
      from_->when_ready([ready] { ready->set(); });
      if (!ready->wait(read_patience)) {
        return fail(errc::unavailable, "stream " + stream_ + ": what it has up to (" +
                                           std::to_string(end_.epoch) + ", " +
                                           std::to_string(end_.seq) + ") did not come in " +
                                           std::to_string(read_patience.count()) + " s");
      }
    }
  }
  void when_ready(std::function<void()> fn) override { from_->when_ready(std::move(fn)); }
  [[nodiscard]] std::uint64_t lag() const override { return from_->lag(); }

 private:
  std::unique_ptr<reader> from_;
  std::string stream_;
  record::position at_;
  record::position end_;
};

}  // namespace

result<std::unique_ptr<reader>> open_to_end(bridge& from, std::string_view stream,
                                            record::position after, top until,
                                            std::span<const std::uint32_t> tokens) {
  if (!from.reads_ahead()) return from.open_reader(stream, after, until, tokens);
  auto ends = from.stream_tops(stream);
  if (!ends && ends.error().code == errc::not_found) ends = tops{};
  if (!ends) return tl::unexpected(ends.error());
  auto opened = from.open_reader(stream, after, until, tokens);
  if (!opened) return opened;
  return std::make_unique<reader_to_end>(std::move(*opened), std::string(stream), after,
                                         until == top::appended ? ends->appended : ends->durable);
}

}  // namespace artham::bridge
