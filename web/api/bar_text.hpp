#pragma once

#include <span>
#include <string>
#include <string_view>

#include "market/time.hpp"
#include "web/api/bar_pages.hpp"
#include "web/api/bar_request.hpp"

/// How bars are written: a JSON document, lines of JSON, or CSV.
namespace artham::web {

class bar_text {
 public:
  bar_text(bar_format format, std::string key, market::timeframe timeframe,
           const indicator_specs& indicators, market::duration utc_offset);

  [[nodiscard]] std::string_view content_type() const;
  /// A whole page. Behind one of CSV or lines of JSON, `rows` may go on.
  [[nodiscard]] std::string document(const bar_page& page) const;
  [[nodiscard]] std::string rows(std::span<const served_bar> rows) const;

 private:
  void append_json(std::string& out, const served_bar& row) const;

  bar_format format_;
  std::string key_;
  market::timeframe timeframe_;
  column_names columns_;
  market::duration utc_offset_;
};

}  // namespace artham::web
