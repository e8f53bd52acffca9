#include "web/api/query.hpp"

#include <algorithm>
#include <charconv>

namespace artham::web {
namespace {

std::string joined(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const auto w : words) {
    if (!out.empty()) out += ", ";
    out += w;
  }
  return out;
}

std::string quoted(std::string_view name, std::string_view value) {
  return std::string(name) + "='" + std::string(value.substr(0, 100)) + "'";
}

}  // namespace

result<void> check_names(const text_pairs& query, std::initializer_list<std::string_view> known) {
  for (auto it = query.begin(); it != query.end(); ++it) {
    if (std::find(known.begin(), known.end(), it->first) == known.end())
      return fail(errc::bad_input, "parameter '" + it->first.substr(0, 100) +
                                       "' is not known here; accepted are " +
                                       (known.size() == 0 ? "none" : joined(known)));
    if (std::any_of(query.begin(), it, [&](const auto& p) { return p.first == it->first; }))
      return fail(errc::bad_input, "parameter '" + it->first + "' is given twice; give it once");
  }
  return {};
}

std::optional<std::string_view> find_value(const text_pairs& query, std::string_view name) {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

result<std::size_t> read_count(const text_pairs& query, std::string_view name,
                               std::size_t otherwise, std::size_t most) {
  const auto text = find_value(query, name);
  if (!text) return otherwise;
  std::size_t value = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (ec != std::errc() || end != text->data() + text->size() || value < 1 || value > most)
    return fail(errc::bad_input,
                quoted(name, *text) + " is no whole number from 1 to " + std::to_string(most));
  return value;
}

result<market::timestamp> read_time(const text_pairs& query, std::string_view name,
                                    market::timestamp otherwise) {
  const auto text = find_value(query, name);
  if (!text) return otherwise;
  std::int64_t micros = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), micros);
  if (ec == std::errc() && end == text->data() + text->size()) {
    constexpr std::int64_t most = market::never / market::microsecond;
    if (micros <= most && micros >= -most) return micros * market::microsecond;
  } else {
    std::string mended(*text);
    if (const auto space = mended.rfind(' '); space != std::string::npos && space >= 16)
      mended[space] = '+';
    if (auto time = market::parse_rfc3339(mended)) return *time;
  }
  return fail(errc::bad_input,
              quoted(name, *text) +
                  " is neither a time like 2026-11-20T09:15:00+05:30 nor microseconds since 1970");
}

result<instrument_name> read_instrument(const text_pairs& query) {
  const auto instrument = find_value(query, "instrument");
  if (!instrument || instrument->empty())
    return fail(errc::bad_input,
                "parameter 'instrument' is missing; give a key like NSE:INFY or a token");
  instrument_name name{std::string(*instrument), {}};
  if (const auto on = find_value(query, "on")) {
    const auto day = market::parse_date(*on);
    if (!day) return fail(errc::bad_input, "parameter 'on': " + day.error().message);
    name.on = *day;
  }
  return name;
}

result<market::timeframe> read_timeframe(const text_pairs& query,
                                         std::span<const market::timeframe> stored) {
  std::string known;
  for (const auto t : stored) known += (known.empty() ? "" : ", ") + market::to_string(t);
  const auto text = find_value(query, "timeframe");
  if (!text) return fail(errc::bad_input, "parameter 'timeframe' is missing; stored are " + known);
  const auto timeframe = market::parse_timeframe(*text);
  if (!timeframe) return fail(errc::bad_input, "timeframe: " + timeframe.error().message);
  const auto needed = market::is_period(*timeframe) ? market::one_trading_day : *timeframe;
  if (std::find(stored.begin(), stored.end(), needed) == stored.end()) {
    return fail(errc::bad_input, "timeframe='" + std::string(*text) + "' is " +
                                     (needed == *timeframe ? "" : "made of 1D bars, which are ") +
                                     "not stored; stored are " + known);
  }
  return *timeframe;
}

result<market::timeframe> read_candle_timeframe(const text_pairs& query) {
  for (const auto* other : {"revision", "as_of"}) {
    if (find_value(query, other)) {
      return fail(errc::bad_input, "'" + std::string(other) +
                                       "' is for our own bars; source='kite' has each candle once");
    }
  }
  const auto text = find_value(query, "timeframe");
  if (!text) return fail(errc::bad_input, "parameter 'timeframe' is missing; give one like 1m");
  const auto timeframe = market::parse_timeframe(*text);
  if (!timeframe) return fail(errc::bad_input, "timeframe: " + timeframe.error().message);
  if (market::is_period(*timeframe)) {
    return fail(errc::bad_input, "timeframe='" + std::string(*text) +
                                     "' is not offered of source='kite'; its longest is 1D");
  }
  return *timeframe;
}

result<std::string_view> read_choice(const text_pairs& query, std::string_view name,
                                     std::initializer_list<std::string_view> choices) {
  const auto text = find_value(query, name);
  if (!text) return *choices.begin();
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found == choices.end())
    return fail(errc::bad_input, quoted(name, *text) + " is none of " + joined(choices));
  return *found;
}

}  // namespace artham::web
