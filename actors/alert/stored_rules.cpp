#include "actors/alert/stored_rules.hpp"

#include <algorithm>

namespace artham::actors {

namespace alert = market::alert;

result<alert::rule> parse_rule(const store::alert_rule& r) {
  alert::rule made;
  auto key = alert::parse_rule_key(r.key);
  if (!key) return tl::unexpected(key.error());
  made.key = std::move(*key);
  auto condition = alert::condition::parse(r.condition, made.key.of);
  if (!condition) return tl::unexpected(condition.error());
  made.condition = std::move(*condition);
  const auto repeat = alert::parse_repeat(r.repeat);
  if (!repeat) return tl::unexpected(repeat.error());
  made.repeat = *repeat;
  made.revisions = r.revisions;
  made.quiet = r.quiet;
  return made;
}

result<alert::bound_rule> bind_rule(const store::stored_rule& r, record::position at) {
  auto what = parse_rule(r.rule);
  if (!what) return tl::unexpected(what.error());
  alert::bound_rule b;
  b.id = r.rule.id;
  b.version = r.rule.version;
  b.token = r.rule.token;
  b.ends = r.rule.ends;
  b.what = std::move(*what);
  b.state = alert::fresh_state(b.what);
  b.from = std::max(r.rule.after, at);
  if (r.progress) {
    b.from = r.progress->from;
    b.until = r.progress->until;
    auto state = alert::read_state(r.progress->state, b.what);
    if (!state) return tl::unexpected(state.error());
    b.state = std::move(*state);
  }
  if (!b.until && r.superseded) b.until = std::max({*r.superseded, at, b.from});
  return b;
}

store::alert_progress progress_of(const alert::bound_rule& r) {
  return {r.id, r.version, r.from, r.until, alert::write_state(r.state)};
}

store::alert_row alert_row_of(const alert::fired& f, const store::alert_rule& rule,
                              market::timestamp wall) {
  store::alert_row a;
  a.id = alert::alert_id(f);
  a.rule = f.rule;
  a.version = f.version;
  a.owner = rule.owner;
  a.name = rule.name;
  a.key = rule.key;
  a.condition = rule.condition;
  a.cause = f.cause;
  a.at = f.at;
  a.made = wall;
  a.left_out = f.left_out;
  a.values = f.values;
  a.webhook = rule.webhook;
  a.hook = rule.webhook.empty() ? store::hook_state::none : store::hook_state::pending;
  return a;
}

}  // namespace artham::actors
