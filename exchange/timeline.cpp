#include "exchange/timeline.hpp"

#include <algorithm>
#include <utility>

namespace artham::exchange {

using market::timestamp;

timeline::timeline(std::unique_ptr<exchange::source> s, std::vector<market::calendar_ptr> calendars,
                   market::duration clock_interval, market::duration lateness, timestamp until)
    : source_(std::move(s)),
      calendars_(std::move(calendars)),
      interval_(clock_interval),
      lateness_(lateness),
      until_(until),
      now_(source_->start()),
      upcoming_(find_next()) {}

std::string timeline::take() {
  now_ = std::max(now_, upcoming_.at);
  auto frame = upcoming_.what == step::kind::frame ? source_->next() : std::string();
  upcoming_ = find_next();
  return frame;
}

step timeline::find_next() {
  const auto frame = source_->next_at();
  const auto end = std::min(day_end(), until_);
  if (frame && (*frame <= end || same_day(*frame))) {
    if (next_clock() <= *frame) {
      return {step::kind::clock, next_clock()};
    }
    return {step::kind::frame, *frame};
  }
  if (now_ < end) {
    if (source_->keeps_hours()) {
      return {step::kind::clock, std::min(next_clock(), end)};
    }
    return {step::kind::clock, end, true};
  }
  if (frame) {
    return {step::kind::clock, std::max(now_, day_start(*frame)), true, true};
  }
  return {step::kind::end, now_};
}

timestamp timeline::day_end() const {
  if (now_ < cached_begin_ || now_ >= cached_end_) {
    cached_begin_ = INT64_MIN;
    cached_end_ = INT64_MAX;
    timestamp close = 0;
    for (const auto& c : calendars_) {
      const auto day = c->day_of(now_);
      cached_begin_ = std::max(cached_begin_, day.begin);
      cached_end_ = std::min(cached_end_, day.end);
      if (!day.sessions.empty()) {
        close = std::max(close, day.sessions.back().close);
      }
    }
    cached_day_end_ = close == 0 ? 0 : close + lateness_ + market::second;
  }
  return cached_day_end_;
}

bool timeline::same_day(timestamp t) const {
  return std::all_of(calendars_.begin(), calendars_.end(), [&](const market::calendar_ptr& c) {
    return c->day_of(t).trading_date == c->day_of(now_).trading_date;
  });
}

timestamp timeline::day_start(timestamp t) const {
  auto start = t / interval_ * interval_;
  if (source_->keeps_hours()) {
    for (const auto& c : calendars_) {
      const auto sessions = c->day_of(t).sessions;
      if (!sessions.empty()) {
        start = std::min(start, sessions.front().open);
      }
    }
  }
  return start;
}

}  // namespace artham::exchange
