#include "app/system_members.hpp"

#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace artham::app {

namespace {

using nlohmann::json;

/// A node that was not heard of for so long.
constexpr std::int64_t silent_ms = 5'000;

constexpr std::string_view restarts = "artham_supervisor_restarts_total";
constexpr std::string_view store_lag = "artham_store_lag";
constexpr std::string_view reader_lag = "artham_reader_lag";

/// What a node counts, by the beginning of the metrics' names.
struct counts {
  std::int64_t restarts = 0;
  std::int64_t store_lag = 0;
  std::int64_t reader_lag = 0;

  void take(const json& metrics) {
    for (const auto& [name, value] : metrics.items()) {
      const auto n = value.is_number() ? value.get<std::int64_t>() : 0;
      if (name.starts_with(app::restarts)) restarts += n;
      if (name.starts_with(app::store_lag)) store_lag = std::max(store_lag, n);
      if (name.starts_with(app::reader_lag)) reader_lag = std::max(reader_lag, n);
    }
  }
};

json member(const json& of, const char* name, json otherwise) {
  const auto it = of.find(name);
  return it == of.end() ? std::move(otherwise) : *it;
}

std::int64_t size_of(const json& store, const char* name) {
  return static_cast<std::int64_t>(member(store, name, json::array()).size());
}

json node_of(const json& n) {
  const bool leaving = n.value("leaving", false);
  const bool silent = n.value("silent_ms", std::int64_t{0}) > silent_ms;
  return {{"node", n.value("node", "")},
          {"roles", member(n, "roles", json::array())},
          {"state", silent    ? "silent"
                    : leaving ? "leaving"
                              : "up"}};
}

}  // namespace

std::string system_members(std::string_view status_json) {
  const auto status = json::parse(status_json, nullptr, false);
  if (!status.is_object()) return {};
  counts all;
  all.take(member(status, "metrics", json::object()));
  auto store = member(status, "store", json::object());
  std::int64_t waiting = size_of(store, "waiting");
  std::int64_t refused = size_of(store, "refused");
  json told;
  const auto cluster = member(status, "cluster", json::object());
  if (!cluster.empty()) {
    told["nodes"] = json::array();
    for (const auto& n : member(cluster, "nodes", json::array()))
      told["nodes"].push_back(node_of(n));
    told["shards"] = member(cluster, "leases", json::object());
    told["redis"] = {{"up", member(status, "redis", json::object()).value("up", false)}};
    const auto own = cluster.value("node", "");
    for (const auto& [name, node] : member(cluster, "status", json::object()).items()) {
      if (name == own || !node.is_object()) continue;
      all.take(member(node, "lag", json::object()));
      all.restarts += node.value("restarts", std::int64_t{0});
      store = member(node, "store", json::object());
      waiting += size_of(store, "waiting");
      refused += size_of(store, "refused");
    }
  } else {
    told["nodes"] = json::array({{{"node", "this"}, {"state", "up"}}});
  }
  told["restarts"] = all.restarts;
  told["store"] = {{"lag", all.store_lag}, {"waiting", waiting}, {"refused", refused}};
  told["streams"] = {{"lag", all.reader_lag}};
  const auto text = told.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

}  // namespace artham::app
