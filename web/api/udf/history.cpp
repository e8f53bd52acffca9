#include "web/api/udf/history.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "web/api/bar_pages.hpp"
#include "web/api/udf/resolution.hpp"

namespace artham::web::udf {
namespace {

struct chart_bar {
  std::int64_t time;
  market::bar bar;
};

/// Those whose chart times are in [from, to), the newest `most`.
result<std::vector<chart_bar>> read_bars(store::reader& reader, const history_request& asked,
                                         std::uint32_t token, const market::calendar_ptr& cal,
                                         std::int64_t from, std::int64_t to, std::size_t most) {
  store::bar_query q;
  q.token = token;
  q.timeframe = asked.timeframe;
  q.newest_first = true;
  q.from = from * market::second;
  q.to = to * market::second;
  q.limit = most;
  if (is_daily(asked.timeframe)) {
    // Midnight is not when a day starts: a bar on either side may belong to the range or not.
    q.from -= market::day;
    q.to += market::day;
    q.limit += 2;
  }
  const bar_pages pages(reader, [&cal](std::uint32_t) { return cal; }, false, false, {});
  const auto page = pages.read(q);
  if (!page) return tl::unexpected(page.error());
  std::vector<chart_bar> bars;
  for (const auto& row : page->rows) {
    const auto time = chart_time(asked.timeframe, row.bar.start, *cal);
    if (time >= from && time < to) bars.push_back({time, row.bar});
  }
  if (bars.size() > most) bars.erase(bars.begin(), bars.end() - static_cast<std::ptrdiff_t>(most));
  return bars;
}

template <class Value>
void append_column(std::string& out, std::string_view name, const std::vector<chart_bar>& bars,
                   Value&& value) {
  out.append(",\"").append(name).append("\":[");
  for (const auto& b : bars) {
    if (out.back() != '[') out += ',';
    out += value(b);
  }
  out += ']';
}

/// No time that a chart asks for lies outside of it (the year 2200).
constexpr std::int64_t latest_second = 7'258'118'400;

}  // namespace

result<std::int64_t> read_seconds(const text_pairs& query, std::string_view name) {
  const auto text = find_value(query, name).value_or("");
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size())
    return fail(errc::bad_input, std::string(name) + "='" + std::string(text.substr(0, 30)) +
                                     "' is no number of seconds since 1970");
  return std::clamp<std::int64_t>(value, 0, latest_second);
}

result<history_request> read_history_request(const text_pairs& query,
                                             std::span<const market::timeframe> stored) {
  history_request asked;
  asked.symbol = find_value(query, "symbol").value_or("");
  const auto tf = parse_resolution(find_value(query, "resolution").value_or(""));
  if (!tf) return tl::unexpected(tf.error());
  if (!is_served(*tf, stored)) {
    return fail(errc::bad_input, "resolution " + market::to_string(*tf) + " is not stored here");
  }
  asked.timeframe = *tf;
  const auto to = read_seconds(query, "to");
  if (!to) return tl::unexpected(to.error());
  asked.to = *to;
  if (find_value(query, "countback").value_or("").empty()) {
    const auto from = read_seconds(query, "from");
    if (!from) return tl::unexpected(from.error());
    asked.from = *from;
    return asked;
  }
  const auto count = read_count(query, "countback", 1, 1'000'000);
  if (!count) return tl::unexpected(count.error());
  asked.countback = std::min(*count, most_history);
  return asked;
}

result<std::string> history_json(store::reader& reader, const history_request& asked,
                                 std::uint32_t token, const market::calendar_ptr& calendar) {
  const auto first = asked.countback ? 0 : asked.from;
  const auto bars = read_bars(reader, asked, token, calendar, first, asked.to,
                              asked.countback.value_or(most_history));
  if (!bars) return tl::unexpected(bars.error());
  if (bars->empty()) {
    const auto before = read_bars(reader, asked, token, calendar, 0, first, 1);
    if (!before) return tl::unexpected(before.error());
    if (before->empty()) return R"({"s":"no_data"})";
    return R"({"s":"no_data","nextTime":)" + std::to_string(before->front().time) + '}';
  }
  std::string out = R"({"s":"ok")";
  append_column(out, "t", *bars, [](const chart_bar& b) { return std::to_string(b.time); });
  append_column(out, "o", *bars, [](const chart_bar& b) { return market::to_string(b.bar.open); });
  append_column(out, "h", *bars, [](const chart_bar& b) { return market::to_string(b.bar.high); });
  append_column(out, "l", *bars, [](const chart_bar& b) { return market::to_string(b.bar.low); });
  append_column(out, "c", *bars, [](const chart_bar& b) { return market::to_string(b.bar.close); });
  append_column(out, "v", *bars, [](const chart_bar& b) {
    return std::to_string((b.bar.fields & market::bar::volume_known) != 0 ? b.bar.volume : 0);
  });
  return out + '}';
}

}  // namespace artham::web::udf
