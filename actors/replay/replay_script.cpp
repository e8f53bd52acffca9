#include "actors/replay/replay_script.hpp"

#include <cstring>
#include <utility>

#include "messages/caf_compat.hpp"

namespace artham::actors {

namespace {

/// Records that are looked at ahead, roughly.
constexpr std::uint64_t ahead = 16'384;

}  // namespace

replay_script::replay_script(bridge::bridge& from, record::position after, record::position until)
    : reader_(messages::value_or_throw(
          from.open_reader(record::ticks_stream(), after, bridge::top::appended, {}))),
      at_(after),
      until_(until) {}

result<std::optional<replay_script::step>> replay_script::peek() {
  if (next_ || at_end()) return next_;
  if (blocks_.empty()) {
    auto more = reader_->pull(ahead);
    if (!more) return tl::unexpected(more.error());
    for (auto& b : *more) blocks_.push_back(std::move(b));
    if (blocks_.empty()) return next_;
    offset_ = mark_ = 0;
    seq_ = blocks_.front()->first_seq;
  }
  const auto& b = *blocks_.front();
  step s;
  if (b.payload.empty()) {
    s.last = b.last();
    s.time = b.marks.empty() ? 0 : b.marks.front().time;
    s.mark = b.marks.empty() ? nullptr : &b.marks.front();
    next_size_ = 0;
  } else {
    record::header h;
    std::memcpy(&h, b.payload.data() + offset_, record::header_size);
    next_size_ = record::header_size + h.size;
    s.last = {b.epoch, seq_ + h.count - 1};
    s.time = record::receive_time(h);
    if (h.kind == record::kind::mark) {
      if (mark_ < b.marks.size()) s.mark = &b.marks[mark_];
    } else if (h.kind != record::kind::elsewhere) {
      s.ticks = h.count;
    }
  }
  s.is_clock = s.mark != nullptr && s.mark->kind == market::mark_kind::clock;
  next_ = s;
  return next_;
}

void replay_script::advance() {
  const auto& b = *blocks_.front();
  at_ = next_->last;
  seq_ = at_.seq + 1;
  offset_ += next_size_;
  if (next_->mark != nullptr) ++mark_;
  next_.reset();
  if (offset_ < b.payload.size() && seq_ <= b.last().seq) return;
  blocks_.pop_front();
  offset_ = mark_ = 0;
  if (!blocks_.empty()) seq_ = blocks_.front()->first_seq;
}

}  // namespace artham::actors
