#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/metrics.hpp"
#include "web/server/http.hpp"

namespace artham::web {

struct readiness {
  bool ready = true;
  std::string detail;  ///< what is missing, when not ready
};

/// Answers by calling back once with a JSON document, from any thread.
using json_source = std::function<void(std::function<void(std::string json)>)>;

/// What a node tells of itself.
struct operations_sources {
  runtime::metrics* metrics = nullptr;  ///< outlives the handler
  json_source status;                   ///< `/v1/status`
  json_source tree;                     ///< `/v1/system/tree`
  std::function<readiness()> ready;     ///< must not block
  std::string version;
  std::chrono::milliseconds timeout{2'000};  ///< for status and tree
};

/// The routes that look after a node: status, tree, liveness, readiness, metrics, version.
class operations {
 public:
  explicit operations(operations_sources sources) : d_(std::move(sources)) {}
  /// False: not a path of these.
  bool handle(const http_request& q, const responder& respond) const;
  [[nodiscard]] static std::vector<std::string> paths();

 private:
  struct route;
  [[nodiscard]] static std::span<const route> table();

  void status(const http_request& q, const responder& respond) const;
  void tree(const http_request& q, const responder& respond) const;
  void livez(const http_request& q, const responder& respond) const;
  void readyz(const http_request& q, const responder& respond) const;
  void metrics_text(const http_request& q, const responder& respond) const;
  void version(const http_request& q, const responder& respond) const;
  void ask(const http_request& q, const responder& respond, const json_source& source,
           std::string_view what) const;

  operations_sources d_;
};

/// A node that serves these and nothing else: it has no gateway.
[[nodiscard]] http_handler make_operations(operations_sources sources);

}  // namespace artham::web
