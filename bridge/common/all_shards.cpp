#include "bridge/common/all_shards.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <utility>

#include "bridge/common/shard_view.hpp"
#include "bridge/common/stream_rules.hpp"

namespace artham::bridge {
namespace {

/// The block with `elsewhere` in the places of its marks.
record::block_ptr without_marks(const record::block_ptr& b) {
  if (b->marks.empty()) return b;
  auto left = std::make_shared<record::block>();
  left->epoch = b->epoch;
  left->first_seq = b->first_seq;
  left->count = b->count;
  left->damaged = b->damaged;
  record::for_each(*b, [&](record::header h, std::uint64_t, std::string_view body) {
    if (h.kind == record::kind::mark) {
      h.kind = record::kind::elsewhere;
      body = {};
    }
    record::append(left->payload, h, body);
  });
  return left;
}

class reader_of_all final : public reader {
 public:
  reader_of_all(std::vector<std::unique_ptr<reader>> each, bool ticks)
      : each_(std::move(each)), ticks_(ticks) {}

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    for (std::size_t i = 0; i < each_.size(); ++i) {
      const auto shard = std::exchange(next_, (next_ + 1) % each_.size());
      auto blocks = each_[shard]->pull(max_records);
      if (!blocks) return blocks;
      if (blocks->empty()) continue;
      if (ticks_ && shard != 0) {
        for (auto& b : *blocks) b = without_marks(b);
      }
      return blocks;
    }
    return std::vector<record::block_ptr>{};
  }
  void when_ready(std::function<void()> fn) override {
    const auto told = std::make_shared<std::atomic<bool>>(false);
    const auto once = [told, fn = std::move(fn)] {
      if (!told->exchange(true)) fn();
    };
    for (const auto& r : each_) r->when_ready(once);
  }
  [[nodiscard]] std::uint64_t lag() const override {
    std::uint64_t largest = 0;
    for (const auto& r : each_) largest = std::max(largest, r->lag());
    return largest;
  }

 private:
  std::vector<std::unique_ptr<reader>> each_;
  bool ticks_;
  std::size_t next_ = 0;
};

class view final : public bridge {
 public:
  view(bridge& whole, std::uint32_t shards) : whole_(whole), shards_(shards) {}

  result<std::unique_ptr<writer>> open_writer(std::string_view stream, std::uint32_t) override {
    return fail(errc::unsupported,
                "stream " + std::string(stream) + " of all shards cannot be written");
  }
  result<std::unique_ptr<reader>> open_reader(std::string_view stream, record::position after,
                                              top until,
                                              std::span<const std::uint32_t> tokens) override {
    std::vector<std::unique_ptr<reader>> each;
    for (std::uint32_t shard = 0; shard < shards_; ++shard) {
      auto r = whole_.open_reader(stream_in_shard(stream, shard, shards_), after, until, tokens);
      if (!r) return r;
      each.push_back(std::move(*r));
    }
    return std::make_unique<reader_of_all>(std::move(each), is_source(stream));
  }
  [[nodiscard]] bool reads_ahead() const override { return whole_.reads_ahead(); }
  [[nodiscard]] result<tops> stream_tops(std::string_view stream) const override {
    tops all;
    for (std::uint32_t shard = 0; shard < shards_; ++shard) {
      const auto t = whole_.stream_tops(stream_in_shard(stream, shard, shards_));
      if (!t) return t;
      all.appended = std::max(all.appended, t->appended);
      all.durable = std::max(all.durable, t->durable);
    }
    return all;
  }
  [[nodiscard]] std::vector<std::string> streams() const override {
    std::set<std::string> names;
    for (std::uint32_t shard = 0; shard < shards_; ++shard) {
      for (auto& s : shard_view(whole_, shard, shards_)->streams()) names.insert(std::move(s));
    }
    return {names.begin(), names.end()};
  }
  [[nodiscard]] std::uint32_t last_epoch() const override { return whole_.last_epoch(); }
  result<market::content_hash> put_object(std::string_view content) override {
    return whole_.put_object(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return whole_.get_object(hash);
  }
  void stop() override {}

 private:
  bridge& whole_;
  std::uint32_t shards_;
};

}  // namespace

std::unique_ptr<bridge> all_shards(bridge& whole, std::uint32_t shards) {
  return std::make_unique<view>(whole, shards);
}

}  // namespace artham::bridge
