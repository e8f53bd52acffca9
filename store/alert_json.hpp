#pragma once

#include <string>

#include "store/alerts.hpp"

namespace artham::store {

/// An alert as REST, WebSocket and webhooks show it: a JSON object. What became of its webhook is
/// told to those who ask for it. One that was never stored has no place and no time of that.
[[nodiscard]] std::string alert_json(const alert_row& a, bool with_webhook);

}  // namespace artham::store
