#include "web/api/udf/marks.hpp"

#include <nlohmann/json.hpp>

#include "web/api/udf/resolution.hpp"

namespace artham::web::udf {
namespace {

std::string clock_time(market::timestamp t, const market::calendar& cal) {
  return market::to_rfc3339(t / market::second * market::second, cal.utc_offset(t));
}

nlohmann::ordered_json mark(const market::bar& b, std::int64_t time) {
  const bool revised = b.revision != 0;
  nlohmann::ordered_json m;
  m["id"] = (revised ? "revised-" : "gap-") + std::to_string(b.start);
  m["time"] = time;
  m["color"] = revised ? "blue" : "red";
  m["text"] = (revised ? "revision " + std::to_string(b.revision)
                       : std::string("the feed was lost inside it")) +
              (b.flags == 0 ? "" : " (" + market::flags_text(b.flags) + ")");
  m["label"] = revised ? "R" : "G";
  m["labelFontColor"] = "white";
  m["minSize"] = 14;
  return m;
}

}  // namespace

result<std::string> marks_json(store::reader& reader, const marks_request& asked,
                               const market::calendar& cal) {
  auto out = nlohmann::ordered_json::array();
  if (market::is_period(asked.timeframe)) return out.dump();
  store::bar_query q;
  q.token = asked.token;
  q.timeframe = asked.timeframe;
  const auto margin = is_daily(asked.timeframe) ? market::day : 0;
  q.from = asked.from * market::second - margin;
  q.to = asked.to * market::second + 1 + margin;
  q.limit = 20 * most_marks;
  q.newest_first = true;
  const auto rows = reader.bars(q);
  if (!rows) return tl::unexpected(rows.error());
  constexpr auto gap = static_cast<std::uint16_t>(market::bar_flag::gap);
  for (auto row = rows->rbegin(); row != rows->rend() && out.size() < most_marks; ++row) {
    const auto& b = row->bar;
    const auto time = chart_time(asked.timeframe, b.start, cal);
    if (time < asked.from || time > asked.to) continue;
    if (b.revision != 0 || (b.flags & gap) != 0) out.push_back(mark(b, time));
  }
  return out.dump();
}

result<std::string> timescale_marks_json(store::reader& reader, const marks_request& asked,
                                         const market::calendar& cal) {
  const auto rows = reader.gaps(asked.from * market::second, asked.to * market::second + 1);
  if (!rows) return tl::unexpected(rows.error());
  auto out = nlohmann::ordered_json::array();
  for (auto row = rows->rbegin(); row != rows->rend() && out.size() < most_marks; ++row) {
    if (row->token && *row->token != asked.token) continue;
    nlohmann::ordered_json m;
    m["id"] = (row->token ? "stop-" : "gap-") + std::to_string(row->from);
    m["time"] = row->from / market::second;
    m["color"] = row->token ? "orange" : "red";
    m["label"] = row->token ? "S" : "G";
    const auto cause = std::string(row->token ? "quarantined" : market::to_string(row->cause));
    m["tooltip"] = {
        row->token ? "bars stopped: " + cause : "feed lost: " + cause,
        "from " + clock_time(row->from, cal),
        row->to == market::never ? std::string("not over") : "to " + clock_time(row->to, cal)};
    out.push_back(std::move(m));
  }
  return out.dump();
}

}  // namespace artham::web::udf
