#include "web/api/alert_text.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "market/alert/rule.hpp"
#include "market/alert/watch.hpp"

namespace artham::web {

namespace {

using nlohmann::json;

constexpr std::size_t longest_name = 100;
constexpr market::duration longest_quiet = 30 * market::day;
constexpr std::array<std::string_view, 8> members{"name", "key",   "condition", "mode",
                                                  "on",   "quiet", "webhook",   "enabled"};

std::string_view state_of(const store::stored_rule& r) {
  if (!r.rule.enabled) return "disabled";
  if (!r.progress) return "pending";
  return market::alert::is_done(r.progress->state) ? "fired" : "active";
}

tl::unexpected<error> refuse(std::string_view member, const std::string& why) {
  return fail(errc::bad_input, "\"" + std::string(member) + "\" " + why);
}

result<void> read_text(const json& j, std::string_view member, std::size_t longest,
                       std::string& to) {
  const auto found = j.find(member);
  if (found == j.end()) return {};
  if (!found->is_string()) return refuse(member, "is a text");
  to = found->get<std::string>();
  if (to.size() > longest)
    return refuse(member, "is longer than " + std::to_string(longest) + " characters");
  return {};
}

result<void> read_options(const json& j, store::alert_rule& to) {
  if (const auto mode = j.find("mode"); mode != j.end()) {
    const auto known = mode->is_string()
                           ? market::alert::parse_repeat(mode->get_ref<const std::string&>())
                           : result<market::alert::repeat>(fail(errc::bad_input, ""));
    if (!known) return refuse("mode", "is \"once\" or \"each\"");
    to.repeat = market::alert::to_string(*known);
  }
  if (const auto on = j.find("on"); on != j.end()) {
    if (*on != "final" && *on != "revision") return refuse("on", "is \"final\" or \"revision\"");
    to.revisions = *on == "revision";
  }
  if (const auto quiet = j.find("quiet"); quiet != j.end()) {
    const auto span = market::parse_duration(
        quiet->is_string() ? quiet->get_ref<const std::string&>() : std::string());
    if (!span || *span < 0 || *span > longest_quiet)
      return refuse("quiet", "is a duration from \"0s\" to \"30d\", such as \"5m\"");
    to.quiet = *span;
  }
  if (const auto hook = j.find("webhook"); hook != j.end()) {
    if (!hook->is_string() && !hook->is_null()) return refuse("webhook", "is a URL, or null");
    to.webhook = hook->is_null() ? "" : hook->get<std::string>();
  }
  if (const auto enabled = j.find("enabled"); enabled != j.end()) {
    if (!enabled->is_boolean()) return refuse("enabled", "is true or false");
    to.enabled = enabled->get<bool>();
  }
  return {};
}

}  // namespace

nlohmann::ordered_json rule_json(const store::stored_rule& s) {
  const auto& r = s.rule;
  nlohmann::ordered_json j;
  j["id"] = r.id;
  j["version"] = r.version;
  j["name"] = r.name;
  j["key"] = r.key;
  j["condition"] = r.condition;
  j["mode"] = r.repeat;
  if (r.key.starts_with("bar:")) j["on"] = r.revisions ? "revision" : "final";
  j["quiet"] = market::duration_text(r.quiet);
  if (!r.webhook.empty()) j["webhook"] = r.webhook;
  j["enabled"] = r.enabled;
  j["state"] = state_of(s);
  j["owner"] = r.owner;
  j["made"] = r.made / market::microsecond;
  if (s.progress) j["from"] = {{"epoch", s.progress->from.epoch}, {"seq", s.progress->from.seq}};
  return j;
}

result<void> read_rule(std::string_view body, store::alert_rule& to) {
  const auto j = json::parse(body, nullptr, false);
  if (!j.is_object()) {
    return fail(errc::bad_input,
                "the body is a JSON object such as {\"name\":\"INFY above 1500\",\"key\":"
                "\"tick:NSE:INFY\",\"condition\":\"last_price > 1500\",\"mode\":\"once\"}");
  }
  for (const auto& [name, value] : j.items()) {
    if (std::ranges::count(members, name) != 0) continue;
    std::string known;
    for (const auto m : members) known += " " + std::string(m);
    return refuse(name.substr(0, longest_name), "is nothing that a rule has; there are:" + known);
  }
  if (auto ok = read_text(j, "name", longest_name, to.name); !ok) return ok;
  if (auto ok = read_text(j, "key", longest_name, to.key); !ok) return ok;
  if (auto ok = read_text(j, "condition", market::alert::condition::max_text, to.condition); !ok)
    return ok;
  if (auto ok = read_options(j, to); !ok) return ok;
  if (to.key.empty()) return refuse("key", "is missing: what is to be watched");
  const auto key = market::alert::parse_rule_key(to.key);
  if (!key) return tl::unexpected(key.error());
  const auto condition = market::alert::condition::parse(to.condition, key->of);
  if (!condition) return tl::unexpected(condition.error());
  if (to.revisions && key->of != market::alert::subject::bar)
    return refuse("on", "is for bars: nothing else is revised");
  if (to.name.empty()) to.name = (to.key + " " + to.condition).substr(0, longest_name);
  return {};
}

}  // namespace artham::web
