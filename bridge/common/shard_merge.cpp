#include "bridge/common/shard_merge.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "bridge/common/record_walk.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::bridge {
namespace {

constexpr std::size_t usual_block_bytes = 1U << 20U;
constexpr std::uint8_t part_flags = record::continued | record::goes_on;

bool has(const record::header& h, std::uint8_t flag) {
  return (h.flags & flag) != 0;
}

/// The first position that is not elsewhere; behind all when there is none.
std::uint64_t first_record(const record::block& b) {
  std::uint64_t first = b.last().seq + 1;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
    if (h.kind != record::kind::elsewhere) first = std::min(first, seq);
  });
  return first;
}

std::string in_shard(std::uint32_t shard) {
  return record::ticks_stream() + ':' + std::to_string(shard);
}

}  // namespace

shard_merge::shard_merge(std::uint32_t shards, record::position after, record::tick_cutter frames)
    : shards_(shards),
      after_(after),
      next_(after.seq + 1),
      epoch_(after.epoch),
      frames_(std::move(frames)),
      packed_(record::packed_tick_cutter()) {
  for (auto& c : shards_) {
    c.covered = after.seq;
    c.epoch = after.epoch;
  }
}

result<void> shard_merge::push(std::uint32_t shard, const record::block_ptr& b,
                               record::position from) {
  auto& c = shards_[shard];
  if (from.seq > c.covered + 1) {
    return fail(errc::not_found,
                in_shard(shard) + " goes on at position " + std::to_string(from.seq) + " behind " +
                    std::to_string(c.covered) + ": what was between them was trimmed");
  }
  if (b->damaged) {
    return fail(errc::corrupt, in_shard(shard) + " is damaged at position " +
                                   std::to_string(b->first_seq) +
                                   ": remove its key, so that it is written again");
  }
  if (b->epoch > c.epoch) {
    const auto begin = first_record(*b);
    if (begin <= c.covered) {
      return fail(errc::conflict, in_shard(shard) + " has another epoch, " +
                                      std::to_string(b->epoch) + ", from position " +
                                      std::to_string(begin) + " on, and what is here goes to " +
                                      std::to_string(c.covered) + ": they are of two nodes");
    }
  }
  c.epoch = b->epoch;
  if (b->last().seq <= c.covered) return {};
  const auto part = behind(b, c.covered);
  c.covered = part->last().seq;
  waiting_ += part->payload.size();
  if (c.blocks.empty()) c.seq = part->first_seq;
  c.blocks.push_back(part);
  return {};
}

std::uint32_t shard_merge::slowest() const {
  const auto it = std::ranges::min_element(shards_, {}, &cursor::covered);
  return static_cast<std::uint32_t>(it - shards_.begin());
}

std::optional<record::header> shard_merge::front_of(cursor& c) {
  while (!c.blocks.empty()) {
    const auto& b = *c.blocks.front();
    if (c.at == b.payload.size()) {
      waiting_ -= b.payload.size();
      c.blocks.pop_front();
      c.at = c.mark = 0;
      if (!c.blocks.empty()) c.seq = c.blocks.front()->first_seq;
      continue;
    }
    record::header h;
    std::memcpy(&h, b.payload.data() + c.at, record::header_size);
    if (h.kind != record::kind::elsewhere) return h;
    last_ = h;
    pop(c, h);
  }
  return std::nullopt;
}

void shard_merge::pop(cursor& c, const record::header& h) {
  c.at += record::header_size + h.size;
  c.seq += h.count;
  if (h.kind == record::kind::mark) ++c.mark;
}

result<std::vector<record::block_ptr>> shard_merge::take_rest() {
  const auto end = std::ranges::max_element(shards_, {}, &cursor::covered)->covered;
  for (auto& c : shards_) c.covered = end;
  if (auto ok = place_to(end); !ok) return tl::unexpected(ok.error());
  give_up_joining();
  return finish();
}

result<std::vector<record::block_ptr>> shard_merge::take() {
  if (auto ok = place_to(shards_[slowest()].covered); !ok) return tl::unexpected(ok.error());
  return finish();
}

