#include "market/timeframe.hpp"

#include <algorithm>
#include <charconv>

#include "market/price.hpp"

namespace artham::market {

namespace {

constexpr std::string_view accepted =
    "accepted are whole seconds, minutes and hours up to 24h (30s 5m 75m 1h), 1D, 1W, 1M, 3M, 6M "
    "and 1Y, and bars that end with a count of ticks (100t), a traded volume (50000v), a traded "
    "value (1000000n) or a span of prices (2.5r)";
constexpr std::int64_t most_ticks = 1'000'000'000;
constexpr std::size_t max_timeframes = 32;

tl::unexpected<error> refuse(errc code, std::string_view text, std::string_view why) {
  return fail(code, "timeframe '" + std::string(text) + "': " + std::string(why) + "; " +
                        std::string(accepted));
}

/// A span of prices: decimal, and so unlike all other lengths.
result<timeframe> parse_range(std::string_view text, std::string_view number) {
  if (number.empty() || number.front() == '+') {
    return refuse(errc::bad_input, text, "not a number and a unit");
  }
  const auto span = parse_price(number);
  if (!span) return refuse(errc::bad_input, text, span.error().message);
  if (span->units <= 0) return refuse(errc::bad_input, text, "the span must be positive");
  return timeframe{timeframe::unit::range, span->units};
}

}  // namespace

result<timeframe> parse_timeframe(std::string_view text) {
  const auto number = text.substr(0, text.empty() ? 0 : text.size() - 1);
  const char suffix = text.empty() ? '\0' : text.back();
  if (suffix == 'r') return parse_range(text, number);
  std::int64_t count = 0;
  const auto* const last = number.data() + number.size();
  const auto [end, failure] = std::from_chars(number.data(), last, count);
  if (failure == std::errc::result_out_of_range && end == last) {
    return refuse(errc::bad_input, text, "the number is too large");
  }
  if (failure != std::errc() || end != last) {
    return refuse(errc::bad_input, text, "not a number and a unit");
  }
  if (count <= 0) return refuse(errc::bad_input, text, "the length must be positive");

  duration length = 0;
  switch (suffix) {
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
      if (count <= most_ticks) return timeframe{timeframe::unit::ticks, count};
      return refuse(errc::bad_input, text, "more than 1000000000 ticks");
    case 'v':
      return timeframe{timeframe::unit::volume, count};
    case 'n':
      return timeframe{timeframe::unit::value, count};
    default:
      return refuse(errc::bad_input, text, "unknown unit");
  }
  if (count > day / length) return refuse(errc::bad_input, text, "longer than a day");
  return timeframe{timeframe::unit::intraday, count * length};
}

std::string to_string(timeframe tf) {
  switch (tf.kind) {
    case timeframe::unit::trading_day:
      return "1D";
    case timeframe::unit::week:
      return "1W";
    case timeframe::unit::months:
      return tf.length == 12 ? "1Y" : std::to_string(tf.length) + "M";
    case timeframe::unit::ticks:
      return std::to_string(tf.length) + "t";
    case timeframe::unit::volume:
      return std::to_string(tf.length) + "v";
    case timeframe::unit::value:
      return std::to_string(tf.length) + "n";
    case timeframe::unit::range:
      return to_string(price{tf.length}) + "r";
    case timeframe::unit::intraday:
      break;
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
