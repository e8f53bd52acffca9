#include "actors/ingest/market_clock.hpp"

#include <algorithm>
#include <utility>

namespace artham::actors {

using market::timestamp;

market_clock::market_clock(std::vector<market::calendar_ptr> calendars, market::duration interval,
                           market::duration lateness)
    : calendars_(std::move(calendars)),
      windows_(calendars_.size()),
      interval_(interval),
      after_close_(lateness + market::second) {}

void market_clock::start_behind(timestamp last) {
  last_ = last;
}

bool market_clock::inside(timestamp t) {
  bool found = false;
  for (std::size_t i = 0; i < calendars_.size(); ++i) {
    window& w = windows_[i];
    if (t > w.to || w.to == 0) {
      const auto s = calendars_[i]->next_session(t - after_close_);
      w = s ? window{s->open, s->close + after_close_} : window{t + market::hour, t + market::hour};
    }
    found = found || (t >= w.from && t <= w.to);
  }
  return found;
}

void market_clock::advance(timestamp now, std::vector<timestamp>& due) {
  const timestamp newest = now / interval_ * interval_;
  if (newest <= last_) return;
  timestamp next = last_ == 0 ? newest : last_ / interval_ * interval_ + interval_;
  const bool leap = (newest - next) / interval_ > leap_limit;
  if (!leap) {
    for (; next <= newest; next += interval_) {
      if (inside(next)) due.push_back(next);
    }
  } else {
    const std::size_t before = due.size();
    for (std::size_t i = 0; i < calendars_.size(); ++i) {
      timestamp at = next;
      while (at <= newest) {
        const auto s = calendars_[i]->next_session(at - after_close_);
        if (!s || s->open > newest) break;
        const timestamp end = (s->close + after_close_) / interval_ * interval_;
        due.push_back(std::min(end, newest));
        at = end + interval_;
      }
    }
    const auto begin = due.begin() + static_cast<std::ptrdiff_t>(before);
    std::sort(begin, due.end());
    due.erase(std::unique(begin, due.end()), due.end());
  }
  last_ = newest;
}

void market_clock::force(timestamp now, std::vector<timestamp>& due) {
  const timestamp newest = now / interval_ * interval_;
  const bool given = !due.empty() && due.back() >= newest;
  if (newest >= last_ && !given) {
    due.push_back(newest);
    last_ = newest;
  }
}

}  // namespace artham::actors
