#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/metrics.hpp"
#include "tests/web/fakes.hpp"
#include "tests/web/raw_client.hpp"
#include "web/server/server.hpp"

namespace artham::web::testing {

/// A server on a free port with a handler and a gateway that a test can change before start().
struct server_fixture {
  fake_gateway gateway;
  runtime::metrics metrics;
  std::vector<websocket_endpoint> endpoints{{"/v1/stream", &gateway}};
  server_options options;
  http_handler handler = [](const http_request& q, const responder& respond) {
    respond({200, "text/plain", q.method + " " + q.path + "\n", {}});
  };
  std::unique_ptr<server> running;

  server_fixture() {
    options.port = 0;
    options.close_timeout = std::chrono::milliseconds(500);
  }
  std::uint16_t start() {
    auto started = server::start(options, {handler, endpoints, &metrics});
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    running = std::move(*started);
    return running->port();
  }
  std::int64_t value(std::string_view name, std::string_view cause = "") const {
    for (const auto& s : metrics.samples())
      if (s.name == name && (cause.empty() || (!s.labels.empty() && s.labels[0].second == cause)))
        return s.value;
    return 0;
  }
  bool counted(std::string_view cause) const {
    return eventually([&] { return value("artham_web_refused_total", cause) > 0; });
  }
};

}  // namespace artham::web::testing
