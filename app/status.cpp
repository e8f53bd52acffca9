#include "app/status.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include <nlohmann/json.hpp>

#include "app/environment.hpp"
#include "feed/kite/http.hpp"
#include "market/error.hpp"

namespace artham::app {

namespace {

using nlohmann::json;

result<json> get(const std::string& base, const std::string& path) {
  feed::kite::http_request request;
  request.url = base + path;
  if (const char* key = std::getenv("ARTHAM_KEY"); key != nullptr && *key != '\0')
    request.headers.emplace_back("Authorization", std::string("Bearer ") + key);
  const auto answer = feed::kite::http_call(request, {});
  if (!answer) {
    return fail(errc::unavailable, "nothing answers at " + base + " (" + answer.error().message +
                                       "); is artham running there? --url names another place");
  }
  if (answer->status == 401 || answer->status == 403) {
    return fail(errc::refused, base + path +
                                   " needs a key with the scope read: give it as the "
                                   "variable ARTHAM_KEY of the environment");
  }
  if (answer->status != 200) {
    return fail(errc::unavailable,
                base + path + " answered " + std::to_string(answer->status) + ": " + answer->body);
  }
  auto j = json::parse(answer->body, nullptr, false);
  if (!j.is_object())
    return fail(errc::corrupt, base + path + " did not answer with JSON; is that artham?");
  return j;
}

/// The streams that wait for the store, by reason.
void print_waiting(const json& waiting) {
  struct group {
    std::string streams;
    std::int64_t seconds = 0;
  };
  std::map<std::string, group> by_reason;
  for (const auto& w : waiting) {
    auto& g = by_reason[w.value("why", "")];
    g.streams += " " + w.value("stream", "");
    g.seconds = std::max(g.seconds, w.value("seconds", std::int64_t{0}));
  }
  for (const auto& [why, g] : by_reason) {
    std::printf("store waits for %lld s: %s; not stored meanwhile:%s\n",
                static_cast<long long>(g.seconds), why.c_str(), g.streams.c_str());
  }
}

/// Who does what in a cluster, and what each node lags behind with.
void print_cluster(const json& s) {
  const auto& c = s["cluster"];
  std::printf("cluster %s: this is node %s, %d shards\n", c.value("name", "").c_str(),
              c.value("node", "").c_str(), c.value("shards", 1));
  if (const auto why = c.value("failure", ""); !why.empty())
    std::printf("Redis does not answer: %s\n", why.c_str());
  for (const auto& n : c.value("nodes", json::array())) {
    std::string roles;
    for (const auto& r : n.value("roles", json::array()))
      roles += (roles.empty() ? "" : ",") + r.get<std::string>();
    std::printf("node %s %s version %s %s%s\n", n.value("node", "").c_str(), roles.c_str(),
                n.value("version", "").c_str(), n.value("url", "").c_str(),
                n.value("leaving", false) ? " leaving" : "");
  }
  for (const auto& [lease, holder] : c.value("leases", json::object()).items())
    std::printf("lease %s %s\n", lease.c_str(), holder.get<std::string>().c_str());
  for (const auto& [node, n] : c.value("status", json::object()).items()) {
    if (const auto error = n.value("error", ""); !error.empty())
      std::printf("node %s: %s\n", node.c_str(), error.c_str());
    for (const auto& [name, value] : n.value("lag", json::object()).items())
      std::printf("node %s %s %lld\n", node.c_str(), name.c_str(),
                  static_cast<long long>(value.get<std::int64_t>()));
    for (const auto& [what, why] : n.value("waiting", json::object()).items())
      std::printf("node %s: %s waits: %s\n", node.c_str(), what.c_str(),
                  why.get<std::string>().c_str());
    print_waiting(n.value("store", json::object()).value("waiting", json::array()));
  }
}

void print_tree(const json& node, int depth) {
  std::printf("%*s%s %s", depth * 2, "", node.value("id", "?").c_str(),
              node.value("state", "?").c_str());
  if (const auto restarts = node.value("restarts", 0); restarts != 0)
    std::printf(" restarts=%d", restarts);
  if (const auto error = node.value("error", ""); !error.empty())
    std::printf(" error=\"%s\"", error.c_str());
  if (node.contains("counts")) {
    for (const auto& [state, count] : node["counts"].items()) {
      std::printf(" %s=%llu", state.c_str(),
                  static_cast<unsigned long long>(count.get<std::uint64_t>()));
    }
  }
  std::printf("\n");
  if (!node.contains("children") || node["children"].size() > 50) return;
  for (const auto& child : node["children"]) print_tree(child, depth + 1);
}

}  // namespace

int status(const std::string& url, bool as_json) {
  auto s = get(url, "/v1/status");
  if (!s) return report(s.error());
  auto tree = get(url, "/v1/system/tree");
  if (!tree) return report(tree.error());
  if (as_json) {
    (*s)["tree"] = *tree;
    std::printf("%s\n", s->dump().c_str());
    return 0;
  }
  std::printf("version %s\n", s->value("version", "").c_str());
  if (s->contains("cluster")) {
    print_cluster(*s);
    for (const auto& [node, top] : tree->value("nodes", json::object()).items()) {
      std::printf("tree of %s\n", node.c_str());
      if (const auto error = top.value("error", ""); !error.empty() && !top.contains("id")) {
        std::printf("  %s\n", error.c_str());
      } else {
        print_tree(top, 1);
      }
    }
    return 0;
  }
  const auto& feed = (*s)["feed"];
  std::printf("feed %s (%s)\n", feed.value("state", "").c_str(), feed.value("url", "").c_str());
  const auto connections = feed.value("connections", json::array());
  for (std::size_t n = 0; connections.size() > 1 && n < connections.size(); ++n) {
    const auto& c = connections[n];
    std::printf("feed connection %zu %s, %lld instruments, the last tick %.1f s ago\n", n + 1,
                c.value("state", "").c_str(),
                static_cast<long long>(c.value("instruments", std::int64_t{0})),
                static_cast<double>(c.value("silent_ms", std::int64_t{0})) / 1000);
  }
  if (const auto t = feed.value("ticks", json::object()); !t.empty()) {
    const auto seconds_of = [&](const char* name) {
      return static_cast<double>(t.value(name, std::int64_t{0})) / 1000;
    };
    std::printf(
        "feed ticks: the last %.1f s ago; usual %lld messages an hour; a stall after %.1f s%s\n",
        seconds_of("silent_ms"),
        static_cast<long long>(t.value("expected_frames_per_hour", std::int64_t{0})),
        seconds_of("stall_limit_ms"),
        t.value("stall_limit_ms", std::int64_t{0}) == 0 ? " (nothing is expected now)" : "");
  }
  std::printf("market time %s\n", s->value("market_time", "unknown").c_str());
  const auto journal = s->value("journal", json::object());
  std::printf("journal %s\n", journal.value("full", false)  ? "disk full"
                              : journal.value("low", false) ? "little room"
                                                            : "has room");
  const auto store = s->value("store", json::object());
  std::printf("store %s (%s)\n", store.value("kind", "").c_str(), store.value("place", "").c_str());
  print_waiting(store.value("waiting", json::array()));
  for (const auto& r : store.value("refused", json::array())) {
    std::printf("store %s refused %lld rows: %s\n", r.value("stream", "").c_str(),
                static_cast<long long>(r.value("rows", std::int64_t{0})),
                r.value("why", "").c_str());
  }
  for (const auto* name : {"ticks_received", "gaps", "sessions"}) {
    std::printf("%s %lld\n", name, static_cast<long long>(s->value(name, std::int64_t{0})));
  }
  const auto formulas = s->value("formulas", json::object());
  for (const auto& [name, f] : formulas.items()) {
    std::printf("formula %s ticks %lld silent %lld\n", name.c_str(),
                static_cast<long long>(f.value("ticks", std::int64_t{0})),
                static_cast<long long>(f.value("silent", std::int64_t{0})));
  }
  for (const auto& [name, value] : (*s)["metrics"].items()) {
    if (name.find("_lag") != std::string::npos || name.find("queue") != std::string::npos) {
      std::printf("%s %lld\n", name.c_str(), static_cast<long long>(value.get<std::int64_t>()));
    }
  }
  print_tree(*tree, 0);
  return 0;
}

}  // namespace artham::app
