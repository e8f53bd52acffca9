#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/cluster.hpp"
#include "supervisors/restart_policy.hpp"

namespace artham::supervisors {

/// What several wish for, each item once, in ascending order.
inline void unite(std::vector<std::uint32_t>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}
inline void unite(std::vector<messages::watched>& items) {
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.token < b.token; });
  std::size_t kept = 0;
  for (auto& item : items) {
    if (kept > 0 && items[kept - 1].token == item.token) {
      items[kept - 1].timeframes |= item.timeframes;
      items[kept - 1].chain |= item.chain;
    } else {
      items[kept++] = item;
    }
  }
  items.resize(kept);
}

/// The newest wishes of each node, and all of them together. A node that is away keeps its wishes
/// for a while, so that a short absence changes nothing.
template <class Item>
class wishes {
 public:
  /// Bounded: a node more is not taken.
  static constexpr std::size_t max_nodes = 1024;

  /// `number` rises within a life; what is older than what is known is dropped. Until `present` is
  /// told the node counts as away.
  void put(const std::string& node, const std::string& life, std::uint64_t number,
           std::vector<Item> items, time_point now) {
    const auto known = nodes_.find(node);
    if (known == nodes_.end() && nodes_.size() >= max_nodes) return;
    if (known != nodes_.end() && known->second.life == life && known->second.number >= number) {
      return;
    }
    auto& e = known == nodes_.end() ? nodes_[node] : known->second;
    if (known == nodes_.end() || e.life != life) e.away_since = now;
    e.life = life;
    e.number = number;
    e.items = std::move(items);
  }

  void present(const std::string& node, const std::string& life) {
    const auto e = nodes_.find(node);
    if (e != nodes_.end() && e->second.life == life) e->second.away_since.reset();
  }

  void away(const std::string& node, time_point now) {
    const auto e = nodes_.find(node);
    if (e != nodes_.end() && !e->second.away_since) e->second.away_since = now;
  }

  /// Forgets the wishes of nodes that have been away for so long; false: there were none.
  bool expire(duration after, time_point now) {
    return 0 < std::erase_if(nodes_, [&](const auto& e) {
             return e.second.away_since && now - *e.second.away_since >= after;
           });
  }

  [[nodiscard]] std::vector<Item> all() const {
    std::vector<Item> out;
    for (const auto& [node, e] : nodes_) out.insert(out.end(), e.items.begin(), e.items.end());
    unite(out);
    return out;
  }

 private:
  struct entry {
    std::string life;
    std::uint64_t number = 0;
    std::vector<Item> items;
    std::optional<time_point> away_since;
  };
  std::map<std::string, entry> nodes_;
};

}  // namespace artham::supervisors
