#include "bar_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace bar_test {

namespace {

using hours = calendar_spec::hours;
constexpr duration india = 5 * hour + 30 * minute;

calendar_ptr make_calendar(std::string name, duration offset, std::vector<hours> sessions,
                           bool weekends) {
  calendar_spec spec;
  spec.name = std::move(name);
  spec.offsets = {{0, offset}};
  if (weekends) spec.weekend.clear();
  spec.regulars = {{make_date(2010, 1, 1), std::move(sessions)}};
  spec.specials = {{make_date(2025, 12, 31), {{18 * hour, 19 * hour}}}};
  spec.first = make_date(2010, 1, 1);
  spec.last = make_date(2030, 12, 31);
  auto made = calendar::make(std::move(spec));
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  return std::make_shared<const calendar>(*std::move(made));
}

}  // namespace

calendar_ptr nse() {
  static const auto cal =
      make_calendar("NSE", india, {{9 * hour + 15 * minute, 15 * hour + 30 * minute}}, false);
  return cal;
}

calendar_ptr nyse_in_summer() {
  static const auto cal =
      make_calendar("NYSE", -4 * hour, {{9 * hour + 30 * minute, 16 * hour}}, false);
  return cal;
}

calendar_ptr around_the_clock() {
  static const auto cal = make_calendar("24x7", 0, {{0, 24 * hour}}, true);
  return cal;
}

calendar_ptr two_sessions() {
  static const auto cal = make_calendar(
      "two", india, {{9 * hour, 12 * hour}, {13 * hour, 15 * hour + 30 * minute}}, true);
  return cal;
}

std::shared_ptr<const bar_plan> make_plan(std::string_view timeframes, calendar_ptr cal,
                                          duration lateness) {
  auto list = parse_timeframes(timeframes);
  REQUIRE_MESSAGE(list.has_value(), (list ? "" : list.error().message));
  return std::make_shared<const bar_plan>(bar_plan{*list, lateness, std::move(cal)});
}

timestamp at(std::string_view time_of_day, int days_later) {
  const auto t = parse_rfc3339("2025-12-29T" + std::string(time_of_day) + "+05:30");
  REQUIRE_MESSAGE(t.has_value(), (t ? "" : t.error().message));
  return *t + days_later * day;
}

position stream::take() {
  ++size_;
  return std::exchange(next_, {next_.epoch, next_.seq + 1});
}

bar_input& stream::tick(timestamp time, std::string_view last) {
  const auto p = take();
  bar_input t;
  t.time = time;
  t.seq = p.seq;
  t.epoch = p.epoch;
  t.last = parse_price(last).value();
  t.token = token;
  t.mode = tick_mode::full;
  t.digest = p.seq * 1'000 + p.epoch;
  return ticks.emplace_back(t);
}

bar_input& stream::tick(timestamp time, std::string_view last, std::int64_t volume) {
  auto& t = tick(time, last);
  t.fields |= bar_input::volume;
  t.volume_or_size = volume;
  return t;
}

bar_input& stream::traded(timestamp time, std::string_view last, std::int64_t size) {
  auto& t = tick(time, last);
  t.fields |= bar_input::size;
  t.volume_or_size = size;
  return t;
}

market::mark& stream::add_mark(mark_kind kind, timestamp time) {
  market::mark m;
  m.kind = kind;
  m.position = take();
  m.time = time;
  return marks.emplace_back(std::move(m));
}

void stream::clock(timestamp time) {
  add_mark(mark_kind::clock, time);
}

void stream::gap_begins(timestamp from, std::vector<std::uint32_t> tokens) {
  auto& m = add_mark(mark_kind::gap, from);
  m.from = from;
  m.flag = market::gap_begins;
  m.cause = gap_cause::disconnected;
  m.tokens = std::move(tokens);
}

void stream::gap(timestamp from, timestamp to, std::vector<std::uint32_t> tokens) {
  auto& m = add_mark(mark_kind::gap, to);
  m.from = from;
  m.cause = gap_cause::disconnected;
  m.tokens = std::move(tokens);
}

void stream::subscribed(timestamp time, std::vector<std::uint32_t> tokens) {
  auto& m = add_mark(mark_kind::subscription, time);
  m.flag = 1;
  m.mode = tick_mode::full;
  m.tokens = std::move(tokens);
}

void stream::unsubscribed(timestamp time, std::vector<std::uint32_t> tokens) {
  subscribed(time, std::move(tokens));
  marks.back().flag = 0;
}

void stream::restart(timestamp time) {
  ++next_.epoch;
  add_mark(mark_kind::epoch, time);
}

