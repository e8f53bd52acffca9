#include "web/access/guarded_handler.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "web/access/rules.hpp"

namespace artham::web {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using reason = denial::reason;

constexpr std::chrono::seconds login_limit{15};
constexpr std::int64_t nanoseconds_in_micro = 1000;
constexpr std::size_t name_at_most = 100;

http_response plain_json(const ordered_json& document) {
  http_response r{200, "application/json", document.dump(), {}};
  r.headers.emplace_back("Cache-Control", "no-store");
  return r;
}

/// Kite's own form of an error, which its clients know.
http_response kite_problem(unsigned status, const std::string& message, std::string_view type) {
  ordered_json j;
  j["status"] = "error";
  j["message"] = message;
  j["data"] = nullptr;
  j["error_type"] = type;
  return {status, "application/json", j.dump(), {}};
}

http_response unauthorized(const http_request& q, const denial& d) {
  if (is_kite(q.path) && d.why != reason::not_ready && d.why != reason::throttled)
    return kite_problem(403, d.message, "TokenException");
  switch (d.why) {
    case reason::throttled: {
      auto r = problem(429, "too-many-attempts", "Too many attempts", d.message, q.target);
      r.headers.emplace_back("Retry-After", "60");
      return r;
    }
    case reason::not_ready: {
      auto r = problem(503, "unavailable", "Not available now", d.message, q.target);
      r.headers.emplace_back("Retry-After", "5");
      return r;
    }
    default:
      break;
  }
  auto r = problem(401, "unauthorized", "Who is asking?", d.message, q.target);
  r.headers.emplace_back("WWW-Authenticate",
                         d.why == reason::missing
                             ? "Bearer realm=\"artham\""
                             : "Bearer realm=\"artham\", error=\"invalid_token\"");
  return r;
}

http_response forbidden(const http_request& q, store::scope needed) {
  const auto scope = store::scopes_text(static_cast<std::uint8_t>(needed));
  const auto detail = "this needs the scope '" + scope + "', which the key does not have";
  if (is_kite(q.path)) return kite_problem(403, detail, "PermissionException");
  auto r = problem(403, "forbidden", "Not with this key", detail, q.target);
  r.headers.emplace_back(
      "WWW-Authenticate",
      "Bearer realm=\"artham\", error=\"insufficient_scope\", scope=\"" + scope + "\"");
  return r;
}

http_response wrong_method(const http_request& q, const std::string& allowed) {
  auto r = problem(405, "method-not-allowed", "Method not allowed",
                   q.path + " takes " + allowed + " only", q.target);
  r.headers.emplace_back("Allow", allowed);
  return r;
}

ordered_json identity_json(const identity& who) {
  ordered_json j;
  j["kind"] = who.is == identity::kind::key    ? "key"
              : who.is == identity::kind::user ? "user"
                                               : "anybody";
  if (who.is != identity::kind::anybody) j["name"] = who.name;
  if (who.is == identity::kind::key) j["id"] = who.id;
  j["scopes"] = json::array();
  for (const auto s : {store::scope::read, store::scope::replay, store::scope::admin})
    if (who.may(s)) j["scopes"].push_back(store::scopes_text(static_cast<std::uint8_t>(s)));
  if (who.expires != 0) {
    j["expires"] = who.expires / nanoseconds_in_micro;
    j["renewable"] = who.renewals == 0;
  }
  return j;
}

http_response login_answer(const login& l) {
  ordered_json j;
  j["ticket"] = l.ticket;
  j.update(identity_json(l.who));
  return plain_json(j);
}

class guard {
 public:
  guard(http_handler inner, std::shared_ptr<access_control> access)
      : inner_(std::move(inner)), access_(std::move(access)) {}

  void handle(const http_request& q, const responder& respond) const {
    if (const auto name = credential_in_query(q.path, q.query)) {
      // Without the target, which the answer would repeat it with.
      return respond(problem(400, "credential-in-address", "A key in the address",
                             "'" + name->substr(0, name_at_most) +
                                 "' holds what others see in logs and histories: send it as "
                                 "Authorization: Bearer, and have this one revoked",
                             q.path));
    }
    if (q.path == "/v1/login") return log_in(q, respond);
    if (is_public(q.method, q.path)) return inner_(q, respond);
    const auto who = identify(q);
    if (!who) return respond(unauthorized(q, who.error()));
    if (q.path == "/v1/logout") return log_out(q, respond, *who);
    if (q.path == "/v1/session") return session(q, respond, *who);
    const auto needed = needed_scope(q.method, q.path);
    if (!who->may(needed)) {
      access_->note_refused(*who, q.address, q.method + " " + q.path.substr(0, name_at_most));
      return respond(forbidden(q, needed));
    }
    if (!is_alerts(q.path) && needed != store::scope::replay) return inner_(q, respond);
    // Whose rules and replays they are counts.
    auto known = q;
    known.owner = who->owner();
    known.may_all = who->may(store::scope::admin);
    inner_(known, respond);
  }

 private:
  [[nodiscard]] granted<identity> identify(const http_request& q) const {
    const auto credential = credential_of(q.path, q.authorization, q.query);
    if (!access_->required()) {
      // Where anybody may come in, whoever says who he is is known, and nobody is refused.
      if (looks_like_credential(credential.reveal()))
        if (auto who = access_->check(credential.reveal(), q.address)) return who;
      return identity{identity::kind::anybody, 0, {}, store::all_scopes, {}, 0, 0};
    }
    if (credential.empty()) return tl::unexpected(access_->nothing_shown());
    return access_->check(credential.reveal(), q.address);
  }

  void log_in(const http_request& q, const responder& respond) const {
    if (q.method != "POST") return respond(wrong_method(q, "POST"));
    auto j = json::parse(q.body, nullptr, false);
    const auto is_text = [&](const char* member) {
      return j.is_object() && j.contains(member) && j[member].is_string();
    };
    if (!q.content_type.starts_with("application/json") || !is_text("user") ||
        !is_text("password")) {
      return respond(problem(400, "bad-login", "Not a login",
                             "the body is application/json: {\"user\":\"…\",\"password\":\"…\"}",
                             q.target));
    }
    respond.limit(login_limit, "the login was not looked at in time; try again");
    access_->log_in(j["user"].get<std::string>(), runtime::secret(j["password"].get<std::string>()),
                    q.address, [respond, q](const granted<login>& l) {
                      respond(l ? login_answer(*l) : unauthorized(q, l.error()));
                    });
  }

  void log_out(const http_request& q, const responder& respond, const identity& who) const {
    if (q.method != "POST") return respond(wrong_method(q, "POST"));
    if (who.is != identity::kind::user) {
      return respond(problem(400, "no-ticket", "No ticket",
                             "only tickets are given back; keys end with artham key revoke",
                             q.target));
    }
    access_->log_out(who, q.address);
    respond({204, {}, {}, {}});
  }

  void session(const http_request& q, const responder& respond, const identity& who) const {
    if (q.method == "GET" || q.method == "HEAD") return respond(plain_json(identity_json(who)));
    if (q.method != "POST") return respond(wrong_method(q, "GET, HEAD, POST"));
    const auto renewed = access_->renew(who, q.address);
    respond(renewed ? login_answer(*renewed) : unauthorized(q, renewed.error()));
  }

  http_handler inner_;
  std::shared_ptr<access_control> access_;
};

}  // namespace

http_handler guarded(http_handler inner, std::shared_ptr<access_control> access) {
  const auto g = std::make_shared<const guard>(std::move(inner), std::move(access));
  return [g](const http_request& q, const responder& respond) { g->handle(q, respond); };
}

}  // namespace artham::web
