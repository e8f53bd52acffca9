#include "web/api/kite/candles.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "market/bar_merge.hpp"
#include "web/api/query.hpp"

namespace artham::web::kite {
namespace {

using market::timeframe;

struct interval {
  std::string_view name;
  market::timeframe timeframe;
  int days;  ///< the longest stretch of one request
};
constexpr auto minutes(int n) {
  return timeframe{timeframe::unit::intraday, n * market::minute};
}
constexpr std::array<interval, 8> intervals{{
    {"minute", minutes(1), 60},
    {"3minute", minutes(3), 100},
    {"5minute", minutes(5), 100},
    {"10minute", minutes(10), 100},
    {"15minute", minutes(15), 200},
    {"30minute", minutes(30), 200},
    {"60minute", minutes(60), 400},
    {"day", market::one_trading_day, 2'000},
}};

/// More than any request may span: a minute of a day that never closes, for 60 days.
constexpr std::size_t most_bars = 100'000;

/// `2026-11-20 09:15:00`, or a date, which means its midnight; in India.
result<market::timestamp> read_time(const text_pairs& query, std::string_view name) {
  const auto text = find_value(query, name);
  if (text) {
    std::string whole(*text);
    if (whole.size() == std::string_view("2026-11-20").size()) whole += " 00:00:00";
    if (const auto time = market::parse_rfc3339(whole + "+05:30")) return *time;
  }
  return fail(errc::bad_input, "invalid `" + std::string(name) + "` '" +
                                   std::string(text.value_or("").substr(0, 100)) +
                                   "': give a time in India like 2026-11-20 09:15:00");
}

/// False when absent.
result<bool> read_flag(const text_pairs& query, std::string_view name) {
  const auto choice = read_choice(query, name, {"0", "1"});
  if (!choice) return tl::unexpected(choice.error());
  return *choice == "1";
}

/// What candles of an interval are made of: themselves, or the longest that are stored and fit.
std::optional<timeframe> source_of(timeframe wanted, std::span<const timeframe> stored) {
  std::optional<timeframe> best;
  for (const auto tf : stored) {
    if (tf == wanted) return tf;
    const bool fits = tf.kind == timeframe::unit::intraday && wanted.kind == tf.kind &&
                      wanted.length % tf.length == 0;
    if (fits && (!best || best->length < tf.length)) best = tf;
  }
  return best;
}

std::string label(market::timestamp t) {
  auto text = market::to_rfc3339(t, market::india_offset);
  text.erase(text.rfind(':'), 1);
  return text;
}

market::date day_in_india(market::timestamp t) {
  return {static_cast<std::int32_t>((t + market::india_offset) / market::day)};
}

result<std::vector<market::bar>> read_bars(store::reader& reader, const candles_request& asked,
                                           const market::calendar_ptr& calendar) {
  store::bar_query q;
  q.token = asked.token;
  q.timeframe = asked.stored;
  q.limit = most_bars;
  q.from = asked.from;
  // A day is labelled by its midnight, and the first of its sessions may begin the evening before.
  if (asked.interval == market::one_trading_day) q.from -= market::day;
  const bool made = asked.stored != asked.interval;
  q.to = asked.until + 1;
  if (asked.interval == market::one_trading_day) q.to += market::day;
  if (made) q.to += asked.interval.length;
  const auto rows = reader.bars(q);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<market::bar> bars;
  bars.reserve(rows->size());
  for (const auto& r : *rows) bars.push_back(r.bar);
  if (!made) return bars;
  if (!calendar) return fail(errc::not_found, "no calendar is known for the instrument");
  return market::merge_bars(bars, asked.interval, calendar);
}

}  // namespace

result<candles_request> read_candles_request(std::string_view path, const text_pairs& query,
                                             std::span<const timeframe> stored) {
  candles_request asked;
  const auto slash = path.find('/');
  const auto token = path.substr(0, slash);
  const auto [end, ec] = std::from_chars(token.data(), token.data() + token.size(), asked.token);
  if (slash == std::string_view::npos || ec != std::errc() || end != token.data() + token.size())
    return fail(errc::bad_input, "invalid token '" + std::string(token.substr(0, 100)) + "'");
  const auto name = path.substr(slash + 1);
  const auto found = std::ranges::find(intervals, name, &interval::name);
  if (found == intervals.end()) {
    return fail(errc::bad_input, "invalid interval '" + std::string(name.substr(0, 100)) +
                                     "': there are minute, 3minute, 5minute, 10minute, 15minute, "
                                     "30minute, 60minute and day");
  }
  asked.interval = found->timeframe;
  const auto source = source_of(asked.interval, stored);
  if (!source) {
    return fail(errc::bad_input, "candles of interval '" + std::string(name) +
                                     "' are not made here: bars.timeframes has no " +
                                     market::to_string(asked.interval) +
                                     ", and none that it can be made of");
  }
  asked.stored = *source;

  const auto from = read_time(query, "from");
  if (!from) return tl::unexpected(from.error());
  const auto until = read_time(query, "to");
  if (!until) return tl::unexpected(until.error());
  if (*until < *from) return fail(errc::bad_input, "`from` is later than `to`");
  if (*until - *from > found->days * market::day) {
    return fail(errc::bad_input,
                "interval exceeds max limit: " + std::to_string(found->days) + " days");
  }
  asked.from = *from;
  asked.until = *until;
  const auto continuous = read_flag(query, "continuous");
  if (!continuous) return tl::unexpected(continuous.error());
  if (*continuous) {
    return fail(errc::bad_input,
                "continuous=1 is not served: ask for each contract by its own token");
  }
  const auto oi = read_flag(query, "oi");
  if (!oi) return tl::unexpected(oi.error());
  asked.with_oi = *oi;
  return asked;
}

result<std::string> candles_json(store::reader& reader, const candles_request& asked,
                                 const market::calendar_ptr& calendar) {
  const auto bars = read_bars(reader, asked, calendar);
  if (!bars) return tl::unexpected(bars.error());
  std::string out = "{\"candles\":[";
  for (const auto& b : *bars) {
    auto start = b.start;
    if (asked.interval == market::one_trading_day) {
      const auto day = calendar ? calendar->day_of(b.start).trading_date : day_in_india(b.start);
      if (day < day_in_india(asked.from) || day > day_in_india(asked.until)) continue;
      start = day.days * market::day - market::india_offset;
    } else if (b.start < asked.from || b.start > asked.until) {
      continue;
    }
    if (out.back() == ']') out += ',';
    out += "[\"" + label(start) + '"';
    for (const auto p : {b.open, b.high, b.low, b.close}) out += ',' + market::to_string(p);
    out += ',' + std::to_string((b.fields & market::bar::volume_known) != 0 ? b.volume : 0);
    if (asked.with_oi)
      out += ',' + std::to_string((b.fields & market::bar::oi_known) != 0 ? b.oi : 0);
    out += ']';
  }
  return out + "]}";
}

}  // namespace artham::web::kite
