#include "store/alerts.hpp"

namespace artham::store {

std::string_view to_string(hook_state s) {
  switch (s) {
    case hook_state::pending:
      return "pending";
    case hook_state::delivered:
      return "delivered";
    case hook_state::given_up:
      return "given_up";
    default:
      return "none";
  }
}

result<void> check_alert_limits(std::size_t rules, std::size_t webhooks, bool with_webhook,
                                const alert_limits& limits) {
  if (rules >= limits.rules) {
    return fail(errc::full, "there are " + std::to_string(rules) +
                                " rules of yours, and alerts.max_rules allows " +
                                std::to_string(limits.rules) + ": delete one first");
  }
  if (with_webhook && webhooks >= limits.webhooks) {
    return fail(errc::full, std::to_string(webhooks) +
                                " of your rules have a webhook, and alerts.max_webhooks allows " +
                                std::to_string(limits.webhooks) + ": take it from one first");
  }
  return {};
}

}  // namespace artham::store
