#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace artham::test {

/// Whether tests' nodes are clusters: ARTHAM_E2E_CLUSTER=1.
[[nodiscard]] bool nodes_are_clusters();

/// What stands behind the `node` of a test then: an ingest node with the data directory, two
/// compute nodes, a store and a gateway, with a Redis and a PostgreSQL that stay for the nodes of
/// the same directory that come later.
class node_cluster {
 public:
  /// `more`: of `artham run`; what is played goes to the ingest node, settings to all.
  node_cluster(const std::string& data, const std::vector<std::string>& more);
  ~node_cluster();
  node_cluster(const node_cluster&) = delete;
  node_cluster& operator=(const node_cluster&) = delete;

  /// The gateway's.
  [[nodiscard]] std::uint16_t port() const;
  /// The gateway's status, with metrics of all nodes summed up and the ingest node's feed.
  [[nodiscard]] nlohmann::json status() const;
  [[nodiscard]] std::string errors() const;
  /// SIGKILL: all at once. Others: the ingest node, then, once everything is stored, the rest in
  /// order. The largest exit status.
  int stop(int signal);

  /// Where a directory's cluster stores; nothing for a directory that had none.
  [[nodiscard]] static std::optional<std::string> database_of(const std::string& data);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace artham::test
