#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "app/cluster/assignment.hpp"
#include "app/cluster/node_says.hpp"
#include "bridge/redis/leases.hpp"
#include "market/error.hpp"
#include "runtime/metrics.hpp"

namespace artham::app::cluster {

struct lease_keeper_options {
  std::unique_ptr<bridge::redis::leases> leases;
  std::string node;
  std::string life;
  std::uint32_t shards = 1;
  market::duration lease = 2 * market::second;  ///< not renewed for so long: lost
  /// The largest number that this node knows to have been used as a fence.
  std::function<std::uint64_t()> floor;
  /// What this node says of itself now.
  std::function<node_says()> says;
  /// A lease was given back; from the keeper's thread.
  std::function<void(const std::string&)> gave_back;
  /// Something that is held, or known of the others, has changed; from the keeper's thread.
  std::function<void()> changed;
  runtime::metrics* metrics = nullptr;
};

/// A node as its beats show it.
struct seen_node {
  std::string node;
  std::string life;
  node_says says;
  market::duration age = 0;  ///< since its last beat
};

struct cluster_view {
  std::vector<seen_node> nodes;                ///< that live, by name
  std::map<std::string, std::string> holders;  ///< of leases, by lease
  /// What md:ticks is journaled under; nothing while nobody has ingested yet.
  std::optional<market::config_hashes> in_force;
  market::date listed_on;        ///< trading date of the instruments in force
  std::optional<error> failure;  ///< why Redis does not say more
};

/// Keeps the leases of a node: beats, renews what it has, takes what is free or whose holder is
/// gone, hands over what others should have. A thread of its own.
class lease_keeper {
 public:
  explicit lease_keeper(lease_keeper_options o);
  ~lease_keeper();
  lease_keeper(const lease_keeper&) = delete;
  lease_keeper& operator=(const lease_keeper&) = delete;

  void start();
  /// Leaves: what is held is released. Nothing is taken any more.
  void stop();

  /// Fences of the leases that this node has, and that nobody has asked it to hand over.
  [[nodiscard]] std::map<std::string, std::uint64_t> held() const;
  /// Those whose work is to end here.
  [[nodiscard]] std::map<std::string, std::uint64_t> handing_over() const;
  /// The work under this lease has ended here: it may go to another. Nothing when it is lost
  /// already.
  void release(const std::string& lease, std::uint64_t fence);
  /// The network says that a node is gone: what it holds is free as soon as it misses a beat.
  void suspect(const std::string& node);
  [[nodiscard]] cluster_view view() const;
  /// Why this node must not go on: another process has its name.
  [[nodiscard]] std::optional<error> refused() const;

 private:
  void run();
  void look();
  result<void> look_once();
  void renew();
  void apply(const std::map<std::string, bridge::redis::lease, std::less<>>& leases,
             const std::vector<bridge::redis::node_beat>& beats);
  void take(const std::string& lease);
  bool give_back(const std::string& lease, std::uint64_t fence);
  [[nodiscard]] bool is_nobodys(const std::string& lease);
  void take_again(const std::string& lease);
  void note(const std::string& line);

  lease_keeper_options options_;
  std::thread thread_;
  mutable std::mutex mutex_;  ///< of everything below
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<std::string, std::uint64_t> held_;
  std::set<std::string> leaving_;                      ///< leases that are being handed over
  std::set<std::string> released_;                     ///< to be given back at the next look
  std::map<std::string, market::timestamp> suspects_;  ///< since when
  std::map<std::string, std::pair<std::string, market::timestamp>> first_seen_;  ///< life and when
  cluster_view view_;
  std::optional<error> refused_;
  market::timestamp name_taken_since_ = 0;  ///< of the keeper's thread; 0: it is ours
  bool failing_ = false;                    ///< of the keeper's thread, like the next
  market::timestamp trusts_silence_from_ = 0;
  std::string noted_;  ///< the last that was logged
  runtime::gauge* held_gauge_ = nullptr;
  runtime::counter* taken_ = nullptr;
  runtime::counter* lost_ = nullptr;
  runtime::gauge* nodes_ = nullptr;
};

}  // namespace artham::app::cluster