std::vector<record::block_ptr> shard_merge::finish() {
  end_block();
  return std::exchange(done_, {});
}

result<void> shard_merge::place_to(std::uint64_t end) {
  while (next_ <= end) {
    cursor* first = nullptr;
    record::header h;
    for (auto& c : shards_) {
      const auto front = front_of(c);
      if (!front || (first != nullptr && c.seq >= first->seq)) continue;
      first = &c;
      h = *front;
    }
    if (first == nullptr || first->seq > next_) {
      give_up_joining();
      const auto upto = first == nullptr ? end : std::min(end, first->seq - 1);
      if (epoch_ == 0 && first != nullptr) epoch_ = first->blocks.front()->epoch;
      skip(upto + 1 - next_);
      continue;
    }
    if (next_ + h.count - 1 > end) break;
    if (auto ok = take_record(*first, h); !ok) return ok;
  }
  for (auto& c : shards_) static_cast<void>(front_of(c));  // lets go of what is used up
  return {};
}

result<void> shard_merge::take_record(cursor& from, const record::header& h) {
  const auto& b = *from.blocks.front();
  const auto body = std::string_view(b.payload).substr(from.at + record::header_size, h.size);
  for (auto& c : shards_) {
    if (&c == &from) continue;
    const auto other = front_of(c);
    if (!other || c.seq >= next_ + h.count) continue;
    const auto same =
        std::string_view(c.blocks.front()->payload).substr(c.at + record::header_size, other->size);
    if (c.seq != next_ || h.kind != record::kind::mark || other->kind != h.kind || same != body) {
      return fail(errc::corrupt, "two shards of " + record::ticks_stream() +
                                     " have different records at position " +
                                     std::to_string(next_) + ": they are of two nodes");
    }
    pop(c, *other);
  }
  if (from.seq != next_) {
    return fail(errc::corrupt, "a record of a shard begins at position " +
                                   std::to_string(from.seq) + ", within one of another shard");
  }
  epoch_ = b.epoch;
  last_ = h;
  if (h.kind == record::kind::mark) {
    give_up_joining();
    begin_block(next_);
    out_->add_mark(h, body, b.marks[from.mark]);
    next_ += 1;
  } else {
    take_ticks(h, body);
  }
  pop(from, h);
  return {};
}

void shard_merge::take_ticks(const record::header& h, std::string_view body) {
  const bool joins = !open_.empty() && has(h, record::continued) &&
                     open_.front().head.kind == h.kind &&
                     open_count_ + h.count <= std::numeric_limits<std::uint16_t>::max();
  if (!joins) give_up_joining();
  next_ += h.count;
  open_count_ += h.count;
  open_.push_back({h, std::string(body)});
  if (has(h, record::goes_on)) return;
  if (joins) join();
  give_up_joining();
}

void shard_merge::join() {
  auto& whole = open_.front();
  const auto& cutter = whole.head.kind == record::kind::kite_frame ? frames_ : packed_;
  for (std::size_t i = 1; i < open_.size(); ++i) cutter.join(whole.body, open_[i].body);
  whole.head.count = static_cast<std::uint16_t>(open_count_);
  open_.resize(1);
}

void shard_merge::give_up_joining() {
  if (open_.empty()) return;
  begin_block(next_ - open_count_);
  for (auto& p : open_) {
    p.head.flags = static_cast<std::uint8_t>(p.head.flags & ~part_flags);
    out_->add(p.head, p.body);
  }
  open_.clear();
  open_count_ = 0;
}

void shard_merge::skip(std::uint64_t count) {
  begin_block(next_);
  out_->add_elsewhere(last_, count);
  next_ += count;
}

void shard_merge::begin_block(std::uint64_t seq) {
  if (out_ && (out_->next().epoch != epoch_ || out_->bytes() >= usual_block_bytes)) end_block();
  if (!out_) out_.emplace(record::position{epoch_, seq});
}

void shard_merge::end_block() {
  if (!out_) return;
  done_.push_back(out_->finish());
  after_ = done_.back()->last();
  out_.reset();
}

}  // namespace artham::bridge
