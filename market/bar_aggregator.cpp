#include "market/bar_aggregator.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "market/bar_aggregator_state.hpp"
#include "market/event_bars.hpp"

namespace artham::market {

namespace {

// Ticks from outside of these years have no valid exchange time.
constexpr timestamp earliest_time = 0;
constexpr timestamp latest_time = 8'000'000'000 * second;
constexpr std::size_t least_held = 16;
constexpr position past_everything{UINT32_MAX, UINT64_MAX};

/// Enough that forgetting a stretch at a time wastes little, and few copies of what the bars were.
constexpr int stretches_per_horizon = 3;

bool by_timeframe_and_start(const closed_bar& a, const closed_bar& b) {
  return std::pair(a.timeframe, a.bar.start) < std::pair(b.timeframe, b.bar.start);
}

bool names(const mark& m, std::uint32_t token) {
  return std::binary_search(m.tokens.begin(), m.tokens.end(), token);
}

}  // namespace

// ---- marks

void bar_aggregator::state::apply_news(const mark& m) {
  switch (m.kind) {
    case mark_kind::gap:
      if (m.tokens.empty() || names(m, token)) on_gap(m);
      return;
    case mark_kind::subscription:
      if (names(m, token)) on_subscription(m);
      return;
    case mark_kind::epoch:
      subscribed = false;
      expect_duplicate = true;
      cover({never, coverages.back().losses});
      return;
    case mark_kind::clock:
    case mark_kind::session:
    case mark_kind::config:
      return;
  }
}

void bar_aggregator::state::on_gap(const mark& m) {
  if (!known) return;
  expect_duplicate = true;
  const auto losses_before = coverages.back().losses;
  if (m.flag == gap_begins) {
    if (lost_from == never) lost_told = late_floor;
    lost_from = std::min(lost_from, m.from);
    cover({never, losses_before + 1});
    return;
  }
  lose(std::min(std::exchange(lost_from, never), m.from), m.time);
  cover({subscribed ? m.time : never, losses_before + 1});
}

void bar_aggregator::state::on_subscription(const mark& m) {
  known = true;
  auto now = coverages.back();
  if (m.flag == 0) {
    subscribed = false;
    dropped = true;
    now.since = never;
    return cover(now);
  }
  expect_duplicate = true;
  if (lost_from != never) lose(std::exchange(lost_from, never), m.time);
  if (std::exchange(dropped, false)) ++now.losses;
  if (!std::exchange(subscribed, true) || now.since == never) now.since = m.time;
  cover(now);
}

/// Beyond `max_losses` the two nearest ones count as one, which can only flag too much.
void bar_aggregator::state::lose(timestamp from, timestamp to) {
  auto needed_from = fold.zone.day_begin;
  if (!history.empty()) needed_from = std::min(needed_from, history.stretches().front().first.time);
  std::erase_if(losses, [&](const feed_loss& l) { return l.to < needed_from; });
  const auto told = std::min(std::exchange(lost_told, never), late_floor);
  losses.push_back({from, std::max(to, from + 1), told});
  if (losses.size() <= max_losses) return;
  std::sort(losses.begin(), losses.end(), [](auto& a, auto& b) { return a.from < b.from; });
  std::size_t nearest = 1;
  for (std::size_t i = 2; i < losses.size(); ++i) {
    if (losses[i].from - losses[i - 1].to < losses[nearest].from - losses[nearest - 1].to) {
      nearest = i;
    }
  }
  losses[nearest - 1].to = std::max(losses[nearest - 1].to, losses[nearest].to);
  losses[nearest - 1].told = std::min(losses[nearest - 1].told, losses[nearest].told);
  losses.erase(losses.begin() + static_cast<std::ptrdiff_t>(nearest));
}

void bar_aggregator::state::cover(feed_coverage c) {
  if (coverages.size() >= max_coverages) {
    fold_front(held.size());
    while (!history.empty()) history.forget_oldest();
    forget_coverages();
  }
  if (std::exchange(coverage_used, false)) {
    coverages.push_back(c);
  } else {
    coverages.back() = c;
  }
}

void bar_aggregator::state::forget_coverages() {
  auto oldest = coverages.size() - 1;
  const auto need = [&](std::uint16_t coverage) {
    oldest = std::min<std::size_t>(oldest, static_cast<std::uint16_t>(coverage - first_coverage));
  };
  for (const auto& t : held) need(t.coverage);
  for (const auto& s : history.stretches()) need(s.oldest_coverage);
  coverages.erase(coverages.begin(), coverages.begin() + static_cast<std::ptrdiff_t>(oldest));
  first_coverage = static_cast<std::uint16_t>(first_coverage + oldest);
}

// ---- ticks

std::size_t bar_aggregator::state::take_plain(std::span<const bar_input> ticks,
                                              std::span<const mark>::iterator& m,
                                              std::span<const mark>::iterator marks_end) {
  if (expect_duplicate || open_until == 0) return 0;
  const auto room = held.capacity() - held.size();
  auto newest_time = held.back().time;
  auto newest_volume = volume_key(held.back());
  std::size_t n = 0;
  for (; n < ticks.size(); ++n) {
    const auto& t = ticks[n];
    for (; m != marks_end && m->position < t.position(); ++m) {
      if (m->kind != mark_kind::clock || m->time >= close_at) return n;
      advance(m->time);
    }
    const auto volume = volume_key(t);
    const bool in_order =
        t.time > newest_time || (t.time == newest_time && volume >= newest_volume);
    if (!in_order || t.time >= open_until || t.time <= late_floor ||
        (t.fields & bar_input::ahead) != 0 || n == room) {
      return n;
    }
    newest_time = t.time;
    newest_volume = volume;
    held.push_back(with_coverage(t));
  }
  return n;
}

void bar_aggregator::state::take_carefully(const bar_input& t, std::uint64_t previous_digest,
                                           std::vector<closed_bar>& out) {
  if (std::exchange(expect_duplicate, false) && t.digest != 0 && t.digest == previous_digest) {
    ++count.duplicates;
    return;
  }
  if ((t.fields & bar_input::ahead) != 0) {
    ++count.ahead;
    return;
  }
  if (t.time < earliest_time || t.time >= latest_time) {
    ++count.outside;
    return;
  }
  if (!zone.contains(t.time)) zone = zone_at(*plan->cal, t.time);
  if (comes_too_late(t)) {
    ++count.too_late;
    return;
  }
  if (!zone.in_session) ++count.outside;
  make_room();
  if (is_settled(t)) return put_in_place(with_coverage(t), out);
  held.push_back(with_coverage(t));
  if (const auto at = held.end() - 1; at != held.begin() && key_of(*at) < key_of(*(at - 1))) {
    const auto place = std::upper_bound(held.begin(), at, key_of(*at),
                                        [](const auto& k, const auto& h) { return k < key_of(h); });
    std::rotate(place, at, held.end());
  }
  if (zone.in_session) {
    close_at = std::min(close_at, earliest_end(plan->timeframes, zone, t.time) + plan->lateness);
  } else {
    outside_clock = std::max(outside_clock, t.time);
  }
  open_until = zone.in_session && zone.contains(held.back().time) ? zone.end : 0;
}

/// Judged by the clock marks in front of it alone, and by how much a builder may keep.
bool bar_aggregator::state::comes_too_late(const bar_input& t) const {
  return t.time < watermark - horizon() || !history.reaches(key_of(t));
}

/// Whether its place is among the ticks that are folded already, or its bar is final.
bool bar_aggregator::state::is_settled(const bar_input& t) const {
  if (key_of(t) < folded) return true;
  return zone.in_session && t.time <= late_floor &&
         earliest_end(plan->timeframes, zone, t.time) <= late_floor;
}

/// Folds again from the stretch that the tick belongs to, and gives out the final bars that differ.
void bar_aggregator::state::put_in_place(const bar_tick& t, std::vector<closed_bar>& out) {
  const auto before_it =
      std::lower_bound(held.begin(), held.end(), key_of(t),
                       [](const bar_tick& h, const tick_key& k) { return key_of(h) < k; });
  fold_front(static_cast<std::size_t>(before_it - held.begin()));
  const bool first = history.empty();
  const auto stretch = first ? 0 : history.stretch_of(key_of(t));
  auto was = first ? fold : fold_again(stretch, false);
  if (first) {
    history.add({&t, 1}, fold, horizon() / stretches_per_horizon);
  } else {
    history.insert(stretch, t);
  }
  fold = fold_again(stretch, true);
  folded = std::max(folded, key_of(t));
  was.close_segment();
  fold.close_segment();
  revise(was, fold, t.position(), out);
  if (history.size() > tick_history::max_ticks) history.forget_oldest();
  std::erase_if(fold.passed, [&](const passed_bar& p) { return p.sums.end <= late_floor; });
  closed_floor = late_floor;
  close_at = first_close();
}

/// What the bars are behind all settled ticks, made again from what they were in front of a
/// stretch. `renew` puts it down in front of the later stretches.
bar_fold bar_aggregator::state::fold_again(std::size_t stretch, bool renew) {
  const auto all = history.stretches();
  auto made = all[stretch].before;
  for (auto i = stretch; i < all.size(); ++i) {
    if (renew && i != stretch) {
      all[i].before = made;
      // No tick behind it can change them.
      std::erase_if(all[i].before.passed,
                    [&](const passed_bar& p) { return p.sums.end <= late_floor; });
    }
    fold_into(made, all[i].ticks.all());
  }
  return made;
}

std::vector<closed_bar> bar_aggregator::state::final_bars(const bar_fold& f, position cause) const {
  std::vector<closed_bar> all;
  for (const auto& p : f.passed) {
    if (p.sums.end <= late_floor) all.push_back({p.timeframe, cause, finished(p.sums)});
  }
  f.for_each_open([&](std::uint32_t timeframe, const bar_sums& o) {
    if (o.end <= late_floor) all.push_back({timeframe, cause, finished(o)});
  });
  std::sort(all.begin(), all.end(), by_timeframe_and_start);
  return all;
}

/// Gives out every final bar that differs. One that there is no more is withdrawn: it comes without
/// ticks. Only event bars can vanish, as their bounds depend on the ticks in front of them.
void bar_aggregator::state::revise(const bar_fold& was, const bar_fold& is, position cause,
                                   std::vector<closed_bar>& out) {
  const auto out_before = out.size();
  const auto give_out = [&](closed_bar b, bool given_out) {
    b.bar.revision = revised.take(b.timeframe, b.bar.start, b.bar.end, given_out);
    b.bar.flags |= static_cast<std::uint16_t>(bar_flag::late);
    out.push_back(b);
  };
  const auto withdraw = [&](const closed_bar& b) {
    bar none;
    none.start = b.bar.start;
    none.end = b.bar.end;
    none.token = token;
    give_out({b.timeframe, cause, none}, true);
  };
  const auto before = final_bars(was, cause);
  auto old = before.begin();
  for (const auto& b : final_bars(is, cause)) {
    for (; old != before.end() && by_timeframe_and_start(*old, b); ++old) withdraw(*old);
    const bool existed = old != before.end() && !by_timeframe_and_start(b, *old);
    if (!existed || old->bar != b.bar) give_out(b, existed);
    if (existed) ++old;
  }
  for (; old != before.end(); ++old) withdraw(*old);
  if (out.size() != out_before) ++count.late;
}

void bar_aggregator::state::make_room() {
  if (held.size() < held.capacity()) return;
  fold_what_is_settled();
  if (held.size() >= max_held) fold_front(held.size() / 2);
  if (held.size() * 2 > held.capacity() || held.capacity() < least_held) {
    held.reserve(std::max(held.capacity() * 2, least_held));
  }
}

void bar_aggregator::state::round_capacity() {
  held.reserve(std::bit_ceil(std::max(held.size(), least_held)));
}

bool bar_aggregator::state::is_consistent() const {
  if (held.size() > max_held) return false;
  if (coverages.empty() || coverages.size() > max_held + 1) return false;
  if (held.empty() && open_until != 0) return false;
  const auto covered = [&](const std::vector<bar_tick>& ticks) {
    return std::all_of(ticks.begin(), ticks.end(), [&](const bar_tick& t) {
      return static_cast<std::uint16_t>(t.coverage - first_coverage) < coverages.size();
    });
  };
  const auto fits = [&](const bar_fold& f) {
    return f.open.size() + f.events.size() == plan->timeframes.size() &&
           f.events.size() == count_event_bars(plan->timeframes) &&
           std::all_of(f.passed.begin(), f.passed.end(),
                       [&](const passed_bar& p) { return p.timeframe < plan->timeframes.size(); });
  };
  return covered(held) && fits(fold) && revised.is_sorted() &&
         std::all_of(history.stretches().begin(), history.stretches().end(), [&](const auto& s) {
           return fits(s.before) && s.ticks.size() != 0 && covered(s.ticks.all());
         });
}

// ---- folding and closing

void bar_aggregator::state::fold_front(std::size_t n) {
  if (n == 0) return;
  const auto stretch_length = horizon() / stretches_per_horizon;
  for (auto rest = std::span<const bar_tick>(held).first(n); !rest.empty();) {
    const auto added = history.add(rest, fold, stretch_length);
    fold_into(fold, rest.first(added));
    rest = rest.subspan(added);
  }
  folded = key_of(held[n - 1]);
  held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(n));
  if (held.empty()) open_until = 0;
  history.forget(watermark - horizon());
  if (coverages.size() > 1) forget_coverages();
}