std::vector<closed_bar> closed_by(bar_aggregator& a, const stream& s) {
  std::vector<closed_bar> out;
  a.consume(s.ticks, s.marks, 0, out);
  return out;
}

std::vector<closed_bar> closed_by(std::shared_ptr<const bar_plan> plan, const stream& s) {
  bar_aggregator a(std::move(plan), token);
  return closed_by(a, s);
}

std::vector<bar> only(std::string_view timeframe, const bar_plan& plan,
                      const std::vector<closed_bar>& all) {
  const auto tf = parse_timeframe(timeframe).value();
  std::vector<bar> out;
  for (const auto& c : all) {
    if (plan.timeframes[c.timeframe] == tf) out.push_back(c.bar);
  }
  return out;
}

std::vector<closed_bar> by_start(std::vector<closed_bar> bars) {
  std::sort(bars.begin(), bars.end(), [](const closed_bar& a, const closed_bar& b) {
    return std::pair(a.timeframe, a.bar.start) < std::pair(b.timeframe, b.bar.start);
  });
  return bars;
}

std::vector<closed_bar> in_the_end(const std::vector<closed_bar>& bars) {
  std::map<std::pair<std::uint32_t, timestamp>, closed_bar> newest;
  for (const auto& b : bars) {
    const auto [at, added] = newest.try_emplace({b.timeframe, b.bar.start}, b);
    if (!added && b.bar.revision > at->second.bar.revision) at->second = b;
  }
  std::vector<closed_bar> out;
  for (auto& [key, b] : newest) {
    if (b.bar.ticks == 0) continue;
    b.cause = {};
    b.bar.revision = 0;
    b.bar.flags &= static_cast<std::uint16_t>(~static_cast<unsigned>(bar_flag::late));
    out.push_back(b);
  }
  return out;
}

std::string text(const bar& b) {
  std::ostringstream o;
  o << to_rfc3339(b.start, india) << ".." << to_rfc3339(b.end, india) << " " << to_string(b.open)
    << " " << to_string(b.high) << " " << to_string(b.low) << " " << to_string(b.close) << " v"
    << b.volume << " oi" << b.oi << " doi" << b.oi_change << " vwap" << to_string(b.vwap) << " n"
    << b.ticks << " [" << flags_text(b.flags) << "] fields" << int{b.fields} << " first"
    << b.first.epoch << ":" << b.first.seq << " last" << b.last.epoch << ":" << b.last.seq
    << " token" << b.token << " r" << b.revision;
  return o.str();
}

std::string difference(const std::vector<closed_bar>& a, const std::vector<closed_bar>& b) {
  const auto line = [](const closed_bar& c) {
    return "tf" + std::to_string(c.timeframe) + " cause" + std::to_string(c.cause.epoch) + ":" +
           std::to_string(c.cause.seq) + " " + text(c.bar);
  };
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const auto left = i < a.size() ? line(a[i]) : "nothing";
    const auto right = i < b.size() ? line(b[i]) : "nothing";
    if (left != right) return "bar " + std::to_string(i) + ":\n  " + left + "\n  " + right;
  }
  return {};
}

// ---- the reference

