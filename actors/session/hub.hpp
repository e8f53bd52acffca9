#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/bars/token_slots.hpp"
#include "actors/session/chain_board.hpp"
#include "actors/session/instrument_index.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/tick.hpp"
#include "messages/actors.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/store.hpp"

namespace artham::actors {

struct hub_config {
  bridge::bridge* journal = nullptr;
  const feed::decoder* decoder = nullptr;
  store::reader* store = nullptr;
  runtime::worker* store_thread = nullptr;  ///< reads histories
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<const messages::directory> names;
  std::shared_ptr<const instrument_index> instruments;
  std::vector<market::timeframe> timeframes;
  std::shared_ptr<const market::feature::feature_plan> features;  ///< null: there are none here
  std::size_t tail_bars =
      200'000;  ///< newest finished bars kept, to join histories to what is live
  std::uint64_t batch = 16'384;
  /// Told all instruments that clients' keys need whenever that changes, a few times a second at
  /// most. Empty: nobody asks.
  std::function<void(std::vector<std::uint32_t>)> on_demand;
};

/// The newest value of every key, and who wants it. Reads md:ticks and the final bars with cursors
/// of its own from where they end when it starts, md:features and md:deadletter, gets unfinished
/// bars of watched keys from the bar reader and chains between clock marks from the feature reader,
/// and encodes each message once.
///
/// State: the last packet of each instrument, unfinished bars of watched keys, a tail of finished
/// bars, the newest chains, builders in quarantine, subscribers by key, snapshots that wait for
/// history or for the bar reader. Takes: streams' "ready", live batches, subscriptions, histories.
/// Sends: watches and credit to the bar reader; pushes to sessions.
class hub_state {
 public:
  static inline const char* name = "artham.hub";

  messages::hub_actor::behavior_type start(messages::hub_actor::pointer self, hub_config config);

 private:
  /// A tick as it was journaled.
  struct packet {
    std::string bytes;         ///< empty: packed
    market::bar_input packed;  ///< what a packed tick has
    market::timestamp receive = 0;
  };
  struct client {
    messages::session_actor handle;
    std::set<std::uint64_t> keys;
    std::vector<messages::push> out;
  };
  struct topic {
    std::string text;  ///< the key as clients write it
    std::set<caf::actor_addr> clients;
  };
  struct pending {
    messages::subscribe_request_ptr request;
    bool history_there = false;
    std::set<std::uint32_t> unwatched;  ///< tokens whose unfinished bars have not come yet
    std::vector<std::vector<record::bar_record>> history;
  };
  struct finished {
    market::timestamp start = 0;
    market::position last;
  };
  struct tail_entry {
    std::uint64_t key;
    record::bar_record bar;
  };

  void on_ready();
  void read_ticks();
  void take_packed(const record::header& h, record::position first, std::string_view body);
  packet& last_of(std::uint32_t token);
  void publish_tick(std::uint32_t token);
  void read_finals();
  /// Final bars of that timeframe were gone before they were read here.
  void tell_missed(std::uint32_t timeframe);
  void read_features();
  void read_letters();
  void on_mark(const market::mark& m);
  /// Of one of the feed's connections.
  void on_partial_gap(const market::mark& m);
  /// Tells the states that it changes.
  void set_lost(const std::vector<std::uint32_t>& tokens, bool lost);
  [[nodiscard]] bool is_made_of(std::uint64_t key, const std::vector<std::uint32_t>& tokens) const;
  [[nodiscard]] bool is_lost(std::uint64_t key) const;
  /// The end of a gap's message.
  [[nodiscard]] static std::string loss_text(const market::mark& m);
  [[nodiscard]] std::string state_message(std::uint64_t key, const topic& t) const;
  void on_live(const messages::live_batch& batch);
  void on_live_chains(const messages::live_chains& chains);
  void show_chain(market::feature::chain_row row, bool final);
  /// The first topic of an underlying's chains has them watched between clock marks too, its last
  /// one ends that.
  void on_topic(std::uint64_t key, bool added);
  /// Tells the demand soon, once for many changes.
  void demand_changed();
  void tell_demand();
  void add_demand(std::uint64_t key, std::vector<std::uint32_t>& tokens) const;
  /// Whose chains the key is about; null: of none.
  [[nodiscard]] const market::feature::group_plan* underlying_of(std::uint64_t key) const;
  void subscribe(const messages::subscribe_request_ptr& request);
  void unsubscribe(const caf::actor_addr& who, const std::vector<std::uint64_t>& keys);
  /// False: the store's readers are overloaded.
  [[nodiscard]] bool read_history(std::uint64_t id, pending& p);
  void refuse(std::uint64_t id, const std::string& why);
  void complete_if_ready(std::uint64_t id);
  void complete(std::uint64_t id);
  void drop_if_unwanted(std::uint64_t key);
  void forget(const caf::actor_addr& who);
  void watch(std::uint32_t token);
  void greet_reader();
  void publish(std::uint64_t key, std::string json, bool replaceable);
  void publish_states();
  void flush();
  [[nodiscard]] std::string snapshot_of(const messages::subscribe_request::wanted& w,
                                        const std::vector<record::bar_record>& history,
                                        std::size_t history_wanted);
  [[nodiscard]] std::string_view data_state(std::uint64_t key) const;
  /// That the bars of a key have stopped.
  [[nodiscard]] static std::string stop_message(const topic& t, market::timestamp since);
  [[nodiscard]] market::tick tick_of(const packet& p) const;
  [[nodiscard]] std::string tick_message(const topic& t, const packet& p) const;

  messages::hub_actor::pointer self_ = nullptr;
  hub_config config_;
  messages::peer<messages::bar_reader_actor> reader_{nullptr, ""};
  caf::actor_addr greeted_;
  messages::peer<messages::feature_reader_actor> feature_reader_{nullptr, ""};
  caf::actor_addr greeted_features_;
  std::unique_ptr<chain_board> board_;
  std::map<std::string, std::size_t> watched_chains_;  ///< topics by underlying
  std::unique_ptr<bridge::reader> ticks_;
  std::vector<std::unique_ptr<bridge::reader>> finals_;  ///< per timeframe
  std::unique_ptr<bridge::reader> features_;
  std::unique_ptr<bridge::reader> letters_;
  /// Tokens whose bar builder is in quarantine, and since when (market time).
  std::map<std::uint32_t, market::timestamp> stopped_;
  token_slots slots_;
  std::vector<packet> last_;
  std::vector<market::bar_input> packed_;
  std::unordered_map<std::uint64_t, market::bar> live_;
  std::deque<tail_entry> tail_;
  /// The newest finished bar of each key. Unfinished ones that come later than it are older: in a
  /// cluster they come on other ways.
  std::unordered_map<std::uint64_t, finished> finished_;
  std::unordered_map<std::uint64_t, topic> topics_;
  std::size_t greeks_topics_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t>
      masks_;  ///< per token: timeframes with subscribers
  std::map<caf::actor_addr, client> clients_;
  std::map<std::uint64_t, pending> pending_;
  std::uint64_t next_request_ = 1;
  bool tells_demand_ = false;
  bool feed_live_ = false;  ///< something was heard, and it is not lost
  bool feed_lost_ = false;
  std::unordered_set<std::uint32_t> lost_;  ///< with one of several connections
  market::timestamp market_time_ = 0;
  runtime::gauge* subscriptions_ = nullptr;
  runtime::gauge* lag_ = nullptr;
  runtime::counter* messages_ = nullptr;
};

messages::hub_actor::behavior_type hub(messages::hub_actor::stateful_pointer<hub_state> self,
                                       hub_config config);

}  // namespace artham::actors
