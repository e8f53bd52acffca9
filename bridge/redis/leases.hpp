#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {

struct lease {
  std::string holder;  ///< a node; empty: nobody
  std::uint64_t fence = 0;
  market::duration age = 0;  ///< since it was taken or renewed, by the server's clock
};

struct node_beat {
  std::string node;
  std::string life;          ///< differs between two processes of one name
  std::string text;          ///< what the node says of itself (JSON)
  market::duration age = 0;  ///< since it was said, by the server's clock
};

/// Who may write what, kept in Redis. Calls block for the endpoint's timeout at the most; one
/// thread at a time. Numbers only rise: a fence is max(all that were minted, floor) + 1, so that
/// not even an emptied server gives one twice.
class leases {
 public:
  virtual ~leases() = default;
  /// Takes the lease, whoever holds it: everything that the holder before writes from now on is
  /// refused. `floor`: the largest number that this node knows to have been used (epochs, fences).
  virtual result<std::uint64_t> take(std::string_view lease, std::string_view node,
                                     std::uint64_t floor) = 0;
  /// False: it is not ours any more.
  virtual result<bool> renew(std::string_view lease, std::string_view node,
                             std::uint64_t fence) = 0;
  /// Nothing when it is not ours.
  virtual result<void> release(std::string_view lease, std::string_view node,
                               std::uint64_t fence) = 0;
  [[nodiscard]] virtual result<std::map<std::string, lease, std::less<>>> all() = 0;
  /// Says that this node lives. errc::conflict when another life of that name spoke within
  /// `unless`.
  virtual result<void> beat(const node_beat& b, market::duration unless) = 0;
  /// Ends the beat of this life, at a clean stop.
  virtual result<void> leave(std::string_view node, std::string_view life) = 0;
  [[nodiscard]] virtual result<std::vector<node_beat>> nodes() = 0;
};

/// Connects at the first call, and anew after an error.
[[nodiscard]] std::unique_ptr<leases> make_leases(endpoint server, std::string cluster);

}  // namespace artham::bridge::redis