void bar_aggregator::state::fold_into(bar_fold& f, std::span<const bar_tick> ticks) const {
  while (!ticks.empty()) {
    const auto coverage = ticks.front().coverage;
    std::size_t alike = 1;
    while (alike < ticks.size() && ticks[alike].coverage == coverage) ++alike;
    f.add(ticks.first(alike), coverage_of(ticks.front()), plan->timeframes, *plan->cal);
    ticks = ticks.subspan(alike);
  }
}

void bar_aggregator::state::fold_what_is_settled() {
  const auto floor = settled_floor();
  auto here = fold.zone;
  auto final_until = fold.bars_end <= late_floor ? fold.bars_end : long_ago;
  std::size_t settled = 0;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto t = held[i].time;
    if (t > floor && t >= final_until) {
      if (t > late_floor) break;
      if (!here.contains(t)) here = zone_at(*plan->cal, t);
      if (!here.in_session) continue;
      const auto end = earliest_end(plan->timeframes, here, t);
      if (end > late_floor) break;
      final_until = end;
    }
    settled = i + 1;
  }
  fold_front(settled);
}

void bar_aggregator::state::close(position cause, std::vector<closed_bar>& out) {
  fold_what_is_settled();
  if (fold.bars_end <= late_floor) fold.close_segment();
  const auto first = out.size();
  std::erase_if(fold.passed, [&](const passed_bar& p) {
    if (p.sums.end > late_floor) return false;
    if (p.sums.end > closed_floor) out.push_back({p.timeframe, cause, finished(p.sums)});
    return true;
  });
  const bool sorted = out.size() == first;
  fold.for_each_open([&](std::uint32_t timeframe, const bar_sums& o) {
    if (o.end > late_floor || o.end <= closed_floor) return;
    out.push_back({timeframe, cause, finished(o)});
  });
  if (!sorted) {
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), by_timeframe_and_start);
  }
  for (auto& b : std::span(out).subspan(first)) {
    // It was final before, was withdrawn, and has ended anew.
    if (!revised.knows(b.timeframe, b.bar.start)) continue;
    b.bar.revision = revised.take(b.timeframe, b.bar.start, b.bar.end, true);
    b.bar.flags |= static_cast<std::uint16_t>(bar_flag::late);
  }
  closed_floor = late_floor;
  revised.forget(watermark - horizon(), [&](const revised_bar& r) { return is_unfinished(r); });
  close_at = first_close();
}

