#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <nlohmann/json.hpp>

#include "actors/session/replay_lines.hpp"
#include "app/replays/replay_setup.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "feed/feed.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/alerts.hpp"
#include "store/store.hpp"
#include "web/api/replays.hpp"

namespace artham::app {

struct replay_book_options {
  const config::settings* settings = nullptr;
  bridge::bridge* journal = nullptr;  ///< has md:ticks under its one name
  std::uint32_t shards = 1;           ///< of the ticks
  const feed::decoder* decoder = nullptr;
  store::reader* store = nullptr;
  runtime::worker* store_thread = nullptr;
  runtime::metrics* metrics = nullptr;  ///< of the node
  /// Rules that somebody has, for his replays; may block. Empty: there are no alerts here.
  std::function<result<std::vector<store::alert_rule>>(const std::string& owner)> rules;
  /// Of the node: the supervisor of replays is found in it.
  std::shared_ptr<const messages::directory> names;
};

/// The replays of a node: starts them, knows them, ends them. They live under their supervisor, as
/// long as somebody takes part; none survives the program. What takes time is done on a thread of
/// its own. Thread-safe.
class replay_book final : public web::replay_source {
 public:
  explicit replay_book(replay_book_options o);
  /// After all actors have ended.
  ~replay_book() override;

  /// Where sessions, and Kite's tickers, find a replay by its id.
  [[nodiscard]] const std::shared_ptr<actors::replay_lines>& lines() const { return lines_; }
  /// Actors can be started from now on.
  void open(caf::actor_system& system) { system_ = &system; }
  /// Starts none any more. Before the actors end.
  void close();

  void start(web::replay_wish wish, answer done) override;
  void list(answer done) override;
  void show(const std::string& id, answer done) override;
  void tell(const std::string& id, const web::replay_order& order, answer done) override;

  /// For the node's status: how many, and of each what is known without asking it.
  [[nodiscard]] nlohmann::json status() const;

 private:
  struct entry;
  using entry_ptr = std::shared_ptr<entry>;

  [[nodiscard]] tl::expected<entry_ptr, web::replay_refusal> take_place(const web::replay_wish& w);
  void make(const entry_ptr& e, const answer& done);
  [[nodiscard]] result<void> start_actors(const entry_ptr& e);
  void ask(const entry_ptr& e, const answer& done);
  /// Has a replay ended; to be called from any thread, even when this is gone.
  [[nodiscard]] std::function<void(const std::string& state, const std::string& cause)> ender(
      const std::string& id);
  void end(const std::string& id, const std::string& state, const std::string& cause,
           const answer& done);
  [[nodiscard]] entry_ptr find(const std::string& id) const;
  void give_up(const entry_ptr& e);
  [[nodiscard]] messages::supervisor_actor supervisor() const;
  [[nodiscard]] messages::replay_conductor_actor conductor_of(const entry& e) const;

  const replay_book_options options_;
  std::shared_ptr<actors::replay_lines> lines_ = std::make_shared<actors::replay_lines>();
  caf::actor_system* system_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, entry_ptr> entries_;
  std::set<std::uint8_t> spaces_;  ///< in use
  std::uint8_t last_space_ = 0;
  bool closed_ = false;
  runtime::gauge* running_ = nullptr;
  runtime::counter* started_ = nullptr;
  std::shared_ptr<runtime::worker> thread_;
};

}  // namespace artham::app
