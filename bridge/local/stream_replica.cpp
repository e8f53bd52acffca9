#include "bridge/local/stream_replica.hpp"

#include <string>
#include <utility>
#include <vector>

#include "bridge/common/record_walk.hpp"
#include "bridge/common/stream_rules.hpp"
#include "bridge/local/stream_writer.hpp"
#include "bridge/local/token_filter.hpp"

namespace artham::bridge::local {
namespace {

std::string text_of(record::position at) {
  return std::to_string(at.epoch) + ":" + std::to_string(at.seq);
}

class stream_replica final : public replica {
 public:
  stream_replica(std::shared_ptr<core> c, stream_ptr s, record::position last)
      : core_(std::move(c)), stream_(std::move(s)), last_(last) {}
  ~stream_replica() override {
    const std::lock_guard lock(stream_->mutex);
    stream_->has_writer = false;
  }

  result<void> append(const record::block_ptr& b) override {
    if (last_.seq != 0 && (b->first_seq != last_.seq + 1 || b->epoch < last_.epoch)) {
      return fail(errc::conflict, "the copy of " + stream_->name + " ends at " + text_of(last_) +
                                      ": a block at " + text_of(b->first()) +
                                      " does not follow it");
    }
    if (b->epoch == 0 || b->first_seq == 0)
      return fail(errc::bad_input, "append to " + stream_->name + ": positions count from 1:1");
    auto w = walk(stream_->name, b->payload, b->count, b->first());
    if (!w) return tl::unexpected(w.error());
    if (auto room = core_->reserve(b->payload.size()); !room) {
      refused_ = b->payload.size();
      return room;
    }
    token_set found;
    const bool known = collect_tokens(*b, found);
    std::vector<std::uint32_t> tokens;
    found.for_each([&](std::uint32_t token) { tokens.push_back(token); });
    add_pending(*stream_, core_->settings(), b->first(), b->payload, b->count, tokens, !known,
                std::move(*w));
    last_ = b->last();
    core_->submit(b->payload.size());
    return {};
  }

  void when_room(std::function<void()> fn) override { core_->when_room(refused_, std::move(fn)); }
  [[nodiscard]] record::position last() const override { return last_; }

 private:
  std::shared_ptr<core> core_;
  stream_ptr stream_;
  record::position last_;
  std::uint64_t refused_ = 0;  ///< bytes of the last block that found no room
};

class core_replicator final : public replicator {
 public:
  explicit core_replicator(std::shared_ptr<core> c) : core_(std::move(c)) {}

  result<std::unique_ptr<replica>> open_replica(std::string_view name) override {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    auto s = core_->find_or_make(name);
    record::position last;
    {
      const std::lock_guard lock(s->mutex);
      if (s->has_writer) {
        return fail(errc::conflict,
                    "stream " + std::string(name) + " has a writer already: destroy it first");
      }
      s->has_writer = true;
      if (s->next_seq != 1) last = {s->epoch, s->next_seq - 1};
    }
    return std::make_unique<stream_replica>(core_, std::move(s), last);
  }

 private:
  std::shared_ptr<core> core_;
};

}  // namespace

std::shared_ptr<replicator> make_replicator(std::shared_ptr<core> c) {
  return std::make_shared<core_replicator>(std::move(c));
}

}  // namespace artham::bridge::local