namespace {

struct history {
  timestamp since = never;  ///< subscribed without a loss since
  int losses = 0;
  std::vector<std::pair<timestamp, timestamp>> lost;
};

/// What the marks in front of `p` say, read from the start each time.
history before(position p, const std::vector<market::mark>& marks, position first_tick) {
  history h;
  bool subscribed = false;
  bool taken_back = false;
  timestamp lost_from = never;
  const auto end_loss = [&](timestamp from, timestamp to) {
    h.lost.emplace_back(std::min(from, lost_from), std::max(to, std::min(from, lost_from) + 1));
    lost_from = never;
  };
  bool known = false;
  for (const auto& m : marks) {
    if (!(m.position < p)) break;
    known = known || first_tick < m.position;
    const bool mine = std::find(m.tokens.begin(), m.tokens.end(), token) != m.tokens.end() ||
                      (m.kind == mark_kind::gap && m.tokens.empty());
    if (m.kind == mark_kind::epoch) {
      subscribed = false;
      h.since = never;
    } else if (m.kind == mark_kind::gap && mine && known) {
      ++h.losses;
      if (m.flag == gap_begins) {
        lost_from = std::min(lost_from, m.from);
        h.since = never;
      } else {
        end_loss(m.from, m.time);
        h.since = subscribed ? m.time : never;
      }
    } else if (m.kind == mark_kind::subscription && mine && m.flag == 1) {
      known = true;
      if (lost_from != never) end_loss(lost_from, m.time);
      if (taken_back) ++h.losses;
      taken_back = false;
      if (!subscribed || h.since == never) h.since = m.time;
      subscribed = true;
    } else if (m.kind == mark_kind::subscription && mine) {
      known = true;
      subscribed = false;
      taken_back = true;
      h.since = never;
    }
  }
  if (lost_from != never) h.lost.emplace_back(lost_from, never);
  return h;
}

struct counted {
  bar_input tick;
  std::optional<std::int64_t> step;
  std::uint16_t flags = 0;
};

/// How much volume each tick of one trading day, in tick order, stands for.
void count_volume(std::vector<counted>& ticks, const trading_day& d,
                  const std::vector<market::mark>& marks, position first_tick) {
  const auto open = d.sessions.empty() ? never : d.sessions.front().open;
  const counted* before_it = nullptr;
  bool after_open = false;
  bool without_volume = false;
  for (auto& c : ticks) {
    const auto& t = c.tick;
    if ((t.fields & bar_input::size) != 0) {
      c.step = t.volume_or_size;
      continue;
    }
    if ((t.fields & bar_input::volume) == 0) {
      if (t.time >= open && !after_open) without_volume = true;
      continue;
    }
    const auto told = before(t.position(), marks, first_tick);
    c.step = 0;
    if (t.time >= open) {
      const auto losses_before =
          before_it ? before(before_it->tick.position(), marks, first_tick).losses : 0;
      if (!before_it) {
        if (told.since < open && !without_volume) {
          c.step = t.volume_or_size;
        } else {
          c.flags = static_cast<std::uint16_t>(bar_flag::partial);
        }
      } else if (t.volume_or_size < before_it->tick.volume_or_size) {
        if (after_open) {
          c.flags = static_cast<std::uint16_t>(bar_flag::reset);
        } else {
          c.step = t.volume_or_size;
        }
      } else {
        c.step = t.volume_or_size - before_it->tick.volume_or_size;
      }
      if (before_it && *c.step > 0 && told.losses != losses_before) {
        c.flags = static_cast<std::uint16_t>(bar_flag::gap);
      }
      after_open = true;
    }
    before_it = &c;
  }
}

std::optional<std::pair<timestamp, timestamp>> bar_of(const timeframe& tf, const trading_day& d,
                                                      timestamp t) {
  for (const auto& s : d.sessions) {
    if (t < s.open || t >= s.close) continue;
    if (tf.kind == timeframe::unit::trading_day) {
      return std::pair(d.sessions.front().open, d.sessions.back().close);
    }
    auto start = s.open;
    while (start + tf.length <= t) start += tf.length;
    return std::pair(start, std::min(start + tf.length, s.close));
  }
  return std::nullopt;
}

using cut_bars = std::map<std::pair<timestamp, timestamp>, std::vector<const counted*>>;

cut_bars cut_by_time(const timeframe& tf, const trading_day& d, const std::vector<counted>& today) {
  cut_bars bars;
  for (const auto& c : today) {
    if (const auto bounds = bar_of(tf, d, c.tick.time)) bars[*bounds].push_back(&c);
  }
  return bars;
}

/// Whether ticks that make one bar are enough for it, all of them looked at anew.
bool is_full(const timeframe& tf, const std::vector<const counted*>& inside) {
  std::int64_t volume = 0;
  int128 value = 0;
  auto high = inside.front()->tick.last;
  auto low = high;
  for (const auto* c : inside) {
    volume += c->step.value_or(0);
    value += int128{c->tick.last.units} * c->step.value_or(0);
    high = std::max(high, c->tick.last);
    low = std::min(low, c->tick.last);
  }
  switch (tf.kind) {
    case timeframe::unit::ticks:
      return static_cast<std::int64_t>(inside.size()) == tf.length;
    case timeframe::unit::volume:
      return volume >= tf.length;
    case timeframe::unit::value:
      return value >= int128{tf.length} * price_scale;
    default:
      return high.units - low.units >= tf.length;
  }
}

/// `last_end` is where the bar before ended, of any day.
cut_bars cut_by_events(const timeframe& tf, const trading_day& d, const std::vector<counted>& today,
                       timestamp& last_end) {
  const auto in_microseconds = [](timestamp t) { return t - t % microsecond; };
  cut_bars bars;
  for (const auto& s : d.sessions) {
    std::vector<const counted*> inside;
    const auto end_with = [&](std::optional<timestamp> last_tick) {
      const auto start = std::max(in_microseconds(inside.front()->tick.time), last_end);
      const auto end = last_tick ? in_microseconds(*last_tick) + microsecond : s.close;
      last_end = std::max(end, start + microsecond);
      bars[{start, last_end}] = std::exchange(inside, {});
    };
    for (const auto& c : today) {
      if (c.tick.time < s.open || c.tick.time >= s.close) continue;
      inside.push_back(&c);
      if (is_full(tf, inside)) end_with(c.tick.time);
    }
    if (!inside.empty()) end_with(std::nullopt);
  }
  return bars;
}

bool is_short(const timeframe& tf, const trading_day& d, timestamp start) {
  return std::any_of(d.sessions.begin(), d.sessions.end(), [&](const session& s) {
    const bool whole_day = tf.kind == timeframe::unit::trading_day;
    return s.is_short && (whole_day || (start >= s.open && start < s.close));
  });
}

bar make_bar(const std::vector<const counted*>& inside, const std::vector<counted>& today) {
  bar b;
  b.token = token;
  b.open = inside.front()->tick.last;
  b.close = inside.back()->tick.last;
  b.high = b.low = b.open;
  b.first = inside.front()->tick.position();
  b.last = inside.back()->tick.position();
  b.ticks = static_cast<std::uint32_t>(inside.size());
  int128 value = 0;
  for (const auto* c : inside) {
    b.high = std::max(b.high, c->tick.last);
    b.low = std::min(b.low, c->tick.last);
    b.flags |= c->flags;
    if (c->step) {
      b.fields |= bar::volume_known;
      b.volume += *c->step;
      value += int128{c->tick.last.units} * *c->step;
    }
    if ((c->tick.fields & bar_input::open_interest) != 0) {
      b.fields |= bar::oi_known;
      b.oi = c->tick.oi;
    }
  }
  if (b.volume > 0) {
    b.fields |= bar::vwap_known;
    b.vwap = {divide_half_even(value, b.volume)};
  }
  if ((b.fields & bar::oi_known) != 0) {
    for (const auto& c : today) {
      if (&c == inside.front()) break;
      if ((c.tick.fields & bar_input::open_interest) == 0) continue;
      b.fields |= bar::oi_change_known;
      b.oi_change = b.oi - c.tick.oi;
    }
  }
  return b;
}

}  // namespace

