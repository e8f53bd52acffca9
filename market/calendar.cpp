#include "market/calendar.hpp"

#include <algorithm>

namespace artham::market {

namespace {

using hours = calendar_spec::hours;

// calendar::day hides the duration inside the class.
constexpr duration one_day = day;
// Dates that the nanosecond arithmetic of a day and its neighbours cannot overflow.
constexpr std::int32_t date_limit = 106'000;
constexpr timestamp time_limit = date_limit * day;
constexpr duration offset_limit = 26 * hour;
constexpr int search_days = 30;

// What a date is in the table of exceptions.
constexpr std::uint32_t ordinary = 0;
constexpr std::uint32_t holiday = 1;
constexpr std::uint32_t first_special = 2;

timestamp clamp_time(timestamp t) {
  return std::clamp(t, -time_limit, time_limit);
}
date clamp_date(date d) {
  return {std::clamp(d.days, -date_limit, date_limit)};
}

date next(date d) {
  return {d.days + 1};
}
date previous(date d) {
  return {d.days - 1};
}

tl::unexpected<error> refuse(const calendar_spec& spec, const std::string& why) {
  return fail(errc::bad_input, "calendar " + spec.name + ": " + why);
}

result<void> check_sessions(const calendar_spec& spec, date at, const std::vector<hours>& list) {
  const auto where = "sessions of " + to_string(at);
  if (list.empty()) return refuse(spec, where + " are empty; a day without trading is a holiday");
  duration after = 0;
  for (const auto& h : list) {
    if (h.open < after) {
      return refuse(spec, where + " overlap, are out of order or open before midnight");
    }
    if (h.close <= h.open) return refuse(spec, where + " contain one that closes before it opens");
    if (h.open >= day || h.close > 2 * day) {
      return refuse(spec, where + " must open before 24:00 and close before 48:00");
    }
    after = h.close;
  }
  return {};
}

result<void> check_dates(const calendar_spec& spec) {
  const auto check = [&](date d) { return d == clamp_date(d); };
  bool good = check(spec.first) && check(spec.last);
  for (const auto& r : spec.regulars) good = good && check(r.from);
  for (const auto& [d, what] : spec.holidays) good = good && check(d);
  for (const auto& [d, what] : spec.specials) good = good && check(d);
  if (!good) return refuse(spec, "a date lies outside the years 1680 to 2260");
  if (spec.last < spec.first) {
    return refuse(spec, "its last date " + to_string(spec.last) + " is before its first, " +
                            to_string(spec.first));
  }
  return {};
}

result<void> check_order(const calendar_spec& spec) {
  if (spec.offsets.empty()) return refuse(spec, "no UTC offset given");
  for (std::size_t i = 0; i < spec.offsets.size(); ++i) {
    const auto& o = spec.offsets[i];
    if (o.utc < -offset_limit || o.utc > offset_limit) {
      return refuse(spec, "UTC offset from " + to_rfc3339(o.from, 0) + " is more than 26 h");
    }
    if (i > 0 && o.from <= spec.offsets[i - 1].from) {
      return refuse(spec, "UTC offset from " + to_rfc3339(o.from, 0) + " is out of order");
    }
  }
  if (spec.regulars.empty()) return refuse(spec, "no regular hours given");
  for (std::size_t i = 1; i < spec.regulars.size(); ++i) {
    if (spec.regulars[i].from <= spec.regulars[i - 1].from) {
      return refuse(spec,
                    "regular hours from " + to_string(spec.regulars[i].from) + " are out of order");
    }
  }
  for (const int w : spec.weekend) {
    if (w < 0 || w > 6) return refuse(spec, "weekend names a day that is not 0 to 6");
  }
  return {};
}

}  // namespace

result<calendar> calendar::make(calendar_spec spec) {
  if (auto order = check_order(spec); !order) return tl::unexpected(order.error());
  if (auto dates = check_dates(spec); !dates) return tl::unexpected(dates.error());
  for (const auto& r : spec.regulars) {
    if (auto ok = check_sessions(spec, r.from, r.sessions); !ok) return tl::unexpected(ok.error());
    if (r.sessions.back().close - one_day > r.sessions.front().open) {
      return refuse(spec, "regular hours from " + to_string(r.from) + " run into the next day's");
    }
  }
  for (const auto& [d, list] : spec.specials) {
    if (auto ok = check_sessions(spec, d, list); !ok) return tl::unexpected(ok.error());
  }

  calendar made(std::move(spec));
  const auto runs_into_next = [&](date d) {
    const auto today = made.hours_of(d);
    const auto tomorrow = made.hours_of(next(d));
    return !today.empty() && !tomorrow.empty() &&
           today.back().close - one_day > tomorrow.front().open;
  };
  std::vector<date> changes;
  for (const auto& r : made.spec_.regulars) changes.push_back(r.from);
  for (const auto& [d, list] : made.spec_.specials) changes.push_back(d);
  for (const auto d : changes) {
    for (const auto from : {previous(d), d}) {
      if (runs_into_next(from)) {
        return refuse(made.spec_,
                      "sessions of " + to_string(from) + " run into those of the day after");
      }
    }
  }
  return made;
}

calendar::calendar(calendar_spec spec) : spec_(std::move(spec)) {
  auto low = date{date_limit};
  auto high = date{-date_limit};
  const auto cover = [&](date d) {
    low = std::min(low, d);
    high = std::max(high, d);
  };
  for (const auto& [d, reason] : spec_.holidays) cover(d);
  for (const auto& [d, list] : spec_.specials) cover(d);
  if (low <= high) exceptions_.resize(static_cast<std::size_t>(high.days - low.days) + 1, ordinary);
  first_exception_ = low;

  const auto exception = [&](date d) -> std::uint32_t& {
    return exceptions_[static_cast<std::size_t>(d.days - low.days)];
  };
  const auto note_length = [&](const std::vector<hours>& list) {
    crosses_midnight_ = crosses_midnight_ || list.back().close > one_day;
  };
  for (const auto& [d, reason] : spec_.holidays) exception(d) = holiday;
  for (const auto& [d, list] : spec_.specials) {
    exception(d) = first_special + static_cast<std::uint32_t>(special_hours_.size());
    special_hours_.push_back(list);
    note_length(list);
  }
  for (const auto& r : spec_.regulars) note_length(r.sessions);
}

std::size_t calendar::offset_index(timestamp t) const {
  const auto after = std::upper_bound(spec_.offsets.begin() + 1, spec_.offsets.end(), t,
                                      [](timestamp at, const auto& o) { return at < o.from; });
  return static_cast<std::size_t>(after - spec_.offsets.begin()) - 1;
}

timestamp calendar::to_utc(date d, duration time_of_day) const {
  const timestamp local = d.days * one_day + time_of_day;
  auto i = offset_index(local + offset_limit);
  while (i > 0 && local - spec_.offsets[i].utc < spec_.offsets[i].from) --i;
  return local - spec_.offsets[i].utc;
}

const calendar_spec::regular& calendar::regular_of(date d) const {
  const auto after = std::upper_bound(spec_.regulars.begin() + 1, spec_.regulars.end(), d,
                                      [](date at, const auto& r) { return at < r.from; });
  return *(after - 1);
}

std::span<const hours> calendar::hours_of(date d) const {
  // Dates before the first exception wrap around to indices beyond the table.
  const auto index =
      static_cast<std::uint32_t>(d.days) - static_cast<std::uint32_t>(first_exception_.days);
  const auto exception = index < exceptions_.size() ? exceptions_[index] : ordinary;
  if (exception == holiday) return {};
  if (exception >= first_special) return special_hours_[exception - first_special];
  const auto& weekend = spec_.weekend;
  if (std::find(weekend.begin(), weekend.end(), weekday(d)) != weekend.end()) return {};
  return regular_of(d).sessions;
}

session calendar::make_session(date d, std::span<const hours> list, std::size_t index) const {
  const auto& regular = regular_of(d).sessions;
  const auto& peer = regular[std::min(index, regular.size() - 1)];
  const auto& h = list[index];
  return {to_utc(d, h.open), to_utc(d, h.close), d, h.close - h.open < peer.close - peer.open};
}

timestamp calendar::begin_of(date d) const {
  const auto midnight = to_utc(d, 0);
  if (!crosses_midnight_) return midnight;
  const auto before = hours_of(previous(d));
  if (before.empty() || before.back().close <= one_day) return midnight;
  return std::max(midnight, to_utc(previous(d), before.back().close));
}

date calendar::date_of(timestamp t) const {
  const auto d = local_date(t);
  return crosses_midnight_ && t < begin_of(d) ? previous(d) : d;
}

duration calendar::utc_offset(timestamp t) const {
  return spec_.offsets[offset_index(t)].utc;
}

date calendar::local_date(timestamp t) const {
  const auto local = clamp_time(t) + utc_offset(t);
  return {static_cast<std::int32_t>(local / one_day - (local % one_day < 0 ? 1 : 0))};
}

trading_day calendar::day_of(timestamp t) const {
  return day(date_of(clamp_time(t)));
}

trading_day calendar::day(date d) const {
  d = clamp_date(d);
  trading_day made{d, begin_of(d), begin_of(next(d)), {}};
  const auto list = hours_of(d);
  for (std::size_t i = 0; i < list.size(); ++i) made.sessions.push_back(make_session(d, list, i));
  return made;
}

std::optional<session> calendar::session_at(timestamp t) const {
  t = clamp_time(t);
  const auto d = date_of(t);
  const auto list = hours_of(d);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto s = make_session(d, list, i);
    if (t < s.open) return std::nullopt;
    if (t < s.close) return s;
  }
  return std::nullopt;
}

std::optional<session> calendar::next_session(timestamp t) const {
  t = clamp_time(t);
  auto d = date_of(t);
  for (int i = 0; i <= search_days; ++i, d = next(d)) {
    const auto list = hours_of(d);
    for (std::size_t k = 0; k < list.size(); ++k) {
      const auto s = make_session(d, list, k);
      if (t < s.close) return s;
    }
  }
  return std::nullopt;
}

bool calendar::is_trading_date(date d) const {
  return !hours_of(d).empty();
}

}  // namespace artham::market
