#include "web/api/bar_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace artham::web {

namespace {

template <class T>
bool read_whole(std::string_view text, T& value) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size();
}

result<std::optional<store::bar_place>> read_cursor(const text_pairs& query) {
  const auto text = find_value(query, "cursor");
  if (!text) return std::nullopt;
  store::bar_place p;
  const auto dot = text->find('.');
  if (dot == std::string_view::npos || !read_whole(text->substr(0, dot), p.start) ||
      !read_whole(text->substr(dot + 1), p.revision)) {
    return fail(errc::bad_input, "cursor='" + std::string(text->substr(0, 100)) +
                                     "' is no cursor; give the 'next' of the page before");
  }
  return p;
}

result<void> read_range(const text_pairs& query, bars_request& out) {
  const auto from = read_time(query, "from", 0);
  if (!from) return tl::unexpected(from.error());
  const auto to = read_time(query, "to", market::never);
  if (!to) return tl::unexpected(to.error());
  if (*from > *to) return fail(errc::bad_input, "'from' is after 'to'; exchange them");
  out.query.from = *from;
  out.query.to = *to;
  return {};
}

/// The first type in the list that is one of ours; JSON when none is.
bar_format accepted(std::string_view accept) {
  while (!accept.empty()) {
    auto type = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), type.size() + 1));
    type = type.substr(0, type.find(';'));
    while (type.starts_with(' ')) type.remove_prefix(1);
    while (type.ends_with(' ')) type.remove_suffix(1);
    if (type == "text/csv") return bar_format::csv;
    if (type == "application/x-ndjson") return bar_format::ndjson;
    if (type == "application/json" || type == "*/*") break;
  }
  return bar_format::json;
}

result<void> read_form(const text_pairs& query, std::string_view accept, bars_request& out) {
  const auto order = read_choice(query, "order", {"asc", "desc"});
  if (!order) return tl::unexpected(order.error());
  out.descending = *order == "desc";
  const auto format = read_choice(query, "format", {"json", "csv", "ndjson"});
  if (!format) return tl::unexpected(format.error());
  out.format = !find_value(query, "format") ? accepted(accept)
               : *format == "csv"           ? bar_format::csv
               : *format == "ndjson"        ? bar_format::ndjson
                                            : bar_format::json;
  out.everything = find_value(query, "limit") == "all";
  if (!out.everything) {
    const auto limit = read_count(query, "limit", 500, max_bars);
    if (!limit) return fail(errc::bad_input, limit.error().message + ", or 'all'");
    out.query.limit = *limit;
  } else if (out.format == bar_format::json) {
    return fail(errc::bad_input,
                "limit='all' is for format='csv' and format='ndjson'; page through JSON by 'next'");
  }
  out.query.newest_first = out.descending || (!out.everything && !find_value(query, "from"));
  return {};
}

}  // namespace

result<bars_request> read_bars_request(const text_pairs& query,
                                       std::span<const market::timeframe> stored,
                                       std::string_view accept) {
  if (auto ok =
          check_names(query, {"instrument", "on", "timeframe", "from", "to", "limit", "order",
                              "cursor", "format", "revision", "as_of", "source", "indicators"});
      !ok)
    return tl::unexpected(ok.error());
  bars_request out;
  const auto instrument = read_instrument(query);
  if (!instrument) return tl::unexpected(instrument.error());
  out.instrument = *instrument;
  const auto source = read_choice(query, "source", {"own", "kite"});
  if (!source) return tl::unexpected(source.error());
  out.official = *source == "kite";
  const auto timeframe =
      out.official ? read_candle_timeframe(query) : read_timeframe(query, stored);
  if (!timeframe) return tl::unexpected(timeframe.error());
  out.query.timeframe = *timeframe;
  if (auto ok = read_range(query, out); !ok) return tl::unexpected(ok.error());
  if (auto ok = read_form(query, accept, out); !ok) return tl::unexpected(ok.error());
  const auto revision = read_choice(query, "revision", {"last", "all"});
  if (!revision) return tl::unexpected(revision.error());
  out.query.all_revisions = *revision == "all";
  if (out.query.all_revisions && market::is_period(*timeframe)) {
    return fail(errc::bad_input, "revision='all' is for stored bars; those of " +
                                     market::to_string(*timeframe) +
                                     " are made of the last revisions of 1D bars");
  }
  const auto as_of = read_time(query, "as_of", market::never);
  if (!as_of) return tl::unexpected(as_of.error());
  out.as_of = *as_of;
  const auto indicators = read_indicators(query, *timeframe, out.query.all_revisions);
  if (!indicators) return tl::unexpected(indicators.error());
  out.indicators = *indicators;
  const auto cursor = read_cursor(query);
  if (!cursor) return tl::unexpected(cursor.error());
  if (*cursor) go_on(out.query, **cursor);
  return out;
}

void go_on(store::bar_query& q, store::bar_place behind) {
  // Of last revisions a bar has one, which may have become another one since.
  const bool whole_bar = !q.all_revisions;
  if (q.newest_first) {
    q.to = std::min(q.to,
                    whole_bar || behind.start == market::never ? behind.start : behind.start + 1);
    q.from = std::min(q.from, q.to);
  } else {
    q.from = std::max(
        q.from, !whole_bar || behind.start == market::never ? behind.start : behind.start + 1);
    q.to = std::max(q.from, q.to);
  }
  if (!whole_bar) q.past = behind;
}

std::string cursor_text(store::bar_place p) {
  return std::to_string(p.start) + "." + std::to_string(p.revision);
}

std::string next_page_link(std::string_view target, store::bar_place next) {
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  std::string kept;
  auto rest = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.substr(0, pair.find('=')) != "cursor") kept.append(pair).append("&");
  }
  std::string out = "<";
  for (const char c : std::string(target.substr(0, question)) + "?" + kept) {
    if (c == '<' || c == '>' || c == '"') {
      out += c == '<' ? "%3C" : c == '>' ? "%3E" : "%22";
    } else {
      out += c;
    }
  }
  return out + "cursor=" + cursor_text(next) + ">; rel=\"next\"";
}

}  // namespace artham::web
