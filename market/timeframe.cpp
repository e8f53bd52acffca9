#include "market/timeframe.hpp"

#include <algorithm>
#include <charconv>

namespace artham::market {

namespace {

constexpr std::string_view accepted =
    "accepted are whole seconds, minutes and hours up to 24h (30s 5m 75m 1h), 1D, 1W, 1M, 3M, 6M "
    "and 1Y";
constexpr std::size_t max_timeframes = 32;

tl::unexpected<error> refuse(errc code, std::string_view text, std::string_view why) {
  return fail(code, "timeframe '" + std::string(text) + "': " + std::string(why) + "; " +
                        std::string(accepted));
}

}  // namespace

result<timeframe> parse_timeframe(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  if (failure != std::errc() || suffix.size() != 1) {
    return refuse(errc::bad_input, text, "not a number and a unit");
  }
  if (count <= 0) return refuse(errc::bad_input, text, "the length must be positive");

  duration length = 0;
  switch (suffix.front()) {
    case 's':
      length = second;
      break;
    case 'm':
      length = minute;
      break;
    case 'h':
      length = hour;
      break;
    case 'D':
      if (count == 1) return one_trading_day;
      return refuse(errc::unsupported, text, "several days in one bar are not offered");
    case 'W':
      if (count == 1) return timeframe{timeframe::unit::week, 1};
      return refuse(errc::unsupported, text, "several weeks in one bar are not offered");
    case 'M':
      if (count == 1 || count == 3 || count == 6) return timeframe{timeframe::unit::months, count};
      return refuse(errc::unsupported, text, "months come by 1, 3 and 6");
    case 'Y':
      if (count == 1) return timeframe{timeframe::unit::months, 12};
      return refuse(errc::unsupported, text, "several years in one bar are not offered");
    case 't':
    case 'v':
    case 'n':
    case 'r':
      return refuse(errc::unsupported, text,
                    "tick, volume, value and range bars are not offered here");
    default:
      return refuse(errc::bad_input, text, "unknown unit");
  }
  if (count > day / length) return refuse(errc::bad_input, text, "longer than a day");
  return timeframe{timeframe::unit::intraday, count * length};
}

std::string to_string(timeframe tf) {
  if (tf.kind == timeframe::unit::trading_day) return "1D";
  if (tf.kind == timeframe::unit::week) return "1W";
  if (tf.kind == timeframe::unit::months) {
    return tf.length == 12 ? "1Y" : std::to_string(tf.length) + "M";
  }
  if (tf.length % hour == 0) return std::to_string(tf.length / hour) + "h";
  if (tf.length % minute == 0) return std::to_string(tf.length / minute) + "m";
  return std::to_string(tf.length / second) + "s";
}

result<std::vector<timeframe>> parse_timeframes(std::string_view text, bool with_periods) {
  constexpr std::string_view separators = ", \t";
  std::vector<timeframe> list;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(separators, at)) != std::string_view::npos) {
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    const auto word = text.substr(at, end - at);
    auto parsed = parse_timeframe(word);
    if (!parsed) return tl::unexpected(std::move(parsed.error()));
    if (is_period(*parsed) && !with_periods) {
      return fail(errc::bad_input, "timeframe '" + std::string(word) +
                                       "' is not built from ticks but made of 1D bars when it is "
                                       "asked for; leave it out of '" +
                                       std::string(text) + "'");
    }
    if (std::find(list.begin(), list.end(), *parsed) != list.end()) {
      return fail(errc::bad_input, "timeframe '" + std::string(word) + "' is listed twice in '" +
                                       std::string(text) + "' (as " + to_string(*parsed) +
                                       "); remove one of them");
    }
    list.push_back(*parsed);
    at = end;
  }
  if (list.empty()) {
    return fail(errc::bad_input, "no timeframe given; " + std::string(accepted));
  }
  if (list.size() > max_timeframes) {
    return fail(errc::bad_input, std::to_string(list.size()) + " timeframes given, at most " +
                                     std::to_string(max_timeframes) + " are possible");
  }
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace artham::market