/// Withdrawn, and begun again with the same start.
bool bar_aggregator::state::is_unfinished(const revised_bar& r) const {
  const auto is_it = [&](std::uint32_t timeframe, const bar_sums& sums) {
    return timeframe == r.timeframe && sums.start == r.start && sums.end > late_floor;
  };
  bool found = std::any_of(fold.passed.begin(), fold.passed.end(),
                           [&](const passed_bar& p) { return is_it(p.timeframe, p.sums); });
  fold.for_each_open(
      [&](std::uint32_t timeframe, const bar_sums& o) { found = found || is_it(timeframe, o); });
  return found;
}

timestamp bar_aggregator::state::first_close() const {
  auto end = never;
  fold.for_each_open([&](std::uint32_t, const bar_sums& o) {
    if (o.end > late_floor) end = std::min(end, o.end);
  });
  for (const auto& p : fold.passed) {
    if (p.sums.end > late_floor) end = std::min(end, p.sums.end);
  }
  if (fold.segment.ticks != 0 && fold.bars_end > late_floor) end = std::min(end, fold.bars_end);
  auto here = fold.zone;
  for (const auto& t : held) {
    if (!here.contains(t.time)) here = zone_at(*plan->cal, t.time);
    if (!here.in_session) continue;
    end = std::min(end, earliest_end(plan->timeframes, here, t.time));
    break;
  }
  return end == never ? never : end + plan->lateness;
}

