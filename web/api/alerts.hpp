#pragma once

#include <functional>
#include <string>
#include <vector>

#include "market/alert/rule.hpp"
#include "market/error.hpp"
#include "store/alerts.hpp"
#include "web/server/http.hpp"

namespace artham::web {

/// What a rule's key is bound to.
struct bound_key {
  std::uint32_t token = 0;  ///< 0: it names no instrument
  market::timestamp ends = market::never;
};

/// What the routes of alerts need of the node.
struct alert_sources {
  /// Runs a job on the thread that has the book; false: too many wait. Empty: there are no alerts.
  std::function<bool(std::function<void(store::alert_book&)>)> post;
  /// Or why nothing of that key is watched here.
  std::function<result<bound_key>(const market::alert::rule_key&)> bind;
  /// Where md:ticks ends now; may block.
  std::function<result<record::position>()> end_of_ticks;
  /// A URL of a webhook, or why it is none here.
  std::function<result<void>(const std::string& url)> check_webhook;
  store::alert_limits limits;
};

/// `/v1/alerts` and the rules under it: everybody's own. Who may all sees and ends others' too.
class alert_routes {
 public:
  explicit alert_routes(alert_sources sources) : d_(std::move(sources)) {}
  /// False: not a path of these.
  bool handle(const http_request& q, const responder& respond) const;
  [[nodiscard]] static std::vector<std::string> paths();

 private:
  void add(const http_request& q, const responder& respond) const;
  void change(const http_request& q, const responder& respond, std::int64_t id) const;
  void remove(const http_request& q, const responder& respond, std::int64_t id) const;
  void list_rules(const http_request& q, const responder& respond) const;
  void show_rule(const http_request& q, const responder& respond, std::int64_t id) const;
  void list_alerts(const http_request& q, const responder& respond) const;
  void run(const http_request& q, const responder& respond,
           std::function<http_response(store::alert_book&)> job) const;
  [[nodiscard]] result<void> complete(store::alert_rule& r) const;

  alert_sources d_;
};

}  // namespace artham::web
