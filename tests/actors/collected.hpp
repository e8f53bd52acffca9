#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/gateway_world.hpp"

namespace artham::test {

/// What a client has of each key, gaps of the feed under the empty one; and where it can go on.
struct collected {
  std::map<std::string, std::vector<std::string>> by_key;
  std::string token;
  std::size_t expired = 0;  ///< gaps of what nobody had any more

  /// What a connection brought, up to the last token; with `whole`, to its end.
  void take(const std::vector<listener::message_of>& all, bool whole) {
    std::vector<std::pair<std::string, std::string>> open;
    const auto confirm = [&] {
      for (auto& [key, payload] : open) by_key[key].push_back(std::move(payload));
      open.clear();
    };
    for (const auto& m : all) {
      if (!m.text) {
        open.emplace_back(m.payload.substr(8, 8), m.payload);
        continue;
      }
      const auto f = nlohmann::json::parse(m.payload);
      const auto ev = f.value("ev", "");
      if (f.contains("token")) {
        token = f["token"];
        confirm();
      } else if (ev == "tick" || ev == "bar" || ev == "chain" || ev == "greeks") {
        open.emplace_back(f["key"], m.payload);
      } else if (ev == "gap" && f.value("cause", "") == "expired") {
        ++expired;
      } else if (ev == "gap") {
        open.emplace_back("", m.payload);
      }
    }
    if (whole) confirm();
  }
};

}  // namespace artham::test
