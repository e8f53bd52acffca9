#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/alert/alert_bell.hpp"
#include "actors/alert/alert_desk.hpp"
#include "actors/alert/alert_input.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"
#include "store/alerts.hpp"

namespace artham::actors {

/// How far streams have been evaluated for good, for who removes what nobody needs. Thread-safe.
class alert_board {
 public:
  void set(const std::vector<store::alert_position>& all) {
    const std::lock_guard lock(mutex_);
    for (const auto& p : all) passed_[p.stream] = p.at;
  }
  /// Zeros: not known yet.
  [[nodiscard]] record::position passed(const std::string& stream) const {
    const std::lock_guard lock(mutex_);
    const auto found = passed_.find(stream);
    return found == passed_.end() ? record::position{} : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, record::position> passed_;
};

struct alert_evaluator_config {
  bridge::bridge* journal = nullptr;
  std::vector<alert_input> inputs;
  std::shared_ptr<alert_desk> desk;
  std::shared_ptr<alert_bell> bell = std::make_shared<alert_bell>();
  std::shared_ptr<alert_board> board = std::make_shared<alert_board>();
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  /// Whether what a rule watches is in these streams, and in no other shard's. Empty: all is.
  std::function<bool(const market::alert::rule_key&, std::uint32_t token)> owns;
  std::uint64_t batch = 65'536;                   ///< records evaluated at a time, roughly
  std::chrono::milliseconds poll{250};            ///< looks that often for changed rules
  std::chrono::milliseconds position_age{2'000};  ///< commits what says nothing after so long
};

/// What the store was asked for, as it came out.
struct alert_outcome {
  enum class what : std::uint8_t { loaded, version, committed };
  what of = what::loaded;
  bool ok = true;
  bool transient = false;  ///< trying again may help
  std::string error;
  store::loaded_alerts loaded;
  std::uint64_t version = 0;
  bool stands = true;  ///< of a commit: it was taken
};
using alert_outcome_ptr = std::shared_ptr<const alert_outcome>;

/// Evaluates the rules of the store over streams of a shard. What is durable is pulled, decided and
/// committed: alerts, what rules remember, and positions in one transaction. Positions that say
/// nothing are committed now and then. When a rule was changed, or somebody else has evaluated
/// on, all that is not committed is forgotten and read again: so is a start after a crash.
///
/// State: the rules with what they remember; a cursor of each stream; what is not committed.
/// Takes: "ready" of the streams, the time to look for changes, outcomes. Sends: jobs to the desk's
/// thread.
class alert_evaluator_state {
 public:
  static inline const char* name = "artham.alert_evaluator";

  ~alert_evaluator_state();

  messages::alert_evaluator_actor::behavior_type start(
      messages::alert_evaluator_actor::pointer self, alert_evaluator_config config);

 private:
  struct cursor {
    const alert_input* input = nullptr;
    std::unique_ptr<bridge::reader> reader;
    store::alert_position committed;
    store::alert_position at;
    bool fresh = false;  ///< the store has no position of it yet
    bool armed = false;
    /// It has something again; set by the bridge's threads.
    std::shared_ptr<std::atomic<bool>> woken = std::make_shared<std::atomic<bool>>(false);
  };
  using rule_name = std::pair<std::int64_t, std::uint32_t>;

  void ask(std::function<alert_outcome(store::alert_book&)> job);
  void load();
  void on_outcome(const alert_outcome& o);
  void on_failure(const alert_outcome& o);
  void on_committed();
  void on_loaded(const store::loaded_alerts& all);
  void take_rules(const std::vector<store::stored_rule>& rules);
  void open_cursors(const std::vector<std::optional<store::alert_position>>& positions);
  void on_time();
  void advance();
  bool pull(cursor& c);
  void commit();
  void show_lag();
  void tick_later();

  messages::alert_evaluator_actor::pointer self_ = nullptr;
  alert_evaluator_config config_;
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  std::vector<cursor> cursors_;
  market::alert::rule_set rules_{{}};
  std::map<rule_name, store::alert_rule> stored_;
  std::uint64_t version_ = 0;
  std::vector<store::alert_row> alerts_;      ///< not committed
  std::vector<store::alert_progress> begun_;  ///< rules whose stretch is not recorded yet
  std::uint64_t records_ = 0;                 ///< evaluated and not committed
  bool busy_ = false;                         ///< the store is asked for something
  bool running_ = false;                      ///< the rules are loaded
  bool waits_ = false;                        ///< for a store that does not answer
  std::chrono::steady_clock::time_point next_commit_{};
  runtime::gauge* rule_count_ = nullptr;
  runtime::gauge* broken_ = nullptr;
  runtime::gauge* lag_ = nullptr;
  runtime::gauge* waiting_ = nullptr;
  runtime::counter* fired_ = nullptr;
  runtime::counter* commits_ = nullptr;
  runtime::counter* reloads_ = nullptr;
};

messages::alert_evaluator_actor::behavior_type alert_evaluator(
    messages::alert_evaluator_actor::stateful_pointer<alert_evaluator_state> self,
    alert_evaluator_config config);

}  // namespace artham::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::actors::alert_outcome_ptr)
