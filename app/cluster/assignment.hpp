#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "market/time.hpp"

namespace artham::app::cluster {

/// A node that lives.
struct seat {
  std::string node;
  std::vector<config::role> roles;
  bool leaving = false;       ///< hands over what it has, takes nothing
  market::duration here = 0;  ///< for how long it has been seen
  bool alone = false;         ///< ingests already, without the lease
};

/// A piece of work that one node does at a time.
struct work {
  std::string lease;  ///< `ingest`, `bars:0`, `features:0`, `store:0`, …
  config::role role = config::role::ingest;
  std::string holder;  ///< a node that lives, or empty: free
};

struct decision {
  std::vector<std::string> take;
  std::vector<std::string> hand_over;
};

/// The lease of a role's work: `ingest` is one, of the others each shard has its own.
[[nodiscard]] std::string lease_name(config::role r, std::uint32_t shard);

/// All work of a cluster with so many shards, free.
[[nodiscard]] std::vector<work> all_work(std::uint32_t shards);

/// What the node `me` should do about it, seeing this. All nodes that see the same decide alike:
/// free work goes to who has least of its role, and who has two pieces more than another that has
/// been there for `settled` hands one over. Ingest stays where it is, and goes to who journals
/// already.
[[nodiscard]] decision decide(std::string_view me, std::span<const seat> seats,
                              std::span<const work> all, market::duration settled);

}  // namespace artham::app::cluster
