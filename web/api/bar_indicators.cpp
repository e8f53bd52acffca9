#include "web/api/bar_indicators.hpp"

#include <algorithm>
#include <charconv>

namespace artham::web {

namespace {

using market::indicator::value;

/// Bars of one trading day that are read for a VWAP: more than seconds in any day.
constexpr std::size_t most_of_day = 100'000;

bool is_vwap(const market::indicator::spec& s) {
  return s.kind == market::indicator::kind::vwap;
}

void append_value(std::string& out, const value& v) {
  char text[32];
  char* const end = v.is == value::form::price
                        ? market::write_price(text, v.price)
                        : std::to_chars(text, text + sizeof text, v.number).ptr;
  out.append(text, end);
}

/// What the indicators have to see of the bars before `first`.
result<std::vector<served_bar>> bars_before(const market::bar& first, const store::bar_query& q,
                                            const indicator_specs& specs,
                                            const market::calendar_ptr& calendar,
                                            const bars_source& read) {
  store::bar_query earlier = q;
  earlier.from = 0;
  earlier.to = first.start;
  earlier.newest_first = true;
  earlier.limit = 0;
  for (const auto& s : specs)
    earlier.limit = std::max(earlier.limit, market::indicator::bars_before(s));
  std::vector<served_bar> found;
  if (earlier.limit > 0) {
    auto rows = read(earlier);
    if (!rows) return rows;
    found = std::move(*rows);
  }
  if (!calendar) return found;

  earlier.from = calendar->day_of(first.start).begin;
  const bool has_day =
      found.size() < earlier.limit || (!found.empty() && found.front().bar.start < earlier.from);
  if (has_day) return found;
  earlier.limit = most_of_day + 1;
  auto day = read(earlier);
  if (day && day->size() > most_of_day) {
    return fail(errc::bad_input, "vwap: the trading day has more than " +
                                     std::to_string(most_of_day) +
                                     " bars before the first one; take a longer timeframe");
  }
  return day;
}

}  // namespace

result<indicator_specs> read_indicators(const text_pairs& query, market::timeframe timeframe,
                                        bool all_revisions) {
  const auto text = find_value(query, "indicators");
  if (!text) return indicator_specs{};
  auto specs = market::indicator::parse_specs(*text);
  if (!specs) return specs;
  if (all_revisions)
    return fail(errc::bad_input,
                "'indicators' are of the last revisions; leave out revision='all'");
  const bool within_day = !market::is_period(timeframe) && timeframe != market::one_trading_day;
  if (!within_day && std::any_of(specs->begin(), specs->end(), is_vwap)) {
    return fail(errc::bad_input, "indicators='" + std::string(text->substr(0, 100)) +
                                     "': a vwap begins anew with each trading day, so it is for "
                                     "bars shorter than 1D");
  }
  return specs;
}

result<void> add_indicators(std::vector<served_bar>& rows, const store::bar_query& q,
                            const indicator_specs& specs, const calendar_source& calendar_of,
                            const bars_source& read) {
  if (rows.empty()) return {};
  market::calendar_ptr calendar;
  if (std::any_of(specs.begin(), specs.end(), is_vwap)) {
    calendar = calendar_of ? calendar_of(q.token) : nullptr;
    if (!calendar) return fail(errc::not_found, "no calendar is known for the instrument");
  }
  const auto earlier = bars_before(rows.front().bar, q, specs, calendar, read);
  if (!earlier) return tl::unexpected(earlier.error());
  market::indicator::indicator_set set(specs);
  const auto date_of = [&](const market::bar& b) {
    return calendar ? calendar->day_of(b.start).trading_date : market::date{};
  };
  for (const auto& row : *earlier) set.add(row.bar, date_of(row.bar));
  for (auto& row : rows)
    if (row.final) row.indicators = set.add(row.bar, date_of(row.bar));
  return {};
}

void append_indicator_json(std::string& out, const served_bar& row, const column_names& names) {
  if (names.empty()) return;
  out.back() = ',';  // for the brace that closed the bar
  out += "\"indicators\":{";
  for (std::size_t i = 0; i < row.indicators.size(); ++i) {
    const auto& v = row.indicators[i];
    if (v.is == value::form::none) continue;
    const std::string_view quote = v.is == value::form::price ? "\"" : "";
    if (out.back() != '{') out += ',';
    out.append("\"").append(names[i]).append("\":").append(quote);
    append_value(out, v);
    out += quote;
  }
  out += "}}";
}

void append_indicator_header(std::string& out, const column_names& names) {
  out.pop_back();
  for (const auto& name : names) out += "," + name;
  out += '\n';
}

void append_indicator_csv(std::string& out, const served_bar& row, const column_names& names) {
  out.pop_back();
  for (std::size_t i = 0; i < names.size(); ++i) {
    out += ',';
    if (i < row.indicators.size() && row.indicators[i].is != value::form::none)
      append_value(out, row.indicators[i]);
  }
  out += '\n';
}

}  // namespace artham::web
