#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/cluster/lease_keeper.hpp"
#include "app/cluster/unit.hpp"
#include "market/error.hpp"

namespace artham::app::cluster {

/// What there is to do at a node, and how to begin it.
struct unit_runner_options {
  lease_keeper* keeper = nullptr;
  std::string node;
  /// Null while the rules are not known yet; asked before units are started, and again whenever the
  /// cluster's view changes. Different rules end all units that work by them.
  std::function<result<std::shared_ptr<const rules_in_force>>(const cluster_view&)> rules;
  /// Begins the work of a lease.
  std::function<result<std::unique_ptr<unit>>(const std::string& lease, std::uint64_t fence,
                                              const rules_in_force* rules)>
      start;
  /// Ingests without the lease, where that is allowed (else null); may be empty.
  std::function<result<std::unique_ptr<unit>>()> start_alone;
  /// Begins what this node does whoever holds what (a gateway); may be empty.
  std::function<result<std::unique_ptr<unit>>(const rules_in_force& rules)> start_always;
  /// Told of the ingest lease: another has it, or nobody (standby), or this node.
  std::function<void(bool held)> ingest_held;
};

/// Makes what runs follow what is held: starts and ends units, one after the other, in a thread of
/// its own. What cannot be started is tried again.
class unit_runner {
 public:
  explicit unit_runner(unit_runner_options o);
  ~unit_runner();
  unit_runner(const unit_runner&) = delete;
  unit_runner& operator=(const unit_runner&) = delete;

  void start();
  /// Something has changed. From any thread.
  void wake();
  /// Ends all units in good order; nothing starts any more.
  void stop();

  /// What cannot be started at present, and why, by lease.
  [[nodiscard]] std::map<std::string, std::string> waiting() const;

 private:
  struct running {
    std::unique_ptr<unit> what;
    std::uint64_t fence = 0;  ///< 0: without a lease
    bool by_rules = false;
  };

  void run();
  void look();
  void end_what_is_not_held(const std::map<std::string, std::uint64_t>& held);
  void end_by_rules();
  [[nodiscard]] bool another_ingests() const;
  void begin(const std::string& lease, std::uint64_t fence);
  void begin_alone();
  void end(const std::string& lease);
  /// Its lease is another's.
  void abandon(const std::string& lease);
  void note(const std::string& what, const result<void>& outcome);

  unit_runner_options options_;
  std::thread thread_;
  std::map<std::string, running> units_;  ///< of this thread alone
  std::shared_ptr<const rules_in_force> rules_;
  mutable std::mutex mutex_;  ///< of everything below
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::map<std::string, std::string> waiting_;
};

}  // namespace artham::app::cluster
