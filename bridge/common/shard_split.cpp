#include "bridge/common/shard_split.hpp"

#include <string>
#include <utility>

#include "bridge/common/block_maker.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::bridge {
namespace {

class splitter {
 public:
  splitter(const record::block& whole, const sharding& how)
      : how_(how), packed_(record::packed_tick_cutter()), marks_(whole.marks) {
    for (std::uint32_t i = 0; i < how.shards; ++i) parts_.emplace_back(whole.first());
  }

  result<void> take(const record::header& h, std::string_view body) {
    switch (h.kind) {
      case record::kind::kite_frame:
        take_ticks(h, body, how_.frames);
        return {};
      case record::kind::packed_ticks:
        take_ticks(h, body, packed_);
        return {};
      case record::kind::mark:
        for (auto& p : parts_) p.add_mark(h, body, marks_[next_mark_]);
        ++next_mark_;
        return {};
      case record::kind::elsewhere:
        for (auto& p : parts_) p.add_elsewhere(h, h.count);
        return {};
      default:
        return fail(errc::bad_input,
                    "a record of kind " + std::to_string(static_cast<int>(h.kind)) + " stands in " +
                        record::ticks_stream() + ": it cannot be put into a shard");
    }
  }

  std::vector<record::block_ptr> finish() {
    std::vector<record::block_ptr> blocks;
    for (auto& p : parts_) blocks.push_back(p.only_elsewhere() ? nullptr : p.finish());
    return blocks;
  }

 private:
  void take_ticks(record::header h, std::string_view body, const record::tick_cutter& cutter) {
    const auto parts = cutter.cut(body, h.count, how_.shard_of);
    if (parts.size() <= 1) {
      put(parts.empty() ? 0 : parts.front().shard, h, body);
      return;
    }
    for (const auto& p : parts) {
      h.count = p.count;
      h.flags |= record::goes_on;
      if (&p == &parts.back()) h.flags = static_cast<std::uint8_t>(h.flags & ~record::goes_on);
      put(p.shard, h, p.body);
      h.flags |= record::continued;
    }
  }

  void put(std::uint32_t shard, const record::header& h, std::string_view body) {
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
      if (i == shard) {
        parts_[i].add(h, body);
      } else {
        parts_[i].add_elsewhere(h, h.count);
      }
    }
  }

  const sharding& how_;
  record::tick_cutter packed_;
  const std::vector<market::mark>& marks_;
  std::size_t next_mark_ = 0;
  std::vector<block_maker> parts_;
};

}  // namespace

record::block_ptr without_damage(const record::block& damaged) {
  block_maker b(damaged.first());
  auto m = damaged.marks.front();
  m.position = damaged.first();
  const auto h = record::with_times(record::kind::mark, 1, m.time, m.wall);
  b.add_mark(h, record::encode(m), m);
  b.add_elsewhere(h, damaged.count - 1);
  return b.finish();
}

result<std::vector<record::block_ptr>> split_by_shard(const record::block_ptr& whole,
                                                      const sharding& how) {
  const auto b = whole->damaged ? without_damage(*whole) : whole;
  if (how.shards == 1) return std::vector{b};
  splitter s(*b, how);
  result<void> outcome;
  record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
    if (outcome) outcome = s.take(h, body);
  });
  if (!outcome) return tl::unexpected(outcome.error());
  return s.finish();
}

}  // namespace artham::bridge
