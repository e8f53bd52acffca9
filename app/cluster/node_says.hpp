#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "market/error.hpp"
#include "market/mark.hpp"
#include "market/time.hpp"

namespace artham::app::cluster {

/// What a node tells the others with each of its beats.
struct node_says {
  std::vector<config::role> roles;
  std::uint32_t shards = 1;
  std::string version;
  bool leaving = false;
  bool alone = false;  ///< journals without the lease, as it was the last that had it
  std::string url;     ///< of its web server; empty: has none
  /// In force since the epoch that the ingest node began last; only of the one that ingests.
  std::optional<market::config_hashes> in_force;
  market::date listed_on;  ///< trading date of the instruments in force
  friend bool operator==(const node_says&, const node_says&) = default;
};

[[nodiscard]] std::string to_json(const node_says& s);
[[nodiscard]] result<node_says> parse_node_says(std::string_view json);

[[nodiscard]] std::string_view to_string(config::role r);

}  // namespace artham::app::cluster
