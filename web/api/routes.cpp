#include "web/api/routes.hpp"

#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/worker.hpp"
#include "web/api/alerts.hpp"
#include "web/api/bar_export.hpp"
#include "web/api/bar_pages.hpp"
#include "web/api/bar_proof.hpp"
#include "web/api/bar_request.hpp"
#include "web/api/bar_text.hpp"
#include "web/api/feature_queries.hpp"
#include "web/api/instrument_catalog.hpp"
#include "web/api/kite/routes.hpp"
#include "web/api/operations.hpp"
#include "web/api/query.hpp"
#include "web/api/read_pool.hpp"
#include "web/api/replays.hpp"
#include "web/api/responses.hpp"
#include "web/api/udf/routes.hpp"
#include "web/page/assets.hpp"

namespace artham::web {
namespace {

constexpr std::size_t max_bars = 10'000;
constexpr std::size_t max_instruments = 5'000;
constexpr std::size_t max_gaps = 1'000;
constexpr std::size_t queued_proofs = 8;
constexpr std::string_view chain_path = "/v1/chain/";

constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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

class api {
 public:
  explicit api(api_dependencies d) : d_(std::move(d)), catalog_(*d_.reader) {
    prover_ = std::make_unique<runtime::worker>("web-proof", queued_proofs);
    // Each export reads one page at a time.
    exporter_ = std::make_unique<runtime::worker>("web-export", d_.exports);
  }

  struct route {
    std::string_view path;
    void (api::*serve)(const http_request&, const responder&);
  };
  [[nodiscard]] static std::span<const route> table() {
    static constexpr route routes[] = {
        {"/v1/bars", &api::bars},         {"/v1/bars/proof", &api::proof},
        {"/v1/chain", &api::chains},      {"/v1/greeks", &api::greeks},
        {"/v1/features", &api::features}, {"/v1/instruments", &api::instruments},
        {"/v1/gaps", &api::gaps},         {"/v1/timeframes", &api::timeframes},
    };
    return routes;
  }

  void handle(const http_request& q, const responder& respond) {
    const bool reads = q.method == "GET" || q.method == "HEAD";
    for (const route& r : table()) {
      if (r.path != q.path) continue;
      return reads ? (this->*r.serve)(q, respond) : respond(method_not_allowed(q));
    }
    if (operations_.handle(q, respond) || alerts_.handle(q, respond) || kite_.handle(q, respond) ||
        udf_.handle(q, respond) || replays_.handle(q, respond))
      return;
    if (q.path.starts_with(chain_path) && q.path.size() > chain_path.size())
      return reads ? chain(q, respond) : respond(method_not_allowed(q));
    if (d_.ui && d_.ui->handle(q, respond)) return;
    if (const asset* a = find_asset(q.path))
      return respond(reads ? page(*a, q) : method_not_allowed(q));
    respond(problem(404, "no-such-path", "No such path",
                    "nothing is served at '" + q.path +
                        "'; the interface is under /v1 (bars, chain, greeks, features, "
                        "instruments, gaps, timeframes, alerts, replays, status, system/tree, "
                        "stream), described by "
                        "/openapi.json",
                    q.target));
  }

 private:
  static http_response page(const asset& a, const http_request& q) {
    http_response r{200, std::string(a.content_type), std::string(a.body), {}};
    r.headers = {{"Content-Security-Policy", std::string(page_policy)},
                 {"Referrer-Policy", "no-referrer"}};
    tag(r, std::string(a.etag), q);
    return r;
  }

  /// Runs a blocking job on a reader thread and answers with what it returns.
  void read(const http_request& q, const responder& respond,
            std::function<http_response(const std::string& target)> job) {
    run(readers_, q, respond, std::move(job));
  }

