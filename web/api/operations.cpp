#include "web/api/operations.hpp"

#include <array>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "web/api/query.hpp"
#include "web/api/responses.hpp"

namespace artham::web {

namespace {

http_response without_parameters(const http_request& q, http_response r) {
  const auto ok = check_names(q.query, {});
  return ok ? std::move(r) : bad_parameter(ok.error(), q.target);
}

}  // namespace

struct operations::route {
  std::string_view path;
  void (operations::*serve)(const http_request&, const responder&) const;
};

std::span<const operations::route> operations::table() {
  static constexpr std::array<route, 6> all{{
      {"/v1/status", &operations::status},
      {"/v1/system/tree", &operations::tree},
      {"/livez", &operations::livez},
      {"/readyz", &operations::readyz},
      {"/metrics", &operations::metrics_text},
      {"/version", &operations::version},
  }};
  return all;
}

std::vector<std::string> operations::paths() {
  std::vector<std::string> all;
  for (const auto& r : table()) all.emplace_back(r.path);
  return all;
}

bool operations::handle(const http_request& q, const responder& respond) const {
  for (const route& r : table()) {
    if (r.path != q.path) continue;
    if (q.method == "GET" || q.method == "HEAD") {
      (this->*r.serve)(q, respond);
    } else {
      respond(method_not_allowed(q));
    }
    return true;
  }
  return false;
}

void operations::ask(const http_request& q, const responder& respond, const json_source& source,
                     std::string_view what) const {
  if (auto ok = check_names(q.query, {}); !ok) return respond(bad_parameter(ok.error(), q.target));
  if (!source) return respond(unavailable(std::string(what) + " is not served here", q.target));
  respond.limit(d_.timeout, std::string(what) + " did not come within " +
                                std::to_string(d_.timeout.count()) +
                                " ms; the actors are busy or restarting");
  source([respond](std::string body) { respond(json(std::move(body))); });
}
void operations::status(const http_request& q, const responder& r) const {
  ask(q, r, d_.status, "the status");
}
void operations::tree(const http_request& q, const responder& r) const {
  ask(q, r, d_.tree, "the tree");
}

void operations::livez(const http_request&, const responder& respond) const {
  respond({200, "text/plain; charset=utf-8", "ok\n", {}});
}

void operations::readyz(const http_request& q, const responder& respond) const {
  const readiness r = d_.ready ? d_.ready() : readiness{};
  if (!r.ready) return respond(unavailable("not ready: " + r.detail, q.target));
  respond({200, "text/plain; charset=utf-8", "ok\n", {}});
}

void operations::metrics_text(const http_request&, const responder& respond) const {
  respond({200, "text/plain; version=0.0.4; charset=utf-8", d_.metrics->text(), {}});
}

void operations::version(const http_request& q, const responder& respond) const {
  nlohmann::ordered_json out;
  out["name"] = "artham";
  out["version"] = d_.version;
  respond(without_parameters(q, json(out)));
}

http_handler make_operations(operations_sources sources) {
  const auto routes = std::make_shared<const operations>(std::move(sources));
  return [routes](const http_request& q, const responder& respond) {
    if (routes->handle(q, respond)) return;
    respond(problem(404, "no-such-path", "No such path",
                    "nothing is served at '" + q.path +
                        "': this node is no gateway; it serves /v1/status, /v1/system/tree, "
                        "/livez, /readyz, /metrics and /version",
                    q.target));
  };
}

}  // namespace artham::web