bar bar_aggregator::state::finished(const bar_sums& sums) const {
  auto b = sums.bar(token);
  const bool lost = (b.end > lost_from && b.end > lost_told) ||
                    std::any_of(losses.begin(), losses.end(), [&](const feed_loss& l) {
                      return l.from < b.end && l.to > b.start && b.end > l.told;
                    });
  if (lost) b.flags |= static_cast<std::uint16_t>(bar_flag::gap);
  return b;
}

bar_fold bar_aggregator::state::folded_to_the_end() const {
  auto all = fold;
  fold_into(all, held);
  all.close_segment();
  return all;
}

// ---- interface

bar_aggregator::counters bar_aggregator::counters::since(const counters& earlier) const {
  return {ticks - earlier.ticks, duplicates - earlier.duplicates, ahead - earlier.ahead,
          late - earlier.late,   too_late - earlier.too_late,     outside - earlier.outside};
}

bar_aggregator::bar_aggregator(std::shared_ptr<const bar_plan> plan, std::uint32_t token)
    : state_(std::make_unique<state>(std::move(plan), token)) {}
bar_aggregator::bar_aggregator(bar_aggregator&&) noexcept = default;
bar_aggregator& bar_aggregator::operator=(bar_aggregator&&) noexcept = default;
bar_aggregator::~bar_aggregator() = default;

