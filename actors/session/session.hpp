#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/alert/alert_bell.hpp"
#include "actors/alert/alert_desk.hpp"
#include "actors/session/catch_up.hpp"
#include "actors/session/key_resolver.hpp"
#include "actors/session/outbox.hpp"
#include "actors/session/replay_lines.hpp"
#include "messages/actors.hpp"
#include "messages/client.hpp"
#include "messages/direct_lane.hpp"
#include "messages/directory.hpp"
#include "messages/protocol/command.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

inline constexpr std::string_view hub_name = "gateway.hub";

struct session_config {
  std::shared_ptr<messages::client> client;
  messages::format format = messages::format::json;
  std::shared_ptr<const key_resolver> keys;
  std::shared_ptr<const messages::directory> names;
  std::shared_ptr<catch_up_pool> catch_up;      ///< null: nobody may come back to where he was
  std::shared_ptr<const replay_lines> replays;  ///< null: there are none here
  std::shared_ptr<alert_desk> alerts;           ///< null: there are none here
  std::shared_ptr<alert_bell> bell;
  std::string owner;  ///< whose alerts the client may have
  std::size_t max_subscriptions = 1000;
  /// What may wait here while the client does not read, beside what its socket takes.
  std::size_t held_bytes = 3 << 20;
  runtime::metrics* metrics = nullptr;
};

/// One client's conversation: reads commands, passes on what the hub pushes, or lets it past while
/// there is nothing to do here (direct_lane). While the client does
/// not read, messages wait in an outbox; when that is full, the client is told from where to go on
/// and closed with 4008. A client that comes back has what it missed read by the catch-up's
/// threads, a piece at a time as it takes them; then it joins the others at the hub's position,
/// while the last piece is read and what is pushed waits. Meanwhile its next command is read: one
/// that would subscribe waits, which ends the reading of commands.
///
/// Takes: commands, drained, closed (from the socket); batches and counts (from the hub); what was
/// missed (from a thread). Sends: subscribe, unsubscribe, status, closed to the hub.
class session_state {
 public:
  static inline const char* name = "artham.session";

  messages::session_actor::behavior_type start(messages::session_actor::pointer self,
                                               session_config config);
  ~session_state();

 private:
  struct subscription : outbox::subscription {
    std::string text;
    protocol::delivery how = protocol::delivery::latest;
    std::uint32_t every_ms = 0;
  };
  /// Where the catching up is.
  enum class stage : std::uint8_t {
    reading,    ///< what was pushed until now
    joining,    ///< the hub is asked to let the client in
    finishing,  ///< what was pushed between, while what is pushed waits
  };
  struct resumption {
    std::uint64_t number = 0;
    std::string from;  ///< the client's token
    std::shared_ptr<catch_up> reader;
    std::shared_ptr<messages::subscribe_request> request;
    std::vector<std::uint64_t> added;  ///< keys that are no more if it fails
    std::set<std::uint64_t> left;      ///< keys that were unsubscribed meanwhile
    stage at = stage::reading;
    messages::resume_point_ptr until;  ///< null: what clients have been told by now
    messages::batch_ptr piece;         ///< read, and not taken by the socket yet
    bool at_end = false;
  };

  /// A replay that the client has keys of.
  struct replay_part {
    replay_line_ptr line;
    messages::peer<messages::hub_actor> hub;
    std::shared_ptr<const void> brake;  ///< while messages wait here
  };
  /// Whose keys a command has.
  struct place {
    std::uint8_t space = 0;
    messages::hub_actor hub;
    std::vector<key_resolver::resolved> keys;  ///< each in its namespace
  };
  using place_or_refusal = tl::expected<place, protocol::refusal>;

