#include "bridge/common/marks_in_force.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "messages/record/mark_codec.hpp"

namespace artham::bridge {

using market::mark;
using market::mark_kind;

void marks_in_force::note(const mark& m) {
  if (m.kind == mark_kind::epoch) subscribed_.clear();
  if (m.kind == mark_kind::epoch || m.kind == mark_kind::config) hashes_ = m.hashes;
  if (m.kind == mark_kind::gap) note_gap(m);
  if (m.kind != mark_kind::subscription) return;
  if (m.flag != 0) end_losses(m.tokens);
  for (const auto token : m.tokens) {
    if (m.flag != 0) {
      subscribed_[token] = m.mode;
    } else {
      subscribed_.erase(token);
    }
  }
}

void marks_in_force::note_gap(const mark& m) {
  if (m.flag != market::gap_begins) {
    if (!m.tokens.empty()) return end_losses(m.tokens);
    losses_.clear();
    return;
  }
  const bool all_lost = !losses_.empty() && losses_.front().tokens.empty();
  if (m.tokens.empty()) {
    // It stands in front: what else is lost may have begun before it.
    if (!all_lost) losses_.insert(losses_.begin(), m);
  } else {
    losses_.push_back(m);
  }
}

void marks_in_force::end_losses(const std::vector<std::uint32_t>& tokens) {
  std::vector<mark> going_on;
  for (auto& loss : losses_) {
    const bool all = loss.tokens.empty();
    std::vector<std::uint32_t> rest;
    std::ranges::set_difference(loss.tokens, tokens, std::back_inserter(rest));
    loss.tokens = std::move(rest);
    if (all || !loss.tokens.empty()) going_on.push_back(std::move(loss));
  }
  losses_ = std::move(going_on);
}

record::block_ptr marks_in_force::block_before(record::position next, market::timestamp at) const {
  std::vector<mark> marks(1);
  marks.front().kind = mark_kind::config;
  marks.front().hashes = hashes_;
  std::map<market::tick_mode, std::vector<std::uint32_t>> by_mode;
  for (const auto& [token, mode] : subscribed_) by_mode[mode].push_back(token);
  for (auto& [mode, tokens] : by_mode) {
    mark m;
    m.kind = mark_kind::subscription;
    m.flag = 1;
    m.mode = mode;
    m.tokens = std::move(tokens);
    marks.push_back(std::move(m));
  }
  marks.insert(marks.end(), losses_.begin(), losses_.end());
  if (next.seq <= marks.size()) return nullptr;
  auto b = std::make_shared<record::block>();
  b->epoch = next.epoch;
  b->count = marks.size();
  b->first_seq = next.seq - b->count;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    auto& m = marks[i];
    m.position = {b->epoch, b->first_seq + i};
    m.time = m.wall = at;
    record::append(b->payload, record::with_times(record::kind::mark, 1, m.time, m.wall),
                   record::encode(m));
  }
  b->marks = std::move(marks);
  return b;
}

}  // namespace artham::bridge
