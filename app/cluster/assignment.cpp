#include "app/cluster/assignment.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace artham::app::cluster {

namespace {

using config::role;

constexpr std::array assigned_roles{role::ingest, role::bars, role::features, role::store};

/// Pieces of work by node, of those who may have more.
using loads = std::map<std::string_view, std::size_t>;

loads::iterator least(loads& all) {
  return std::ranges::min_element(all, {}, [](const auto& l) { return l.second; });
}

void decide_role(std::string_view me, role r, std::span<const seat> seats,
                 std::span<const work> all, market::duration settled, decision& d) {
  loads may_take;
  for (const auto& s : seats) {
    if (!s.leaving && std::ranges::count(s.roles, r) != 0) may_take.emplace(s.node, 0);
  }
  const bool journals = std::ranges::any_of(
      seats, [&](const seat& s) { return s.alone && may_take.contains(s.node); });
  if (r == role::ingest && journals) {
    for (const auto& s : seats) {
      if (!s.alone) may_take.erase(s.node);
    }
  }
  const work* mine = nullptr;
  std::size_t mine_in_all = 0;
  std::vector<const work*> free;
  for (const auto& w : all) {
    if (w.role != r) continue;
    if (w.holder.empty()) {
      free.push_back(&w);
      continue;
    }
    if (const auto it = may_take.find(w.holder); it != may_take.end()) ++it->second;
    if (w.holder == me) {
      mine = &w;
      ++mine_in_all;
    }
  }
  if (may_take.empty()) return;
  for (const auto* w : free) {
    const auto taker = least(may_take);
    ++taker->second;
    if (taker->first == me) d.take.push_back(w->lease);
  }
  if (mine == nullptr || !free.empty()) return;
  const auto self = std::ranges::find(seats, me, &seat::node);
  const bool leaving = self != seats.end() && self->leaving;
  if (leaving) {
    d.hand_over.push_back(mine->lease);
    return;
  }
  if (r == role::ingest) return;
  for (const auto& s : seats) {
    const auto it = may_take.find(s.node);
    if (it == may_take.end() || s.here < settled) continue;
    if (it->second + 2 <= mine_in_all) {
      d.hand_over.push_back(mine->lease);
      return;
    }
  }
}

}  // namespace

std::string lease_name(role r, std::uint32_t shard) {
  switch (r) {
    case role::ingest:
      return "ingest";
    case role::bars:
      return "bars:" + std::to_string(shard);
    case role::features:
      return "features:" + std::to_string(shard);
    case role::store:
    case role::gateway:
      break;
  }
  return "store:" + std::to_string(shard);
}

std::vector<work> all_work(std::uint32_t shards) {
  std::vector<work> all;
  for (const auto r : assigned_roles) {
    for (std::uint32_t shard = 0; shard < (r == role::ingest ? 1 : shards); ++shard)
      all.push_back({lease_name(r, shard), r, {}});
  }
  return all;
}

decision decide(std::string_view me, std::span<const seat> seats, std::span<const work> all,
                market::duration settled) {
  decision d;
  for (const auto r : assigned_roles) decide_role(me, r, seats, all, settled, d);
  return d;
}

}  // namespace artham::app::cluster
