#include "web/api/bar_text.hpp"

#include <utility>

#include "messages/protocol/json.hpp"
#include "store/bars_csv.hpp"

namespace artham::web {

bar_text::bar_text(bar_format format, std::string key, market::timeframe timeframe,
                   const indicator_specs& indicators, market::duration utc_offset)
    : format_(format),
      key_(std::move(key)),
      timeframe_(timeframe),
      columns_(market::indicator::column_names(indicators)),
      utc_offset_(utc_offset) {}

std::string_view bar_text::content_type() const {
  switch (format_) {
    case bar_format::csv:
      return "text/csv; charset=utf-8";
    case bar_format::ndjson:
      return "application/x-ndjson";
    case bar_format::json:
      break;
  }
  return "application/json";
}

std::string bar_text::document(const bar_page& page) const {
  if (format_ == bar_format::ndjson) return rows(page.rows);
  if (format_ == bar_format::csv) {
    std::string out(store::bars_csv_header);
    append_indicator_header(out, columns_);
    return out + rows(page.rows);
  }
  std::string out = "{\"instrument\":";
  protocol::append_text(out, key_);
  out += ",\"timeframe\":\"" + market::to_string(timeframe_) + "\",\"bars\":[";
  for (const auto& row : page.rows) {
    if (out.back() == '}') out += ',';
    append_json(out, row);
  }
  out += page.next ? "],\"more\":true,\"next\":\"" + cursor_text(*page.next) + "\"}\n"
                   : "],\"more\":false}\n";
  return out;
}

std::string bar_text::rows(std::span<const served_bar> rows) const {
  std::string out;
  for (const auto& row : rows) {
    if (format_ == bar_format::csv) {
      store::append_bar_csv(out, row.bar, utc_offset_);
      append_indicator_csv(out, row, columns_);
    } else {
      append_json(out, row);
      out += '\n';
    }
  }
  return out;
}

void bar_text::append_json(std::string& out, const served_bar& row) const {
  protocol::append_bar(out, row.bar, row.final);
  append_indicator_json(out, row, columns_);
}

}  // namespace artham::web