void bar_aggregator::consume(std::span<const bar_input> ticks, std::span<const mark> marks,
                             timestamp clock_before, std::vector<closed_bar>& out) {
  auto& s = *state_;
  s.advance(clock_before);
  auto m = marks.begin();
  const auto apply_before = [&](position p) {
    for (; m != marks.end() && m->position < p; ++m) s.apply(*m, out);
  };
  for (std::size_t next = 0; next < ticks.size();) {
    apply_before(ticks[next].position());
    s.known = true;
    next += s.take_plain(ticks.subspan(next), m, marks.end());
    if (next == ticks.size()) break;
    if (m != marks.end() && m->position < ticks[next].position()) continue;
    s.take_carefully(ticks[next], next == 0 ? s.digest : ticks[next - 1].digest, out);
    ++next;
  }
  if (!ticks.empty()) s.digest = ticks.back().digest;
  s.count.ticks += ticks.size();
  apply_before(past_everything);
}

timestamp bar_aggregator::next_close() const {
  return state_->close_at;
}

void bar_aggregator::live(std::uint32_t mask, std::vector<closed_bar>& out) const {
  const auto all = state_->folded_to_the_end();
  std::vector<const bar_sums*> newest(state_->plan->timeframes.size());
  const auto consider = [&](std::uint32_t timeframe, const bar_sums& sums) {
    auto& at = newest[timeframe];
    if (sums.end > state_->late_floor && (!at || sums.start > at->start)) at = &sums;
  };
  all.for_each_open(consider);
  for (const auto& p : all.passed) consider(p.timeframe, p.sums);
  for (std::uint32_t i = 0; i < newest.size(); ++i) {
    if ((mask >> i & 1) != 0 && newest[i])
      out.push_back({i, newest[i]->last, state_->finished(*newest[i])});
  }
}

const bar_aggregator::counters& bar_aggregator::counts() const {
  return state_->count;
}

std::int64_t bar_aggregator::baseline_volume() const {
  return state_->folded_to_the_end().baseline;
}

std::int64_t bar_aggregator::outside_volume() const {
  return state_->folded_to_the_end().outside;
}

}  // namespace artham::market
