#include "web/api/alerts.hpp"

#include <charconv>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/clock.hpp"
#include "store/alert_json.hpp"
#include "web/api/alert_text.hpp"
#include "web/api/query.hpp"
#include "web/api/responses.hpp"

namespace artham::web {

namespace {

constexpr std::string_view alerts_path = "/v1/alerts";
constexpr std::string_view rules_path = "/v1/alerts/rules";
constexpr std::size_t alerts_at_most = 1000;

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

http_response failed(const error& e, const std::string& target) {
  switch (e.code) {
    case errc::bad_input:
    case errc::usage:
    case errc::unsupported:
      return problem(400, "bad-rule", "Not a rule", e.message, target);
    case errc::not_found:
      return problem(404, "no-such-rule", "No such rule", e.message, target);
    case errc::conflict:
      return problem(409, "changed-meanwhile", "Changed meanwhile", e.message, target);
    case errc::full:
      return problem(409, "too-many-rules", "Too many rules", e.message, target);
    default:
      return unavailable(e.message, target);
  }
}

http_response not_allowed(const http_request& q, const std::string& methods) {
  auto r = problem(405, "method-not-allowed", "Method not allowed",
                   q.method + " is not offered here; there are " + methods, q.target);
  r.headers.emplace_back("Allow", methods);
  return r;
}

http_response no_rule(std::int64_t id, const std::string& target) {
  return problem(
      404, "no-such-rule", "No such rule",
      "there is no rule " + std::to_string(id) + " of yours; GET /v1/alerts/rules lists them",
      target);
}

/// Whose: nobody for those of all.
result<std::optional<std::string>> owner_asked(const http_request& q) {
  const auto asked = find_value(q.query, "owner").value_or("me");
  if (asked == "me") return std::optional(q.owner);
  if (asked != "all" || !q.may_all) {
    return fail(errc::bad_input, "owner='" + std::string(asked.substr(0, 100)) +
                                     "' must be me, or all with the scope admin");
  }
  return std::optional<std::string>();
}

bool is_json(const http_request& q) {
  return q.content_type.starts_with("application/json");
}

http_response no_json(const http_request& q) {
  return problem(415, "no-json", "Not JSON",
                 "the body is JSON: send it with Content-Type: application/json", q.target);
}

http_response rule_answer(unsigned status, const store::stored_rule& r) {
  auto answer = json(rule_json(r));
  answer.status = status;
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

}  // namespace

std::vector<std::string> alert_routes::paths() {
  return {std::string(alerts_path), std::string(rules_path), std::string(rules_path) + "/{id}"};
}

bool alert_routes::handle(const http_request& q, const responder& respond) const {
  const bool reads = q.method == "GET" || q.method == "HEAD";
  const bool one = q.path.starts_with(rules_path) && q.path.size() > rules_path.size() + 1 &&
                   q.path[rules_path.size()] == '/';
  if (q.path != alerts_path && q.path != rules_path && !one) return false;
  if (!d_.post) {
    respond(problem(404, "no-alerts", "No alerts",
                    "there are no alerts here: alerts.enabled is false", q.target));
  } else if (q.path == alerts_path) {
    reads ? list_alerts(q, respond) : respond(not_allowed(q, "GET, HEAD"));
  } else if (!one) {
    if (q.method == "POST") {
      add(q, respond);
    } else {
      reads ? list_rules(q, respond) : respond(not_allowed(q, "GET, HEAD, POST"));
    }
  } else {
    const auto text = std::string_view(q.path).substr(rules_path.size() + 1);
    const auto id = whole<std::int64_t>(text);
    if (!id || *id <= 0) {
      respond(problem(404, "no-such-rule", "No such rule",
                      "'" + std::string(text.substr(0, 100)) +
                          "' is no rule's number; GET /v1/alerts/rules lists them",
                      q.target));
    } else if (q.method == "PUT") {
      change(q, respond, *id);
    } else if (q.method == "DELETE") {
      remove(q, respond, *id);
    } else {
      reads ? show_rule(q, respond, *id) : respond(not_allowed(q, "GET, HEAD, PUT, DELETE"));
    }
  }
  return true;
}

void alert_routes::run(const http_request& q, const responder& respond,
                       std::function<http_response(store::alert_book&)> job) const {
  const bool taken =
      d_.post([respond, target = q.target, job = std::move(job)](store::alert_book& book) {
        try {
          respond(job(book));
        } catch (const std::exception& e) {
          respond(problem(500, "internal", "Internal error", e.what(), target));
        }
      });
  if (!taken) respond(unavailable("too many questions about alerts wait; try again", q.target));
}

/// What follows from the rule and this moment.
result<void> alert_routes::complete(store::alert_rule& r) const {
  const auto key = market::alert::parse_rule_key(r.key);
  if (!key) return tl::unexpected(key.error());
  const auto bound = d_.bind(*key);
  if (!bound) return tl::unexpected(bound.error());
  r.token = bound->token;
  r.ends = bound->ends;
  if (!r.webhook.empty()) {
    if (auto ok = d_.check_webhook(r.webhook); !ok) return ok;
  }
  const auto end = d_.end_of_ticks();
  if (!end) return tl::unexpected(end.error());
  r.after = *end;
  r.made = runtime::utc_now();
  return {};
}

void alert_routes::add(const http_request& q, const responder& respond) const {
  if (!is_json(q)) return respond(no_json(q));
  store::alert_rule r;
  r.owner = q.owner;
  r.repeat = "once";
  if (auto ok = read_rule(q.body, r); !ok) return respond(failed(ok.error(), q.target));
  run(q, respond, [this, r = std::move(r), target = q.target](store::alert_book& book) mutable {
    if (auto ok = complete(r); !ok) return failed(ok.error(), target);
    auto made = book.add_rule(r, d_.limits);
    if (!made) return failed(made.error(), target);
    auto answer = rule_answer(201, {*made, {}, {}});
    answer.headers.emplace_back("Location",
                                std::string(rules_path) + "/" + std::to_string(made->id));
    return answer;
  });
}

void alert_routes::change(const http_request& q, const responder& respond, std::int64_t id) const {
  if (!is_json(q)) return respond(no_json(q));
  run(q, respond, [this, q, id](store::alert_book& book) {
    const auto present = book.rule(id);
    if (!present) return failed(present.error(), q.target);
    if (!*present || ((*present)->rule.owner != q.owner && !q.may_all))
      return no_rule(id, q.target);
    auto next = (*present)->rule;
    if (auto ok = read_rule(q.body, next); !ok) return failed(ok.error(), q.target);
    if (auto ok = complete(next); !ok) return failed(ok.error(), q.target);
    auto made = book.change_rule(next, d_.limits);
    return made ? rule_answer(200, {*made, {}, {}}) : failed(made.error(), q.target);
  });
}

void alert_routes::remove(const http_request& q, const responder& respond, std::int64_t id) const {
  run(q, respond, [this, q, id](store::alert_book& book) -> http_response {
    const auto present = book.rule(id);
    if (!present) return failed(present.error(), q.target);
    if (!*present || ((*present)->rule.owner != q.owner && !q.may_all))
      return no_rule(id, q.target);
    auto next = (*present)->rule;
    next.deleted = true;
    const auto end = d_.end_of_ticks();
    if (!end) return failed(end.error(), q.target);
    next.after = *end;
    next.made = runtime::utc_now();
    const auto done = book.change_rule(next, d_.limits);
    return done ? http_response{204, {}, {}, {}} : failed(done.error(), q.target);
  });
}

void alert_routes::list_rules(const http_request& q, const responder& respond) const {
  if (auto ok = check_names(q.query, {"owner"}); !ok)
    return respond(bad_parameter(ok.error(), q.target));
  auto owner = owner_asked(q);
  if (!owner) return respond(bad_parameter(owner.error(), q.target));
  run(q, respond, [owner = std::move(*owner), target = q.target](store::alert_book& book) {
    const auto rules = book.rules(owner);
    if (!rules) return failed(rules.error(), target);
    nlohmann::ordered_json out;
    out["rules"] = nlohmann::json::array();
    for (const auto& r : *rules) out["rules"].push_back(rule_json(r));
    return json(out);
  });
}

void alert_routes::show_rule(const http_request& q, const responder& respond,
                             std::int64_t id) const {
  if (auto ok = check_names(q.query, {}); !ok) return respond(bad_parameter(ok.error(), q.target));
  run(q, respond, [q, id](store::alert_book& book) {
    const auto r = book.rule(id);
    if (!r) return failed(r.error(), q.target);
    if (!*r || ((*r)->rule.owner != q.owner && !q.may_all)) return no_rule(id, q.target);
    return rule_answer(200, **r);
  });
}

void alert_routes::list_alerts(const http_request& q, const responder& respond) const {
  if (auto ok = check_names(q.query, {"owner", "rule", "cursor", "limit"}); !ok)
    return respond(bad_parameter(ok.error(), q.target));
  auto owner = owner_asked(q);
  if (!owner) return respond(bad_parameter(owner.error(), q.target));
  const auto limit = read_count(q.query, "limit", 100, alerts_at_most);
  if (!limit) return respond(bad_parameter(limit.error(), q.target));
  store::alert_query asked;
  asked.owner = std::move(*owner);
  asked.limit = *limit;
  asked.newest_first = true;
  if (const auto rule = find_value(q.query, "rule")) {
    asked.rule = whole<std::int64_t>(*rule);
    if (!asked.rule) {
      return respond(bad_parameter(
          {errc::bad_input, "rule='" + std::string(rule->substr(0, 100)) + "' is no number"},
          q.target));
    }
  }
  if (const auto cursor = find_value(q.query, "cursor")) {
    const auto place = whole<std::uint64_t>(*cursor);
    if (!place || *place > INT64_MAX) {
      return respond(
          bad_parameter({errc::bad_input, "cursor='" + std::string(cursor->substr(0, 100)) +
                                              "' is none: take \"next\" of the page before, or 0"},
                        q.target));
    }
    asked.after = *place;
    asked.newest_first = false;
  }
  run(q, respond, [asked, target = q.target](store::alert_book& book) {
    const auto newest = book.newest();
    if (!newest) return failed(newest.error(), target);
    const auto rows = book.alerts(asked);
    if (!rows) return failed(rows.error(), target);
    std::string out = "{\"alerts\":[";
    for (const auto& a : *rows) {
      if (out.back() == '}') out += ',';
      out += store::alert_json(a, true);
    }
    // Behind a page that is not full there was nothing when it was read.
    const bool full = rows->size() == asked.limit;
    const auto next =
        rows->empty() ? std::max(asked.after, asked.newest_first ? *newest : 0) : rows->back().n;
    out += std::string("],\"more\":") + (full && !asked.newest_first ? "true" : "false") +
           ",\"next\":\"" + std::to_string(next) + "\"}\n";
    auto r = json(std::move(out));
    r.headers.emplace_back("Cache-Control", "no-store");
    return r;
  });
}

}  // namespace artham::web