std::vector<closed_bar> reference(const bar_plan& plan, std::vector<bar_input> ticks,
                                  const std::vector<market::mark>& marks) {
  if (ticks.empty()) return {};
  const auto first_tick =
      std::min_element(ticks.begin(), ticks.end(), [](const auto& a, const auto& b) {
        return a.position() < b.position();
      })->position();
  const auto volume = [](const bar_input& t) {
    return (t.fields & bar_input::volume) != 0 ? t.volume_or_size : INT64_MIN;
  };
  std::sort(ticks.begin(), ticks.end(), [&](const bar_input& a, const bar_input& b) {
    return std::tuple(a.time, volume(a), a.epoch, a.seq) <
           std::tuple(b.time, volume(b), b.epoch, b.seq);
  });
  std::vector<market::mark> clocks;
  std::vector<market::mark> news;
  for (const auto& m : marks) (m.kind == mark_kind::clock ? clocks : news).push_back(m);
  std::map<date, std::vector<counted>> days;
  for (const auto& t : ticks) days[plan.cal->day_of(t.time).trading_date].push_back({t, {}, 0});

  std::vector<closed_bar> out;
  std::vector<timestamp> events_end(plan.timeframes.size(), 0);
  for (auto& [trading_date, today] : days) {
    const auto d = plan.cal->day(trading_date);
    count_volume(today, d, news, first_tick);
    for (std::uint32_t i = 0; i < plan.timeframes.size(); ++i) {
      const auto& tf = plan.timeframes[i];
      const auto bars =
          is_event(tf) ? cut_by_events(tf, d, today, events_end[i]) : cut_by_time(tf, d, today);
      for (const auto& [bounds, inside] : bars) {
        const auto final_by =
            std::lower_bound(clocks.begin(), clocks.end(), bounds.second + plan.lateness,
                             [](const auto& m, timestamp t) { return m.time < t; });
        if (final_by == clocks.end()) continue;
        auto b = make_bar(inside, today);
        b.start = bounds.first;
        b.end = bounds.second;
        if (is_short(tf, d, b.start))
          b.flags |= static_cast<std::uint16_t>(bar_flag::short_session);
        for (const auto& [from, to] : before(final_by->position, news, first_tick).lost) {
          if (from < b.end && to > b.start) b.flags |= static_cast<std::uint16_t>(bar_flag::gap);
        }
        out.push_back({i, final_by->position, b});
      }
    }
  }
  return by_start(std::move(out));
}

}  // namespace bar_test
