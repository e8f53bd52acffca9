#include "web/api/kite/routes.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "market/instrument.hpp"
#include "web/api/kite/access.hpp"
#include "web/api/kite/answers.hpp"
#include "web/api/kite/candles.hpp"
#include "web/api/kite/session.hpp"

namespace artham::web::kite {
namespace {

constexpr std::string_view root = "/kite";

/// What Kite serves to who trades.
constexpr std::array<std::string_view, 10> trading{
    "/orders", "/trades",  "/portfolio", "/margins", "/gtt",
    "/mf",     "/charges", "/alerts",    "/basket",  "/user/margins"};

bool is_under(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

market::timestamp now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct routes::route {
  std::string_view method;
  std::string_view path;        ///< behind the root
  std::string_view parameters;  ///< what must follow it, as OpenAPI writes it; empty: nothing
  void (routes::*serve)(const http_request&, std::string_view rest, const responder&) const;
};

std::span<const routes::route> routes::table() {
  // The first one whose path fits.
  static constexpr std::array<route, 9> all{{
      {"POST", "/session/token", "", &routes::login},
      {"DELETE", "/session/token", "", &routes::logout},
      {"GET", "/user/profile", "", &routes::profile},
      {"GET", "/instruments", "", &routes::instruments},
      {"GET", "/instruments/historical", "/{instrument_token}/{interval}", &routes::candles},
      {"GET", "/instruments", "/{exchange}", &routes::instruments},
      {"GET", "/quote", "", &routes::quote},
      {"GET", "/quote/ohlc", "", &routes::ohlc},
      {"GET", "/quote/ltp", "", &routes::ltp},
  }};
  return all;
}

std::vector<std::string> routes::paths() {
  std::vector<std::string> all;
  for (const auto& r : table())
    all.push_back(std::string(root).append(r.path).append(r.parameters));
  return all;
}

bool routes::handle(const http_request& q, const responder& respond) const {
  if (!is_under(q.path, root)) return false;
  const auto path = std::string_view(q.path).substr(root.size());
  if (!q.kite_version.empty() && q.kite_version != "3") {
    respond(
        bad_input("X-Kite-Version is '" + q.kite_version.substr(0, 20) + "'; version 3 is served"));
    return true;
  }
  if (const auto allowed = read_credentials(q); !allowed) {
    respond(failure(403, "TokenException", allowed.error().message));
    return true;
  }
  const auto method = q.method == "HEAD" ? std::string_view("GET") : std::string_view(q.method);
  bool known = false;
  for (const auto& r : table()) {
    if (!is_under(path, r.path)) continue;
    auto rest = path.substr(r.path.size());
    if (rest.empty() != r.parameters.empty()) continue;
    if (!rest.empty()) rest.remove_prefix(1);
    known = true;
    if (r.method != method) continue;
    (this->*r.serve)(q, rest, respond);
    return true;
  }
  for (const auto folder : trading) {
    if (!is_under(path, folder)) continue;
    respond(failure(403, "PermissionException",
                    "artham serves market data; orders and accounts are not served"));
    return true;
  }
  if (known) {
    respond(failure(405, "InputException", "method not allowed: " + q.method.substr(0, 20)));
  } else {
    respond(failure(404, "GeneralException", "route not found: " + q.path.substr(0, 200)));
  }
  return true;
}

void routes::read(const responder& respond, std::function<http_response()> job) const {
  const bool taken = from_.pool->post([respond, job = std::move(job)] {
    try {
      respond(job());
    } catch (const std::exception& e) {
      respond(failure(500, "GeneralException", e.what()));
    }
  });
  if (!taken) {
    respond(
        failure(503, "NetworkException", "too many queries are waiting for the store; try again"));
  }
}

void routes::login(const http_request& q, std::string_view, const responder& respond) const {
  auto form = read_form(q);
  if (!form) return respond(failed(form.error()));
  read(respond, [this, form = std::move(*form)] {
    const auto exchanges = from_.instruments->exchanges();
    if (!exchanges) return failed(exchanges.error());
    const auto session = session_json(form, *exchanges, now());
    return session ? success(*session) : failed(session.error());
  });
}

void routes::logout(const http_request&, std::string_view, const responder& respond) const {
  respond(success("true"));
}

void routes::profile(const http_request&, std::string_view, const responder& respond) const {
  read(respond, [this] {
    const auto exchanges = from_.instruments->exchanges();
    return exchanges ? success(profile_json(*exchanges)) : failed(exchanges.error());
  });
}

void routes::instruments(const http_request&, std::string_view rest,
                         const responder& respond) const {
  read(respond, [this, exchange = std::string(rest)] {
    const auto some = from_.instruments->of_exchange(exchange);
    if (!some) return failed(some.error());
    return http_response{200, "text/csv", market::write_instruments(*some), {}};
  });
}

void routes::candles(const http_request& q, std::string_view rest, const responder& respond) const {
  const auto asked = read_candles_request(rest, q.query, from_.timeframes);
  if (!asked) return respond(failed(asked.error()));
  read(respond, [this, asked = *asked] {
    const auto known = from_.reader->find(std::to_string(asked.token));
    if (!known) return failed(known.error());
    if (!*known)
      return bad_input("invalid token: no instrument has " + std::to_string(asked.token));
    const auto json = candles_json(*from_.reader, asked, from_.calendar_of(asked.token));
    return json ? success(*json) : failed(json.error());
  });
}

void routes::quote(const http_request& q, std::string_view, const responder& respond) const {
  respond(quotes(q.query, quote_kind::full, from_.quotes));
}
void routes::ohlc(const http_request& q, std::string_view, const responder& respond) const {
  respond(quotes(q.query, quote_kind::ohlc, from_.quotes));
}
void routes::ltp(const http_request& q, std::string_view, const responder& respond) const {
  respond(quotes(q.query, quote_kind::ltp, from_.quotes));
}

}  // namespace artham::web::kite
