#include "web/api/udf/symbol.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "web/api/udf/resolution.hpp"

namespace artham::web::udf {
namespace {

std::string two_digits(std::int64_t n) {
  return (n < 10 ? "0" : "") + std::to_string(n);
}

std::string time_of_day(market::duration t) {
  t %= market::day;
  return two_digits(t / market::hour) + two_digits(t % market::hour / market::minute);
}

std::string hours_text(const std::vector<market::calendar_spec::hours>& list) {
  std::string out;
  for (const auto& h : list) {
    if (!out.empty()) out += ',';
    out += time_of_day(h.open) + '-' + time_of_day(h.close);
  }
  return out;
}

std::string compact(market::date d) {
  auto text = market::to_string(d);
  std::erase(text, '-');
  return text;
}

std::string holidays_of(const market::calendar_spec& spec) {
  std::string out;
  for (const auto& entry : spec.holidays) {
    if (spec.specials.contains(entry.first)) continue;
    if (!out.empty()) out += ',';
    out += compact(entry.first);
  }
  return out;
}

/// Days with hours of their own: `1800-1900:20261108;…`.
std::string corrections_of(const market::calendar_spec& spec) {
  std::string out;
  for (const auto& [day, hours] : spec.specials) {
    if (hours.empty()) continue;
    if (!out.empty()) out += ';';
    out += hours_text(hours) + ':' + compact(day);
  }
  return out;
}

std::string_view timezone_of(const market::calendar& cal, market::date on) {
  switch (cal.utc_offset(on.days * market::day)) {
    case market::india_offset:
      return "Asia/Kolkata";
    case 0:
      return "Etc/UTC";
    default:
      return "America/New_York";
  }
}

}  // namespace

std::string_view type_of(const market::instrument& i) {
  if (i.exchange == market::synthetic_exchange) return "spread";
  if (i.segment == "INDICES") return "index";
  if (i.type == "FUT") return "futures";
  if (i.type == "CE" || i.type == "PE") return "option";
  return "stock";
}

price_format price_format_of(const market::instrument& i) {
  if (i.tick_size.units <= 0) return {1, market::price_divisor(i.token)};
  price_format f{i.tick_size.units, market::price_scale};
  while (f.pricescale > 1 && f.minmov % 10 == 0) {
    f.minmov /= 10;
    f.pricescale /= 10;
  }
  return f;
}

std::string session_of(const market::calendar& cal, market::date on) {
  const auto& spec = cal.spec();
  if (spec.regulars.empty()) return "24x7";
  auto regular = spec.regulars.begin();
  for (auto it = spec.regulars.begin(); it != spec.regulars.end() && it->from <= on; ++it)
    regular = it;
  const auto& hours = regular->sessions;
  if (spec.weekend.empty() && hours.size() == 1 && hours[0].close - hours[0].open == market::day)
    return "24x7";
  std::string days;
  // Theirs begin with Sunday, which is 1.
  for (int day = 1; day <= 7; ++day)
    if (std::ranges::count(spec.weekend, (day + 5) % 7) == 0) days += std::to_string(day);
  return hours_text(hours) + ':' + days;
}

nlohmann::ordered_json symbol_json(const market::instrument& i, const market::calendar& cal,
                                   market::date today, std::span<const market::timeframe> stored) {
  const auto format = price_format_of(i);
  const auto served = resolutions_of(stored);
  nlohmann::ordered_json out;
  out["name"] = i.symbol;
  out["ticker"] = market::display_key(i);
  out["description"] = i.name.empty() ? i.symbol : i.name;
  out["type"] = type_of(i);
  for (const auto* key : {"exchange", "listed_exchange", "exchange-traded", "exchange-listed"})
    out[key] = i.exchange;
  out["session"] = session_of(cal, today);
  out["session_holidays"] = holidays_of(cal.spec());
  out["corrections"] = corrections_of(cal.spec());
  out["timezone"] = timezone_of(cal, today);
  out["format"] = "price";
  out["minmov"] = format.minmov;
  out["minmov2"] = 0;
  out["pricescale"] = format.pricescale;
  out["has_intraday"] = !served.minutes.empty() || !served.seconds.empty();
  out["has_seconds"] = !served.seconds.empty();
  out["has_daily"] = served.days;
  out["has_weekly_and_monthly"] = served.days;
  out["seconds_multipliers"] = served.seconds;
  out["intraday_multipliers"] = served.minutes;
  out["daily_multipliers"] = {"1"};
  out["weekly_multipliers"] = {"1"};
  out["monthly_multipliers"] = served.months;
  out["supported_resolutions"] = served.all;
  out["visible_plots_set"] = type_of(i) == "index" ? "ohlc" : "ohlcv";
  out["volume_precision"] = 0;
  out["data_status"] = "streaming";
  out["currency_code"] = "INR";
  if (i.expiry.days != 0) {
    out["expired"] = i.expiry < today;
    out["expiration_date"] = std::int64_t{i.expiry.days} * (market::day / market::second);
  }
  return out;
}

nlohmann::ordered_json found_json(const market::instrument& i) {
  nlohmann::ordered_json out;
  out["symbol"] = i.symbol;
  out["full_name"] = market::display_key(i);
  out["description"] = i.name.empty() ? i.symbol : i.name;
  out["exchange"] = i.exchange;
  out["ticker"] = market::display_key(i);
  out["type"] = type_of(i);
  return out;
}

}  // namespace artham::web::udf
