#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/session/fan_out.hpp"
#include "actors/session/hub_config.hpp"
#include "actors/session/newest_values.hpp"
#include "actors/session/replay_alerts.hpp"
#include "actors/session/resume_token.hpp"
#include "actors/session/stream_set.hpp"
#include "actors/session/system_news.hpp"
#include "messages/actors.hpp"
#include "messages/direct_lane.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// The newest value of every key, and who wants it. Reads md:ticks, the final bars and md:features
/// with cursors of its own from where they end when it starts, and md:deadletter; gets unfinished
/// bars of watched keys from the bar reader and chains between clock marks from the feature reader.
/// Gathers what is new for the flush window, encodes each message once for each style, and gives
/// every session one batch.
///
/// State: newest_values; who wants what (fan_out); snapshots that wait for history or for the bar
/// reader. Takes: streams' "ready", live batches, subscriptions, histories. Sends: watches and
/// credit to the readers; batches to sessions.
class hub_state {
 public:
  static inline const char* name = "artham.hub";

  messages::hub_actor::behavior_type start(messages::hub_actor::pointer self, hub_config config);

 private:
  /// A time-out's number that no request has.
  static constexpr std::uint64_t system_timer = UINT64_MAX;

  struct pending {
    messages::subscribe_request_ptr request;
    bool history_there = false;
    bool system_there = true;
    std::set<std::uint32_t> unwatched;  ///< tokens whose unfinished bars have not come yet
    std::vector<std::vector<record::bar_record>> history;
  };

  // What the streams say (hub_streams.cpp).
  void on_ready();
  /// Tells everything that the streams have by now.
  void read();
  void take_ticks(const record::block& b, bool marks);
  void take_finals(const record::block& b, std::uint32_t timeframe);
  void take_features(const record::block& b);
  void read_letters();
  void on_mark(const market::mark& m);
  /// Final bars of that timeframe were gone before they were read here.
  void tell_missed(std::uint32_t timeframe);
  void on_live(const messages::live_batch& batch);
  void on_live_chains(const messages::live_chains& chains);
  void show_chain(market::feature::chain_row row, bool final);
  void publish_tick(std::uint32_t token, newest_values::news news);
  void publish_states();
  void publish_state(std::uint64_t key);
  void open_streams();

  // Of a replay (hub_replay.cpp).
  void on_news(const messages::replay_news& news);
  void rewind();
  void arrive(bool moved);
  void tell_clock(const messages::replay_news& news);
  void tell_alerts(const stream_list::entry& stream, const record::block& b);

  // Whom it is told (hub_sessions.cpp).
  void subscribe(const messages::subscribe_request_ptr& request);
  void unsubscribe(const messages::unsubscribe_request& request);
  void tell_counts(const messages::session_actor& who, const std::string& id);
  void on_history(const messages::history_answer& answer);
  /// False: the store's readers are overloaded.
  [[nodiscard]] bool read_history(std::uint64_t id, pending& p);
  void refuse(std::uint64_t id, const std::string& why);
  void complete_if_ready(std::uint64_t id);
  void complete(std::uint64_t id);
  /// A session, and the way past it.
  struct listener {
    messages::session_actor session;
    std::shared_ptr<messages::direct_lane> lane;
  };
  [[nodiscard]] std::string reply_to(const pending& p);
  /// To a Kite client: the newest packets of what it wants.
  void reply_packets(const listener& who, const messages::subscribe_request& request);
  void forget(const caf::actor_addr& who);
  [[nodiscard]] fan_out::member member_of(const listener& who);
  void send(const listener& to, const messages::batch_ptr& b);
  void reply(const listener& to, const std::vector<std::string>& texts,
             messages::batch::origin source, std::uint64_t resumption = 0);
  /// What was published goes out when the window ends; at once when there is none.
  void flush_soon();
  void flush();
  void look_at_due();

  // What is asked of others for them (hub_demand.cpp).
  void greet_readers();
  void watch(std::uint32_t token);
  /// Somebody wants the key once more; true: the first.
  bool use(std::uint64_t key);
  void release(std::uint64_t key);
  /// The first use of an underlying's chains has them watched between clock marks too, the last one
  /// ends that.
  void on_use(std::uint64_t key, bool added);
  /// Tells the demand soon, once for many changes.
  void demand_changed();
  void tell_demand();

  // What is told of the system (hub_system.cpp).
  /// What is to be told of it is known, or nobody would say.
  [[nodiscard]] bool knows_system() const;
  /// Now and then, however often it is called.
  void ask_system();
  void on_system(const messages::system_state& state);
  /// Looks after a pause, as long as somebody wants to know.
  void watch_system();
  void look_at_system();
  [[nodiscard]] std::string system_json();
  static void append_system(std::string& to, const message_style& style, std::string_view json);

  [[nodiscard]] fan_out::clock::time_point now() const { return self_->clock().now(); }

  messages::hub_actor::pointer self_ = nullptr;
  hub_config config_;
  std::unique_ptr<newest_values> values_;
  std::unique_ptr<stream_set> streams_;
  std::vector<std::unique_ptr<bridge::reader>> letters_;  ///< of each shard
  std::shared_ptr<std::atomic<bool>> called_;             ///< a "ready" is on its way
  std::vector<market::bar_input> packed_;

  messages::peer<messages::bar_reader_actor> reader_{nullptr, ""};
  caf::actor_addr greeted_;
  messages::peer<messages::feature_reader_actor> feature_reader_{nullptr, ""};
  caf::actor_addr greeted_features_;
  std::map<std::string, std::size_t> watched_chains_;  ///< uses by underlying
  std::size_t greeks_uses_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> masks_;  ///< per token: timeframes in use
  std::unordered_map<std::uint64_t, std::size_t> uses_;     ///< by sessions and pending requests
  bool tells_demand_ = false;

  system_news system_;
  std::optional<fan_out::clock::time_point> system_asked_;
  bool system_waits_ = false;     ///< for the answer
  bool looks_at_system_ = false;  ///< soon

  fan_out out_;
  messages::resume_point_ptr told_;  ///< the resume token that was published last
  bool flushes_ = false;
  bool looks_ = false;
  std::map<caf::actor_addr, fan_out::member> members_;
  std::vector<listener> listeners_;  ///< by member
  std::vector<fan_out::member> free_;
  std::map<std::uint64_t, pending> pending_;
  std::uint64_t next_request_ = 1;
  bool quiet_ = false;                                      ///< a replay is on its way somewhere
  std::vector<messages::subscribe_request_ptr> held_back_;  ///< until it is there
  std::string clock_ = "{}";                                ///< the newest
  std::unique_ptr<replay_alerts> alerts_;                   ///< null: it has none
  std::uint8_t space_ = 0;                                  ///< of the keys of its messages

  runtime::gauge* subscriptions_ = nullptr;
  runtime::gauge* audiences_ = nullptr;
  runtime::gauge* lag_ = nullptr;
  runtime::counter* messages_ = nullptr;
};

messages::hub_actor::behavior_type hub(messages::hub_actor::stateful_pointer<hub_state> self,
                                       hub_config config);

}  // namespace artham::actors
