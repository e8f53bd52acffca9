#include "web/api/replays.hpp"

#include <chrono>
#include <utility>

#include "web/api/query.hpp"
#include "web/api/responses.hpp"

namespace artham::web {

namespace {

constexpr std::string_view path = "/v1/replays";
constexpr std::chrono::seconds answer_limit{60};
constexpr unsigned created = 201;

http_response refused(const replay_refusal& r, const std::string& target) {
  auto p = problem(r.status, r.kind, r.title, r.detail, target);
  if (r.status == 503 || r.status == 429) p.headers.emplace_back("Retry-After", "5");
  return p;
}

replay_source::answer answered(const responder& respond, const std::string& target,
                               unsigned status = 200) {
  return [respond, target, status](const tl::expected<std::string, replay_refusal>& a) {
    if (!a) return respond(refused(a.error(), target));
    auto r = web::json(*a + "\n");
    r.status = status;
    respond(std::move(r));
  };
}

http_response wrong_method(const http_request& q, const std::string& allowed) {
  auto r = problem(405, "method-not-allowed", "Method not allowed",
                   q.method + " is not offered here; use " + allowed, q.target);
  r.headers.emplace_back("Allow", allowed);
  return r;
}

/// Nothing but a JSON body is taken: a page elsewhere cannot send one unasked.
bool is_json(const http_request& q, const responder& respond) {
  if (q.content_type.starts_with("application/json")) return true;
  respond(problem(415, "not-json", "Not JSON",
                  "the body is application/json: say so in Content-Type", q.target));
  return false;
}

}  // namespace

std::vector<std::string> replay_routes::paths() {
  return {std::string(path), std::string(path) + "/{id}"};
}

bool replay_routes::handle(const http_request& q, const responder& respond) const {
  const bool of_one = q.path.starts_with(path) && q.path.size() > path.size() + 1 &&
                      q.path[path.size()] == '/' &&
                      q.path.find('/', path.size() + 1) == std::string::npos;
  if (q.path != path && !of_one) return false;
  if (auto ok = check_names(q.query, {}); !ok) {
    respond(bad_parameter(ok.error(), q.target));
  } else if (source_ == nullptr) {
    respond(unavailable("replays are not offered here", q.target));
  } else if (of_one) {
    one(q, respond, q.path.substr(path.size() + 1));
  } else {
    all(q, respond);
  }
  return true;
}

void replay_routes::all(const http_request& q, const responder& respond) const {
  respond.limit(answer_limit, "the replay was not there in time; GET /v1/replays tells of it");
  if (q.method == "GET" || q.method == "HEAD") return source_->list(answered(respond, q.target));
  if (q.method != "POST") return respond(wrong_method(q, "GET, HEAD, POST"));
  if (!is_json(q, respond)) return;
  auto wish = read_replay_wish(q.body);
  if (!wish) return respond(bad_parameter(wish.error(), q.target));
  wish->owner = q.owner;
  source_->start(std::move(*wish), answered(respond, q.target, created));
}

void replay_routes::one(const http_request& q, const responder& respond,
                        const std::string& id) const {
  respond.limit(answer_limit,
                "the replay did not answer in time; GET /v1/replays/{id} tells of it");
  if (q.method == "GET" || q.method == "HEAD")
    return source_->show(id, answered(respond, q.target));
  replay_order order;
  if (q.method == "DELETE") {
    order.what = replay_order::op::stop;
  } else if (q.method != "POST") {
    return respond(wrong_method(q, "GET, HEAD, POST, DELETE"));
  } else {
    if (!is_json(q, respond)) return;
    const auto read = read_replay_order(q.body);
    if (!read) return respond(bad_parameter(read.error(), q.target));
    order = *read;
  }
  source_->tell(id, order, answered(respond, q.target));
}

}  // namespace artham::web
