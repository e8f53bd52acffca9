#include "web/api/udf/resolution.hpp"

#include <algorithm>

namespace artham::web::udf {

namespace {

std::string upper_unit(std::string_view text) {
  if (text == "D" || text == "W" || text == "M") return "1" + std::string(text);
  if (text == "12M") return "1Y";
  return std::string(text);
}

}  // namespace

result<market::timeframe> parse_resolution(std::string_view text) {
  const bool number =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  std::string ours = upper_unit(text);
  if (number) ours += 'm';
  if (text.size() > 1 && text.back() == 'S') ours.back() = 's';
  const bool unit = number || (!text.empty() && std::string_view("SDWM").find(text.back()) !=
                                                    std::string_view::npos);
  auto tf =
      unit ? market::parse_timeframe(ours) : result<market::timeframe>(fail(errc::bad_input, ""));
  if (!tf) {
    return fail(errc::bad_input, "resolution '" + std::string(text.substr(0, 20)) +
                                     "' is none like 1, 30S, 1D, 1W or 1M");
  }
  return tf;
}

resolutions resolutions_of(std::span<const market::timeframe> stored) {
  resolutions r;
  for (const auto tf : stored) {
    if (tf == market::one_trading_day) r.days = true;
    if (tf.kind != market::timeframe::unit::intraday) continue;
    const bool whole = tf.length % market::minute == 0;
    const auto number = tf.length / (whole ? market::minute : market::second);
    (whole ? r.minutes : r.seconds).push_back(std::to_string(number));
    r.all.push_back(std::to_string(number) + (whole ? "" : "S"));
  }
  if (!r.days) return r;
  r.months = {"1", "3", "6", "12"};
  for (const auto* longer : {"1D", "1W", "1M", "3M", "6M", "12M"}) r.all.emplace_back(longer);
  return r;
}

bool is_served(market::timeframe tf, std::span<const market::timeframe> stored) {
  const auto needed = market::is_period(tf) ? market::one_trading_day : tf;
  return std::ranges::find(stored, needed) != stored.end();
}

std::int64_t chart_time(market::timeframe tf, market::timestamp start,
                        const market::calendar& cal) {
  if (!is_daily(tf)) return start / market::second;
  return std::int64_t{cal.day_of(start).trading_date.days} * (market::day / market::second);
}

}  // namespace artham::web::udf
