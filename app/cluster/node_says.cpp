#include "app/cluster/node_says.hpp"

#include <array>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "app/calendars.hpp"

namespace artham::app::cluster {

namespace {

constexpr std::array<std::string_view, 5> role_names{"ingest", "bars", "features", "store",
                                                     "gateway"};

market::content_hash hash_of(const std::string& text) {
  market::content_hash h{};
  if (text.size() != 2 * h.size()) throw std::invalid_argument("a hash of another length");
  for (std::size_t i = 0; i < h.size(); ++i)
    h[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return h;
}

config::role role_of(const std::string& name) {
  for (std::size_t i = 0; i < role_names.size(); ++i) {
    if (role_names[i] == name) return static_cast<config::role>(i);
  }
  throw std::invalid_argument("the role '" + name + "'");
}

}  // namespace

std::string_view to_string(config::role r) {
  return role_names[static_cast<std::size_t>(r)];
}

std::string to_json(const node_says& s) {
  nlohmann::json j{{"shards", s.shards},   {"version", s.version},
                   {"leaving", s.leaving}, {"alone", s.alone},
                   {"url", s.url},         {"roles", nlohmann::json::array()}};
  for (const auto r : s.roles) j["roles"].push_back(std::string(to_string(r)));
  if (s.in_force) {
    j["in_force"] = {{"settings", hex(s.in_force->settings)},
                     {"calendar", hex(s.in_force->calendar)},
                     {"instruments", hex(s.in_force->instruments)},
                     {"listed_on", s.listed_on.days}};
  }
  return j.dump();
}

result<node_says> parse_node_says(std::string_view json) {
  try {
    const auto j = nlohmann::json::parse(json);
    node_says s;
    for (const auto& r : j.at("roles")) s.roles.push_back(role_of(r.get<std::string>()));
    s.shards = j.at("shards").get<std::uint32_t>();
    s.version = j.at("version").get<std::string>();
    s.leaving = j.at("leaving").get<bool>();
    s.alone = j.value("alone", false);
    s.url = j.at("url").get<std::string>();
    if (const auto it = j.find("in_force"); it != j.end()) {
      s.in_force = market::config_hashes{hash_of(it->at("settings").get<std::string>()),
                                         hash_of(it->at("calendar").get<std::string>()),
                                         hash_of(it->at("instruments").get<std::string>())};
    }
    if (s.in_force) s.listed_on = {j.at("in_force").at("listed_on").get<std::int32_t>()};
    return s;
  } catch (const std::exception& e) {
    return fail(errc::bad_input,
                std::string("what a node says of itself cannot be read: ") + e.what());
  }
}

}  // namespace artham::app::cluster
