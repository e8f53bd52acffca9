#include "store/alert_json.hpp"

#include <nlohmann/json.hpp>

namespace artham::store {

std::string alert_json(const alert_row& a, bool with_webhook) {
  nlohmann::ordered_json j;
  j["id"] = a.id;
  if (a.n != 0) j["n"] = a.n;
  j["rule"] = a.rule;
  j["version"] = a.version;
  j["name"] = a.name;
  j["key"] = a.key;
  j["condition"] = a.condition;
  j["t"] = a.at / market::microsecond;
  if (a.made != 0) j["t_fired"] = a.made / market::microsecond;
  auto values = nlohmann::ordered_json::parse(a.values, nullptr, false);
  j["values"] = values.is_object() ? std::move(values) : nlohmann::ordered_json::object();
  if (a.left_out != 0) j["left_out"] = a.left_out;
  j["cause"] = {{"epoch", a.cause.at.epoch}, {"seq", a.cause.at.seq}, {"ordinal", a.cause.ordinal}};
  if (with_webhook && a.hook != hook_state::none) {
    auto& hook = j["webhook"];
    hook["state"] = to_string(a.hook);
    hook["attempts"] = a.attempts;
    if (a.hook == hook_state::pending && a.next_attempt != 0)
      hook["next_attempt"] = a.next_attempt / market::microsecond;
    if (!a.outcome.empty()) hook["outcome"] = a.outcome;
  }
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace artham::store
