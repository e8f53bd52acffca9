#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/api/market_sources.hpp"
#include "web/server/http.hpp"

namespace artham::web::udf {

struct marks_request;

/// Everything under `/udf`. Errors are `{"s":"error","errmsg":…}` with status 200, as charts expect
/// them, but for what is not there now (503) and paths that there are not (404).
class routes {
 public:
  explicit routes(market_sources from) : from_(std::move(from)) {}
  /// False: not a path of these.
  bool handle(const http_request& q, const responder& respond) const;
  [[nodiscard]] static std::vector<std::string> paths();

 private:
  struct route;
  [[nodiscard]] static std::span<const route> table();

  void config(const http_request& q, const responder& respond) const;
  void symbols(const http_request& q, const responder& respond) const;
  void search(const http_request& q, const responder& respond) const;
  void history(const http_request& q, const responder& respond) const;
  void quotes(const http_request& q, const responder& respond) const;
  void time(const http_request& q, const responder& respond) const;
  void marks(const http_request& q, const responder& respond) const;
  void timescale_marks(const http_request& q, const responder& respond) const;

  using text = result<std::string>;
  /// Runs a blocking job on a reader thread and answers with what it returns.
  void read(const responder& respond, std::function<text()> job) const;
  using marks_of = text (*)(store::reader&, const marks_request&, const market::calendar&);
  void read_marks(const http_request& q, const responder& respond, marks_of json) const;

  /// An instrument in force that charts know by `symbol`, and its calendar. Blocks.
  struct known {
    market::instrument instrument;
    market::calendar_ptr calendar;
  };
  [[nodiscard]] result<known> find(const std::string& symbol) const;

  const market_sources from_;
};

}  // namespace artham::web::udf