  template <class Threads>
  static void run(Threads& on, const http_request& q, const responder& respond,
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

  /// Or the answer that says why there is none.
  tl::expected<market::instrument, http_response> instrument_named(
      const instrument_name& name, const std::string& target) const {
    const auto known = d_.reader->find(name.key, name.on);
    if (!known) return tl::unexpected(failed(known.error(), target));
    if (!*known) return tl::unexpected(unknown_instrument(name, target));
    return (*known)->instrument;
  }

  void bars(const http_request& q, const responder& respond) {
    auto asked = read_bars_request(q.query, d_.timeframes, q.accept);
    if (!asked) return respond(bad_parameter(asked.error(), q.target));
    if (asked->everything) return export_bars(q, respond, std::move(*asked));
    read(q, respond, [this, asked = std::move(*asked), q](const std::string& target) {
      const auto known = pages_of(asked, target);
      if (!known) return known.error();
      const auto page = known->pages.read(known->query);
      if (!page) return failed(page.error(), target);
      auto r = bars_answer(known->text, *page, target);
      tag(r, entity_tag(r.body), q);
      return r;
    });
  }

  /// All of them: the first page is the beginning of the answer, or says what is wrong.
  void export_bars(const http_request& q, const responder& respond, bars_request asked) {
    auto place = take_place(exports_);
    if (!place) {
      return respond(
          unavailable("as many exports as may run at a time are under way; try again "
                      "when one is done, or page with a limit",
                      q.target));
    }
    run(*exporter_, q, respond,
        [this, asked = std::move(asked), place = std::move(place)](const std::string& target) {
          auto known = pages_of(asked, target);
          if (!known) return known.error();
          known->query.limit = d_.export_page;
          const auto page = known->pages.read(known->query);
          if (!page) return failed(page.error(), target);
          auto r = bars_answer(known->text, {page->rows, std::nullopt}, target);
          r.rest = std::make_shared<bar_export>(*exporter_, known->pages, known->query, known->text,
                                                page->next, place);
          return r;
        });
  }

  struct known_bars {
    bar_pages pages;
    store::bar_query query;
    bar_text text;
  };
  /// What a request means now, or the answer that says why it means nothing.
  tl::expected<known_bars, http_response> pages_of(const bars_request& asked,
                                                   const std::string& target) const {
    const auto found = instrument_named(asked.instrument, target);
    if (!found) return tl::unexpected(found.error());
    auto query = asked.query;
    query.token = found->token;
    if (asked.as_of != market::never) {
      const auto position = d_.position_at(asked.as_of);
      if (!position) return tl::unexpected(failed(position.error(), target));
      query.as_of = *position;
    }
    return known_bars{
        {*d_.reader, d_.calendar_of, asked.official, asked.descending, asked.indicators},
        query,
        {asked.format, market::display_key(*found), asked.query.timeframe, asked.indicators,
         d_.utc_offset}};
  }

  static http_response bars_answer(const bar_text& text, const bar_page& page,
                                   const std::string& target) {
    http_response r{200, std::string(text.content_type()), text.document(page), {}};
    r.headers.emplace_back("Vary", "Accept");
    if (page.next) r.headers.emplace_back("Link", next_page_link(target, *page.next));
    return r;
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
    if (auto ok = check_names(q.query, {"from", "to", "instrument"}); !ok)
      return respond(bad_parameter(ok.error(), q.target));
    const auto from = read_time(q.query, "from", 0);
    if (!from) return respond(bad_parameter(from.error(), q.target));
    const auto to = read_time(q.query, "to", market::never);
    if (!to) return respond(bad_parameter(to.error(), q.target));
    const auto instrument = find_value(q.query, "instrument");
    instrument_name name{std::string(instrument.value_or("")), {}};
    read(q, respond,
         [this, from = *from, to = *to, of_one = instrument.has_value(),
          name = std::move(name)](const std::string& target) {
           auto rows = d_.reader->gaps(from, to);
           if (!rows) return failed(rows.error(), target);
           if (of_one) {
             const auto found = instrument_named(name, target);
             if (!found) return found.error();
             std::erase_if(*rows,
                           [&](const store::gap_row& g) { return !g.concerns(found->token); });
           }
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
             if (!g.tokens.empty()) gap["instrument_tokens"] = g.tokens;
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

  static http_response without_parameters(const http_request& q, http_response r) {
    const auto ok = check_names(q.query, {});
    return ok ? std::move(r) : bad_parameter(ok.error(), q.target);
  }

  const api_dependencies d_;
  const operations operations_{d_.operations};
  const alert_routes alerts_{d_.alerts};
  instrument_catalog catalog_;
  std::shared_ptr<export_places> exports_ = std::make_shared<export_places>(d_.exports);
  const kite::routes kite_{
      {d_.reader, &catalog_, &readers_, d_.timeframes, d_.calendar_of, d_.quotes}};
  const udf::routes udf_{
      {d_.reader, &catalog_, &readers_, d_.timeframes, d_.calendar_of, d_.quotes}};
  const replay_routes replays_{d_.replays};
  // First to go: their jobs use the others. Proofs and exports read much, so they do not hold up
  // other reads.
  std::unique_ptr<runtime::worker> exporter_;
  std::unique_ptr<runtime::worker> prover_;
  read_pool readers_{d_.readers, d_.queued_reads};
};

}  // namespace

std::vector<std::string> api_paths() {
  std::vector<std::string> all{std::string(chain_path) + "{underlying}", "/openapi.json"};
  for (const auto& r : api::table()) all.emplace_back(r.path);
  for (const auto& some : {operations::paths(), alert_routes::paths(), kite::routes::paths(),
                           udf::routes::paths(), replay_routes::paths()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

http_handler make_api(api_dependencies dependencies) {
  auto routes = std::make_shared<api>(std::move(dependencies));
  return [routes](const http_request& q, responder respond) { routes->handle(q, respond); };
}

}  // namespace artham::web
