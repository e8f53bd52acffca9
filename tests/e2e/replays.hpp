#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/e2e/node.hpp"
#include "tests/web/raw_client.hpp"

namespace artham::test {

struct json_answer {
  int status = 0;
  nlohmann::json body;
};

/// A request with a JSON body, or none for an empty one.
inline json_answer call(std::uint16_t port, const std::string& method, const std::string& target,
                        const std::string& body = "", const std::string& headers = "",
                        const std::string& type = "application/json") {
  web::testing::raw_client c(port);
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty()) text += "Content-Type: " + type + "\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  c.send(text);
  const auto a = c.receive_answer();
  return {a.status, nlohmann::json::parse(a.body, nullptr, false)};
}

/// A replay of a node, with a client of its own.
class replay_client {
 public:
  replay_client(std::uint16_t port, std::int64_t from, std::int64_t to, const nlohmann::json& speed,
                const std::string& headers = "")
      : port_(port), ws_(port) {
    const nlohmann::json wish{{"from", from}, {"to", to}, {"speed", speed}, {"paused", true}};
    const auto a = call(port, "POST", "/v1/replays", wish.dump(), headers);
    REQUIRE_MESSAGE(a.status == 201, a.body.dump());
    id_ = a.body["id"];
  }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string prefix() const { return "replay:" + id_ + ":"; }
  ws_client& ws() { return ws_; }

  nlohmann::json subscribe(const std::vector<std::string>& keys) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& k : keys) all.push_back(prefix() + k);
    all.push_back(prefix() + "clock");
    ws_.send(nlohmann::json{{"id", 1}, {"op", "sub"}, {"keys", all}, {"policy", "all"}}.dump());
    const auto reply = ws_.next_that([](const nlohmann::json& m) { return m.contains("id"); });
    REQUIRE(reply);
    REQUIRE_MESSAGE((*reply)["ok"] == true, reply->dump());
    return *reply;
  }
  json_answer tell(const nlohmann::json& order) const {
    return call(port_, "POST", "/v1/replays/" + id_, order.dump());
  }
  [[nodiscard]] json_answer get() const { return call(port_, "GET", "/v1/replays/" + id_); }
  json_answer stop() const { return call(port_, "DELETE", "/v1/replays/" + id_); }
  /// Everything up to the clock's event with this state.
  std::vector<nlohmann::json> until(const std::string& state) {
    std::vector<nlohmann::json> all;
    for (;;) {
      auto m = ws_.next(std::chrono::seconds(120));
      REQUIRE(m);
      if (m->contains("key") && (*m)["key"].get<std::string>().starts_with(prefix()))
        (*m)["key"] = (*m)["key"].get<std::string>().substr(prefix().size());
      const bool there = (*m).value("ev", "") == "clock" && (*m)["clock"]["state"] == state;
      all.push_back(std::move(*m));
      if (there) return all;
    }
  }

 private:
  std::uint16_t port_;
  std::string id_;
  ws_client ws_;
};

}  // namespace artham::test