  void on_command(const std::string& text);
  void carry_out(const protocol::command& c);
  /// While the client catches up.
  [[nodiscard]] bool has_to_wait(protocol::command::op what) const;
  void carry_out_waiting();
  void subscribe(const protocol::command& c);
  void unsubscribe(const protocol::command& c);
  /// All keys of a command must be of one place. With `joins` the session takes part from now on.
  [[nodiscard]] place_or_refusal find_place(const protocol::command& c, bool joins);
  [[nodiscard]] place_or_refusal find_in_replay(const protocol::command& c, bool joins);
  void ask_status(const std::string& id);
  void ask_next();
  void add_counts(const std::string& id, const std::vector<messages::key_count>& counts);
  void tell_status(const std::string& id, const std::vector<messages::key_count>& counts);
  void reply(std::string_view text);
  void event(std::string_view text);
  void refuse(const protocol::refusal& r);
  void answered();

  void on_batch(const messages::batch_ptr& b);
  void take_passed();
  void fill();
  void stand_aside();
  [[nodiscard]] bool behind() const;
  void hold(const messages::batch_ptr& b);
  void flush();
  void cut_off();
  void close(protocol::close code, const std::string& reason);

  void resume(std::shared_ptr<messages::subscribe_request> request, const protocol::command& c);
  void read_missed();
  void on_missed(const messages::missed& m);
  void go_on_resuming();
  void fail_resuming(const std::string& why);
  void leave_out(std::uint64_t key);

  // Alerts (session_alerts.cpp).
  void subscribe_alerts(const protocol::command& c);
  void unsubscribe_alerts(const protocol::command& c);
  void forget_question();
  void look_for_alerts();
  void on_alerts(const messages::found_alerts& found);
  void leave_bell();

  // Of replays (session_replay.cpp).
  void on_replay_over(const messages::replay_over& over);
  void leave(replay_part& r);
  void leave_replays();
  /// Replays wait as long as something waits here.
  void set_brakes();
  /// Those that the client has no keys of any more.
  void leave_unused();

  [[nodiscard]] outbox::subscription_of subscriptions();

  /// The client's keys `alerts` and `alert:RULE`, and how far it has been told of them.
  struct alert_feed {
    std::set<std::string> keys;
    std::uint64_t upto = 0;
    std::uint64_t place = 0;  ///< at the bell
    bool asking = false;
    bool more = false;  ///< there may be some that were not asked for
  };

  messages::session_actor::pointer self_ = nullptr;
  session_config config_;
  messages::peer<messages::hub_actor> hub_{nullptr, ""};
  std::shared_ptr<messages::direct_lane> lane_;
  std::unordered_map<std::uint64_t, subscription> keys_;
  std::size_t subscribed_ = 0;        ///< of keys_, those that count
  std::vector<std::uint64_t> asked_;  ///< keys that the command being answered added
  bool full_ = false;                 ///< the socket takes nothing now
  bool reply_held_ = false;
  outbox held_;
  messages::resume_point_ptr delivered_;  ///< the socket has taken everything up to here
  messages::resume_point_ptr held_upto_;
  std::optional<resumption> resuming_;
  std::uint64_t resumptions_ = 0;
  std::optional<alert_feed> alerts_;
  std::vector<std::string> alerts_wanted_;  ///< by the command that is being answered
  std::uint64_t alert_questions_ = 0;
  std::optional<protocol::command> waiting_;  ///< for the catching up to end
  bool closed_ = false;
  std::map<std::uint8_t, replay_part> replays_;  ///< by namespace
  /// The command that a hub is to answer: its id, and the hub's namespace.
  std::optional<std::pair<std::string, std::uint8_t>> awaited_;
  /// A `status` under way: the namespaces of hubs that have not answered yet, the last of which is
  /// asked, and what the others say.
  std::vector<std::uint8_t> counting_;
  std::vector<messages::key_count> counts_;
  std::uint64_t pushed_ = 0;
  std::uint64_t conflated_ = 0;
  runtime::counter* conflated_total_ = nullptr;
  runtime::counter* cut_off_total_ = nullptr;
  runtime::counter* resumed_total_ = nullptr;
  runtime::counter* commands_ = nullptr;
  runtime::gauge* sessions_ = nullptr;
  runtime::gauge* held_gauge_ = nullptr;
};

messages::session_actor::behavior_type session(
    messages::session_actor::stateful_pointer<session_state> self, session_config config);

}  // namespace artham::actors
