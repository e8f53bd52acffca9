#include "web/api/routes.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"
#include "runtime/worker.hpp"
#include "store/bars_csv.hpp"
#include "web/api/bar_indicators.hpp"
#include "web/api/bar_proof.hpp"
#include "web/api/feature_queries.hpp"
#include "web/api/instrument_catalog.hpp"
#include "web/api/period_bars.hpp"
#include "web/api/query.hpp"
#include "web/page/assets.hpp"

namespace artham::web {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::size_t max_bars = 10'000;
constexpr std::size_t max_instruments = 5'000;
constexpr std::size_t max_gaps = 1'000;
constexpr std::size_t queued_proofs = 8;
constexpr std::string_view chain_path = "/v1/chain/";

constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

http_response json(std::string body) {
  return {200, std::string(json_type), std::move(body), {}};
}

http_response json(const nlohmann::ordered_json& document) {
  return json(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

http_response bad_parameter(const error& e, const std::string& target) {
  return problem(400, "bad-parameter", "Bad parameter", e.message, target);
}

http_response unavailable(std::string_view detail, const std::string& target) {
  http_response r = problem(503, "unavailable", "Not available now", detail, target);
  r.headers.emplace_back("Retry-After", "2");
  return r;
}

http_response failed(const error& e, const std::string& target) {
  switch (e.code) {
    case errc::bad_input:
    case errc::usage:
    case errc::unsupported:
      return bad_parameter(e, target);
    case errc::not_found:
      return problem(404, "not-found", "Not found", e.message, target);
    case errc::corrupt:
      return problem(500, "corrupt", "Stored data is damaged", e.message, target);
    default:
      return unavailable(e.message, target);
  }
}

http_response unknown_instrument(const instrument_name& name, const std::string& target) {
  return problem(404, "unknown-instrument", "Unknown instrument",
                 "instrument='" + name.key.substr(0, 100) + "' is not known" +
                     (name.on ? " on " + market::to_string(*name.on) : "") +
                     "; look it up with /v1/instruments?query=",
                 target);
}

nlohmann::ordered_json to_json(const market::instrument& i) {
  nlohmann::ordered_json out;
  out["key"] = market::display_key(i);
  out["token"] = i.token;
  out["exchange"] = i.exchange;
  out["symbol"] = i.symbol;
  out["name"] = i.name;
  out["type"] = i.type;
  out["segment"] = i.segment;
  if (i.expiry.days != 0) out["expiry"] = market::to_string(i.expiry);
  if (i.strike.units != 0) out["strike"] = market::to_string(i.strike);
  out["tick_size"] = market::to_string(i.tick_size);
  out["lot_size"] = i.lot_size;
  return out;
}

struct bars_request {
  instrument_name instrument;
  market::timeframe timeframe;
  market::timestamp from = 0;
  market::timestamp to = market::never;
  std::size_t limit = 0;
  bool descending = false;
  bool newest = false;
  bool csv = false;
  bool all_revisions = false;
  bool official = false;  ///< the exchange's candles instead of our bars
  market::timestamp as_of = market::never;
  indicator_specs indicators;
};

class api {
 public:
  explicit api(api_dependencies d) : d_(std::move(d)), catalog_(*d_.reader) {
    for (std::size_t i = 0; i < std::max<std::size_t>(d_.readers, 1); ++i)
      workers_.push_back(
          std::make_unique<runtime::worker>("web-read-" + std::to_string(i), d_.queued_reads));
    prover_ = std::make_unique<runtime::worker>("web-proof", queued_proofs);
  }

  void handle(const http_request& q, const responder& respond) {
    struct route {
      std::string_view path;
      void (api::*serve)(const http_request&, const responder&);
    };
    static constexpr route routes[] = {
        {"/v1/bars", &api::bars},         {"/v1/bars/proof", &api::proof},
        {"/v1/chain", &api::chains},      {"/v1/greeks", &api::greeks},
        {"/v1/features", &api::features}, {"/v1/instruments", &api::instruments},
        {"/v1/gaps", &api::gaps},         {"/v1/timeframes", &api::timeframes},
        {"/v1/status", &api::status},     {"/v1/system/tree", &api::tree},
        {"/livez", &api::livez},          {"/readyz", &api::readyz},
        {"/metrics", &api::metrics_text}, {"/version", &api::version},
    };
    const bool reads = q.method == "GET" || q.method == "HEAD";
    for (const route& r : routes) {
      if (r.path != q.path) continue;
      return reads ? (this->*r.serve)(q, respond) : respond(not_allowed(q));
    }
    if (q.path.starts_with(chain_path) && q.path.size() > chain_path.size())
      return reads ? chain(q, respond) : respond(not_allowed(q));
    if (const asset* a = find_asset(q.path)) return respond(reads ? page(*a, q) : not_allowed(q));
    respond(problem(404, "no-such-path", "No such path",
                    "nothing is served at '" + q.path +
                        "'; the interface is under /v1 (bars, chain, greeks, features, "
                        "instruments, gaps, timeframes, status, system/tree, stream)",
                    q.target));
  }

 private:
  static http_response not_allowed(const http_request& q) {
    http_response r = problem(405, "method-not-allowed", "Method not allowed",
                              q.method + " is not offered here; use GET or HEAD", q.target);
    r.headers.emplace_back("Allow", "GET, HEAD");
    return r;
  }

  static http_response page(const asset& a, const http_request& q) {
    http_response r{200, std::string(a.content_type), std::string(a.body), {}};
    r.headers = {{"ETag", std::string(a.etag)},
                 {"Cache-Control", "no-cache"},
                 {"Content-Security-Policy", std::string(page_policy)},
                 {"Referrer-Policy", "no-referrer"}};
    if (q.if_none_match == "*" || q.if_none_match.find(a.etag) != std::string::npos) {
      r.status = 304;
      r.body.clear();
    }
    return r;
  }

  /// Runs a blocking job on the least loaded reader thread and answers with what it returns.
  void read(const http_request& q, const responder& respond,
            std::function<http_response(const std::string& target)> job) {
    auto least =
        std::min_element(workers_.begin(), workers_.end(),
                         [](const auto& a, const auto& b) { return a->queued() < b->queued(); });
    run(**least, q, respond, std::move(job));
  }

  static void run(runtime::worker& on, const http_request& q, const responder& respond,
                  std::function<http_response(const std::string& target)> job) {
    const bool taken = on.post([respond, target = q.target, job = std::move(job)] {
      try {
        respond(job(target));
      } catch (const std::exception& e) {
        respond(problem(500, "internal", "Internal error", e.what(), target));
      }
    });
    if (!taken)
      respond(unavailable("too many queries are waiting for the store; try again", q.target));
  }

  result<bars_request> read_bars_request(const http_request& q) const {
    if (auto ok =
            check_names(q.query, {"instrument", "on", "timeframe", "from", "to", "limit", "order",
                                  "format", "revision", "as_of", "source", "indicators"});
        !ok)
      return tl::unexpected(ok.error());
    bars_request out;
    const auto instrument = read_instrument(q.query);
    if (!instrument) return tl::unexpected(instrument.error());
    out.instrument = *instrument;
    const auto source = read_choice(q.query, "source", {"own", "kite"});
    if (!source) return tl::unexpected(source.error());
    out.official = *source == "kite";
    const auto timeframe =
        out.official ? read_candle_timeframe(q.query) : read_timeframe(q.query, d_.timeframes);
    if (!timeframe) return tl::unexpected(timeframe.error());
    out.timeframe = *timeframe;

    const auto from = read_time(q.query, "from", 0);
    if (!from) return tl::unexpected(from.error());
    const auto to = read_time(q.query, "to", market::never);
    if (!to) return tl::unexpected(to.error());
    if (*from > *to) return fail(errc::bad_input, "'from' is after 'to'; exchange them");
    const auto limit = read_count(q.query, "limit", 500, max_bars);
    if (!limit) return tl::unexpected(limit.error());
    const auto order = read_choice(q.query, "order", {"asc", "desc"});
    if (!order) return tl::unexpected(order.error());
    const auto format = read_choice(q.query, "format", {"json", "csv"});
    if (!format) return tl::unexpected(format.error());
    const auto revision = read_choice(q.query, "revision", {"last", "all"});
    if (!revision) return tl::unexpected(revision.error());
    out.all_revisions = *revision == "all";
    if (out.all_revisions && market::is_period(*timeframe)) {
      return fail(errc::bad_input, "revision='all' is for stored bars; those of " +
                                       market::to_string(*timeframe) +
                                       " are made of the last revisions of 1D bars");
    }
    const auto as_of = read_time(q.query, "as_of", market::never);
    if (!as_of) return tl::unexpected(as_of.error());
    out.as_of = *as_of;
    const auto indicators = read_indicators(q.query, *timeframe, out.all_revisions);
    if (!indicators) return tl::unexpected(indicators.error());
    out.indicators = *indicators;
    out.from = *from;
    out.to = *to;
    out.limit = *limit;
    out.descending = *order == "desc";
    out.newest = out.descending || !find_value(q.query, "from");
    out.csv = *format == "csv";
    return out;
  }

  /// Or the answer that says why there is none.
  tl::expected<market::instrument, http_response> instrument_named(
      const instrument_name& name, const std::string& target) const {
    const auto known = d_.reader->find(name.key, name.on);
    if (!known) return tl::unexpected(failed(known.error(), target));
    if (!*known) return tl::unexpected(unknown_instrument(name, target));
    return (*known)->instrument;
  }

  void bars(const http_request& q, const responder& respond) {
    auto asked = read_bars_request(q);
    if (!asked) return respond(bad_parameter(asked.error(), q.target));
    read(q, respond, [this, asked = std::move(*asked)](const std::string& target) {
      const auto found = instrument_named(asked.instrument, target);
      if (!found) return found.error();
      const auto& i = *found;
      store::bar_query query;
      query.token = i.token;
      query.timeframe = asked.timeframe;
      query.from = asked.from;
      query.to = asked.to;
      query.limit = asked.limit + 1;  // one more tells whether there are more
      query.newest_first = asked.newest;
      query.all_revisions = asked.all_revisions;
      if (asked.as_of != market::never) {
        const auto position = d_.position_at(asked.as_of);
        if (!position) return failed(position.error(), target);
        query.as_of = *position;
      }
      const auto read_rows = [&](const store::bar_query& wanted) {
        return asked.official                        ? official_rows(wanted)
               : market::is_period(wanted.timeframe) ? period_rows(wanted)
                                                     : finals(wanted);
      };
      auto rows = read_rows(query);
      if (!rows) return failed(rows.error(), target);
      const bool more = rows->size() > asked.limit;
      if (more) rows->erase(asked.newest ? rows->begin() : std::prev(rows->end()));
      if (!asked.indicators.empty()) {
        const auto done = add_indicators(*rows, query, asked.indicators, d_.calendar_of, read_rows);
        if (!done) return failed(done.error(), target);
      }
      if (asked.descending) std::reverse(rows->begin(), rows->end());
      return asked.csv ? bars_csv(asked, *rows) : bars_json(asked, i, *rows, more);
    });
  }

  void proof(const http_request& q, const responder& respond) {
    auto asked = read_proof_request(q.query, d_.timeframes);
    if (!asked) return respond(bad_parameter(asked.error(), q.target));
    if (!d_.evidence) return respond(unavailable("bars are not proven here", q.target));
    respond.limit(d_.proof_timeout, "the proof was not done within " +
                                        std::to_string(d_.proof_timeout.count()) +
                                        " ms; prove a shorter bar");
    run(*prover_, q, respond, [this, asked = std::move(*asked)](const std::string& target) {
      const auto found = instrument_named(asked.instrument, target);
      if (!found) return found.error();
      const auto& i = *found;
      store::bar_query query;
      query.token = i.token;
      query.timeframe = asked.timeframe;
      query.from = asked.start;
      query.to = asked.start + 1;
      query.limit = max_bars;
      query.all_revisions = true;
      const auto rows = d_.reader->bars(query);
      if (!rows) return failed(rows.error(), target);
      const auto* stored = find_revision(*rows, asked.revision);
      if (stored == nullptr) {
        return problem(404, "no-such-bar", "No such bar",
                       "no " + market::to_string(asked.timeframe) + " bar of " +
                           market::display_key(i) + " that starts then is stored" +
                           (rows->empty() ? "" : " with that revision") +
                           "; /v1/bars?revision=all lists those that are",
                       target);
      }
      const auto evidence = d_.evidence(asked.timeframe, *stored);
      if (evidence) return json(proof_json(i, asked.timeframe, *stored, *evidence));
      const error& e = evidence.error();
      if (e.code == errc::full)
        return problem(422, "too-many-ticks", "Too many ticks", e.message, target);
      if (e.code == errc::not_found)
        return problem(410, "ticks-gone", "Ticks are gone", e.message, target);
      return failed(e, target);
    });
  }

  void chains(const http_request& q, const responder& respond) {
    if (auto ok = check_names(q.query, {}); !ok)
      return respond(bad_parameter(ok.error(), q.target));
    read(q, respond,
         [this](const std::string& target) { return answer(list_chains(*d_.reader), target); });
  }

  void chain(const http_request& q, const responder& respond) {
    auto asked = read_chain_request(q.query, std::string_view(q.path).substr(chain_path.size()));
    if (!asked) return respond(bad_parameter(asked.error(), q.target));
    read(q, respond, [this, asked = std::move(*asked)](const std::string& target) {
      return answer(read_chain(*d_.reader, asked), target);
    });
  }

  using rows_reader = result<std::string> (*)(store::reader&, const market::instrument&,
                                              const store::feature_query&);
  void feature_rows(const http_request& q, const responder& respond, rows_reader rows) {
    auto asked = read_feature_request(q.query);
    if (!asked) return respond(bad_parameter(asked.error(), q.target));
    read(q, respond, [this, rows, asked = std::move(*asked)](const std::string& target) {
      const auto found = instrument_named(asked.instrument, target);
      if (!found) return found.error();
      return answer(rows(*d_.reader, *found, asked.range), target);
    });
  }
  void greeks(const http_request& q, const responder& r) { feature_rows(q, r, read_greeks); }
  void features(const http_request& q, const responder& r) { feature_rows(q, r, read_features); }

  static http_response answer(result<std::string> body, const std::string& target) {
    return body ? json(std::move(*body)) : failed(body.error(), target);
  }

  [[nodiscard]] result<std::vector<served_bar>> finals(const store::bar_query& query) const {
    auto rows = d_.reader->bars(query);
    if (!rows) return tl::unexpected(rows.error());
    std::vector<served_bar> all;
    all.reserve(rows->size());
    for (const auto& r : *rows) all.push_back({r.bar, true});
    return all;
  }

  [[nodiscard]] result<std::vector<served_bar>> official_rows(const store::bar_query& query) const {
    auto rows = d_.reader->candles(store::kite_source, query);
    if (!rows) return tl::unexpected(rows.error());
    std::vector<served_bar> all;
    all.reserve(rows->size());
    for (const auto& b : *rows) all.push_back({b, true});
    return all;
  }

  [[nodiscard]] result<std::vector<served_bar>> period_rows(const store::bar_query& query) const {
    const auto calendar = d_.calendar_of(query.token);
    if (!calendar) return fail(errc::not_found, "no calendar is known for the instrument");
    return read_period_bars(*d_.reader, query, calendar);
  }

  http_response bars_csv(const bars_request& asked, const std::vector<served_bar>& rows) const {
    http_response r{200, "text/csv; charset=utf-8", std::string(store::bars_csv_header), {}};
    const auto columns = market::indicator::column_names(asked.indicators);
    append_indicator_header(r.body, columns);
    for (const auto& row : rows) {
      store::append_bar_csv(r.body, row.bar, d_.utc_offset);
      append_indicator_csv(r.body, row, columns);
    }
    return r;
  }

  static http_response bars_json(const bars_request& asked, const market::instrument& i,
                                 const std::vector<served_bar>& rows, bool more) {
    std::string out = "{\"instrument\":";
    protocol::append_text(out, market::display_key(i));
    out += ",\"timeframe\":\"" + market::to_string(asked.timeframe) + "\",\"bars\":[";
    const auto columns = market::indicator::column_names(asked.indicators);
    for (const auto& row : rows) {
      if (out.back() == '}') out += ',';
      protocol::append_bar(out, row.bar, row.final);
      append_indicator_json(out, row, columns);
    }
    out += more ? "],\"more\":true}\n" : "],\"more\":false}\n";
    return json(std::move(out));
  }

  void instruments(const http_request& q, const responder& respond) {
    if (auto ok = check_names(q.query, {"query", "exchange", "limit"}); !ok)
      return respond(bad_parameter(ok.error(), q.target));
    const auto limit = read_count(q.query, "limit", 50, max_instruments);
    if (!limit) return respond(bad_parameter(limit.error(), q.target));
    read(q, respond,
         [this, limit = *limit, text = std::string(find_value(q.query, "query").value_or("")),
          exchange = std::string(find_value(q.query, "exchange").value_or(""))](
             const std::string& target) {
           const auto found = catalog_.search(text, exchange, limit);
           if (!found) return failed(found.error(), target);
           nlohmann::ordered_json out;
           out["instruments"] = nlohmann::json::array();
           for (const auto& i : found->page) out["instruments"].push_back(to_json(i));
           out["total"] = found->total;
           return json(out);
         });
  }

  void gaps(const http_request& q, const responder& respond) {
    if (auto ok = check_names(q.query, {"from", "to"}); !ok)
      return respond(bad_parameter(ok.error(), q.target));
    const auto from = read_time(q.query, "from", 0);
    if (!from) return respond(bad_parameter(from.error(), q.target));
    const auto to = read_time(q.query, "to", market::never);
    if (!to) return respond(bad_parameter(to.error(), q.target));
    read(q, respond, [this, from = *from, to = *to](const std::string& target) {
      const auto rows = d_.reader->gaps(from, to);
      if (!rows) return failed(rows.error(), target);
      const std::size_t skipped = rows->size() > max_gaps ? rows->size() - max_gaps : 0;
      nlohmann::ordered_json out;
      out["gaps"] = nlohmann::json::array();
      for (std::size_t i = skipped; i < rows->size(); ++i) {
        const store::gap_row& g = (*rows)[i];
        nlohmann::ordered_json gap;
        gap["from"] = g.from / market::microsecond;
        if (g.to != market::never) gap["to"] = g.to / market::microsecond;
        gap["cause"] = g.token ? "quarantined" : market::to_string(g.cause);
        if (g.token) gap["instrument_token"] = *g.token;
        if (!g.detail.empty()) gap["detail"] = g.detail;
        out["gaps"].push_back(std::move(gap));
      }
      out["more"] = skipped != 0;
      return json(out);
    });
  }

  void timeframes(const http_request& q, const responder& respond) {
    nlohmann::ordered_json out;
    out["timeframes"] = nlohmann::json::array();
    for (const auto t : d_.timeframes) out["timeframes"].push_back(market::to_string(t));
    out["periods"] = nlohmann::json::array();
    if (std::ranges::count(d_.timeframes, market::one_trading_day) != 0) {
      for (const auto* period : {"1W", "1M", "3M", "6M", "1Y"}) out["periods"].push_back(period);
    }
    out["utc_offset_seconds"] = d_.utc_offset / market::second;
    respond(without_parameters(q, json(out)));
  }

  void ask(const http_request& q, const responder& respond, const json_source& source,
           std::string_view what) {
    if (auto ok = check_names(q.query, {}); !ok)
      return respond(bad_parameter(ok.error(), q.target));
    if (!source) return respond(unavailable(std::string(what) + " is not served here", q.target));
    respond.limit(d_.source_timeout, std::string(what) + " did not come within " +
                                         std::to_string(d_.source_timeout.count()) +
                                         " ms; the actors are busy or restarting");
    source([respond](std::string body) { respond(json(std::move(body))); });
  }
  void status(const http_request& q, const responder& r) { ask(q, r, d_.status, "the status"); }
  void tree(const http_request& q, const responder& r) { ask(q, r, d_.tree, "the tree"); }

  static http_response without_parameters(const http_request& q, http_response r) {
    const auto ok = check_names(q.query, {});
    return ok ? std::move(r) : bad_parameter(ok.error(), q.target);
  }

  void livez(const http_request&, const responder& respond) {
    respond({200, "text/plain; charset=utf-8", "ok\n", {}});
  }

  void readyz(const http_request& q, const responder& respond) {
    const readiness r = d_.ready ? d_.ready() : readiness{};
    if (!r.ready) return respond(unavailable("not ready: " + r.detail, q.target));
    respond({200, "text/plain; charset=utf-8", "ok\n", {}});
  }

  void metrics_text(const http_request&, const responder& respond) {
    respond({200, "text/plain; version=0.0.4; charset=utf-8", d_.metrics->text(), {}});
  }

  void version(const http_request& q, const responder& respond) {
    nlohmann::ordered_json out;
    out["name"] = "artham";
    out["version"] = d_.version;
    respond(without_parameters(q, json(out)));
  }

  const api_dependencies d_;
  instrument_catalog catalog_;
  // First to go: their jobs use the others. Proofs read much, so they do not hold up other reads.
  std::unique_ptr<runtime::worker> prover_;
  std::vector<std::unique_ptr<runtime::worker>> workers_;
};

}  // namespace

http_handler make_api(api_dependencies dependencies) {
  auto routes = std::make_shared<api>(std::move(dependencies));
  return [routes](const http_request& q, responder respond) { routes->handle(q, respond); };
}

}  // namespace artham::web
