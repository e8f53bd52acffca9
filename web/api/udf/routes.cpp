#include "web/api/udf/routes.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "web/api/query.hpp"
#include "web/api/responses.hpp"
#include "web/api/udf/history.hpp"
#include "web/api/udf/marks.hpp"
#include "web/api/udf/quotes.hpp"
#include "web/api/udf/resolution.hpp"
#include "web/api/udf/symbol.hpp"

namespace artham::web::udf {
namespace {

constexpr std::string_view root = "/udf";
constexpr std::size_t most_found = 5'000;
constexpr std::array<std::string_view, 5> types{"stock", "index", "futures", "option", "spread"};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

market::date today(const market::calendar& cal) {
  return cal.local_date(now() * market::second);
}

std::string text_of(const nlohmann::ordered_json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

http_response failed(const error& e) {
  nlohmann::ordered_json document;
  document["s"] = "error";
  document["errmsg"] = e.message;
  auto r = json(document);
  if (e.code == errc::unavailable || e.code == errc::io || e.code == errc::full) r.status = 503;
  return r;
}

}  // namespace

struct routes::route {
  std::string_view path;
  void (routes::*serve)(const http_request&, const responder&) const;
};

std::span<const routes::route> routes::table() {
  static constexpr std::array<route, 8> all{{
      {"/udf/config", &routes::config},
      {"/udf/symbols", &routes::symbols},
      {"/udf/search", &routes::search},
      {"/udf/history", &routes::history},
      {"/udf/quotes", &routes::quotes},
      {"/udf/time", &routes::time},
      {"/udf/marks", &routes::marks},
      {"/udf/timescale_marks", &routes::timescale_marks},
  }};
  return all;
}

std::vector<std::string> routes::paths() {
  std::vector<std::string> all;
  for (const auto& r : table()) all.emplace_back(r.path);
  return all;
}

bool routes::handle(const http_request& q, const responder& respond) const {
  for (const auto& r : table()) {
    if (r.path != q.path) continue;
    if (q.method == "GET" || q.method == "HEAD") {
      (this->*r.serve)(q, respond);
    } else {
      respond(method_not_allowed(q));
    }
    return true;
  }
  if (q.path != root && !q.path.starts_with("/udf/")) return false;
  respond(problem(404, "no-such-path", "No such path",
                  "under /udf there are config, symbols, search, history, quotes, time, marks and "
                  "timescale_marks",
                  q.target));
  return true;
}

void routes::read(const responder& respond, std::function<text()> job) const {
  const bool taken = from_.pool->post([respond, job = std::move(job)] {
    try {
      auto done = job();
      respond(done ? json(std::move(*done)) : failed(done.error()));
    } catch (const std::exception& e) {
      respond(failed({errc::unavailable, e.what()}));
    }
  });
  if (!taken) {
    respond(failed({errc::unavailable, "too many queries are waiting for the store; try again"}));
  }
}

result<routes::known> routes::find(const std::string& symbol) const {
  auto stored = from_.reader->find(symbol);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return fail(errc::not_found, "unknown_symbol");
  known k{std::move((*stored)->instrument), nullptr};
  k.calendar = from_.calendar_of(k.instrument.token);
  if (!k.calendar) return fail(errc::not_found, "no calendar is known for " + symbol);
  return k;
}

void routes::config(const http_request&, const responder& respond) const {
  read(respond, [this]() -> text {
    const auto exchanges = from_.instruments->exchanges();
    if (!exchanges) return tl::unexpected(exchanges.error());
    nlohmann::ordered_json out;
    out["supports_search"] = true;
    out["supports_group_request"] = false;
    out["supports_marks"] = true;
    out["supports_timescale_marks"] = true;
    out["supports_time"] = true;
    out["exchanges"] = {{{"value", ""}, {"name", "All exchanges"}, {"desc", ""}}};
    for (const auto& code : *exchanges)
      out["exchanges"].push_back({{"value", code}, {"name", code}, {"desc", code}});
    out["symbols_types"] = {{{"name", "All types"}, {"value", ""}}};
    for (const auto type : types) out["symbols_types"].push_back({{"name", type}, {"value", type}});
    out["supported_resolutions"] = resolutions_of(from_.timeframes).all;
    return text_of(out);
  });
}

void routes::symbols(const http_request& q, const responder& respond) const {
  read(respond, [this, symbol = std::string(find_value(q.query, "symbol").value_or(""))]() -> text {
    const auto k = find(symbol);
    if (!k) return tl::unexpected(k.error());
    return text_of(symbol_json(k->instrument, *k->calendar, today(*k->calendar), from_.timeframes));
  });
}

void routes::search(const http_request& q, const responder& respond) const {
  const auto limit = read_count(q.query, "limit", 30, most_found);
  if (!limit) return respond(failed(limit.error()));
  const auto value = [&](std::string_view name) {
    return std::string(find_value(q.query, name).value_or(""));
  };
  read(respond,
       [this, limit = *limit, wanted = value("query"), type = value("type"),
        exchange = value("exchange")]() -> text {
         // A type leaves out many of those that fit the words.
         const auto found =
             from_.instruments->search(wanted, exchange, type.empty() ? limit : most_found);
         if (!found) return tl::unexpected(found.error());
         auto out = nlohmann::ordered_json::array();
         for (const auto& i : found->page) {
           if (out.size() == limit) break;
           if (type.empty() || type == type_of(i)) out.push_back(found_json(i));
         }
         return text_of(out);
       });
}

void routes::history(const http_request& q, const responder& respond) const {
  auto asked = read_history_request(q.query, from_.timeframes);
  if (!asked) return respond(failed(asked.error()));
  read(respond, [this, asked = std::move(*asked)]() -> text {
    const auto k = find(asked.symbol);
    if (!k) return tl::unexpected(k.error());
    return history_json(*from_.reader, asked, k->instrument.token, k->calendar);
  });
}

void routes::quotes(const http_request& q, const responder& respond) const {
  const auto symbols = read_symbols(find_value(q.query, "symbols").value_or(""));
  if (!symbols) return respond(failed(symbols.error()));
  auto found = quotes_json(*symbols, from_.quotes);
  respond(found ? json(std::move(*found)) : failed(found.error()));
}

void routes::time(const http_request&, const responder& respond) const {
  respond({200, "text/plain; charset=utf-8", std::to_string(now()), {}});
}

void routes::marks(const http_request& q, const responder& respond) const {
  read_marks(q, respond, marks_json);
}
void routes::timescale_marks(const http_request& q, const responder& respond) const {
  read_marks(q, respond, timescale_marks_json);
}

void routes::read_marks(const http_request& q, const responder& respond, marks_of json) const {
  marks_request asked;
  const auto tf = parse_resolution(find_value(q.query, "resolution").value_or(""));
  if (!tf) return respond(failed(tf.error()));
  asked.timeframe = *tf;
  const auto from = read_seconds(q.query, "from");
  if (!from) return respond(failed(from.error()));
  const auto to = read_seconds(q.query, "to");
  if (!to) return respond(failed(to.error()));
  asked.from = *from;
  asked.to = *to;
  read(respond,
       [this, json, asked,
        symbol = std::string(find_value(q.query, "symbol").value_or(""))]() mutable -> text {
         const auto k = find(symbol);
         if (!k) return tl::unexpected(k.error());
         asked.token = k->instrument.token;
         return json(*from_.reader, asked, *k->calendar);
       });
}

}  // namespace artham::web::udf
