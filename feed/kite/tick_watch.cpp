#include "feed/kite/tick_watch.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace artham::feed::kite {
namespace {

using market::duration;
using market::timestamp;

constexpr duration slice_span = 10 * market::minute;
constexpr std::int64_t enough_ticks = 32;
constexpr int most_doublings = 6;

}  // namespace

tick_watch::tick_watch(stall_options options, std::vector<market::calendar_ptr> calendars)
    : options_(options), calendars_(std::move(calendars)) {
  calendars_.resize(std::min<std::size_t>(calendars_.size(), 32));
}

void tick_watch::history::add(duration silence) {
  if (slices_[newest_].span >= slice_span) {
    newest_ = (newest_ + 1) % slices_.size();
    slices_[newest_] = {};
  }
  auto& s = slices_[newest_];
  s.longest = std::max(s.longest, silence);
  s.span += silence;
  ++s.count;
}

duration tick_watch::history::longest() const {
  return std::accumulate(slices_.begin(), slices_.end(), duration{0},
                         [](duration most, const slice& s) { return std::max(most, s.longest); });
}

duration tick_watch::history::span() const {
  return std::accumulate(slices_.begin(), slices_.end(), duration{0},
                         [](duration sum, const slice& s) { return sum + s.span; });
}

std::int64_t tick_watch::history::count() const {
  return std::accumulate(slices_.begin(), slices_.end(), std::int64_t{0},
                         [](std::int64_t sum, const slice& s) { return sum + s.count; });
}

void tick_watch::counts(const std::set<market::calendar_ptr>& calendars, timestamp now) {
  std::uint32_t counting = 0;
  for (std::size_t i = 0; i < calendars_.size(); ++i) {
    if (calendars.contains(calendars_[i])) counting |= std::uint32_t{1} << i;
  }
  if (std::exchange(counting_, counting) == counting) return;
  phase_until_ = 0;
  static_cast<void>(phase_at(now));
}

void tick_watch::connected(timestamp now, std::int64_t steady) {
  static_cast<void>(phase_at(now));
  connected_ = now;
  last_ = 0;
  heard_steady_ = steady;
}

void tick_watch::heard(timestamp now, std::int64_t steady) {
  const auto phase = phase_at(now);
  if (phase != 0 && last_ != 0 && last_ >= phase_since_) histories_[phase].add(now - last_);
  last_ = now;
  heard_steady_ = steady;
  if (doublings_ != 0 && last_ - connected_ >= limit()) doublings_ = 0;
}

bool tick_watch::stalled(timestamp now, std::int64_t steady) {
  const auto phase = phase_at(now);
  if (options_.least == 0 || phase == 0) return false;
  const auto since = std::max(last_heard(), phase_since_);
  if (now - since < limit() || steady - heard_steady_ < options_.least) return false;
  doublings_ = std::min(doublings_ + 1, most_doublings);
  return true;
}

tick_expectation tick_watch::expectation(timestamp now) {
  tick_expectation e;
  e.last = last_heard();
  const auto phase = phase_at(now);
  if (phase == 0) return e;
  if (options_.least != 0) e.limit = limit();
  if (const auto known = histories_.find(phase); known != histories_.end()) {
    const auto seconds = known->second.span() / market::second;
    if (seconds > 0) e.frames_per_hour = known->second.count() * 3'600 / seconds;
  }
  return e;
}

std::uint32_t tick_watch::phase_at(timestamp t) {
  if (t >= phase_checked_ && t < phase_until_) return phase_;
  std::uint32_t phase = 0;
  phase_until_ = market::never;
  for (std::size_t i = 0; i < calendars_.size(); ++i) {
    if ((counting_ >> i & 1U) == 0) continue;
    if (const auto on = calendars_[i]->session_at(t)) {
      phase |= std::uint32_t{1} << i;
      phase_until_ = std::min(phase_until_, on->close);
    } else {
      const auto next = calendars_[i]->next_session(t);
      phase_until_ = std::min(phase_until_, next ? next->open : t + market::hour);
    }
  }
  if (phase != phase_ || t < phase_checked_) phase_since_ = t;
  phase_ = phase;
  phase_checked_ = t;
  return phase_;
}

duration tick_watch::limit() const {
  auto base = options_.least;
  const auto known = histories_.find(phase_);
  const bool usual = known != histories_.end() && known->second.count() >= enough_ticks &&
                     known->second.span() >= options_.start;
  if (!usual) base = std::max(base, options_.start);
  if (known != histories_.end()) base = std::max(base, options_.factor * known->second.longest());
  return base << doublings_;
}

}  // namespace artham::feed::kite
