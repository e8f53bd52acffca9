#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/replay/replay_script.hpp"
#include "actors/session/replay_lines.hpp"
#include "bridge/bridge.hpp"
#include "bridge/common/paced_journal.hpp"
#include "market/mark.hpp"
#include "messages/actors.hpp"
#include "messages/directory.hpp"
#include "messages/supervision.hpp"

namespace artham::actors {

struct replay_conductor_config {
  std::string id;
  bridge::bridge* source = nullptr;  ///< has md:ticks; outlives the replay
  std::shared_ptr<bridge::paced_journal> journal;
  replay_line_ptr line;
  std::shared_ptr<messages::directory> names;  ///< of the replay: the hub is found in it
  messages::supervisor_actor parts;            ///< takes hub and units as children
  /// The hub, which tells the conductor how far it has told, and who else stays for all lives of
  /// the units.
  std::function<std::vector<messages::child_spec>(const messages::replay_conductor_actor&)> front;
  /// Those who make bars and features; the nth tells the conductor how far it has come, and the
  /// life that it is of.
  std::function<std::vector<messages::child_spec>(const messages::replay_conductor_actor&,
                                                  std::uint64_t life)>
      units;
  record::position base;         ///< the computation begins behind this record
  record::position until;        ///< the last record that is played
  record::position rules_after;  ///< marks behind this may put other rules in force
  market::timestamp from = 0;    ///< clients are told from here on
  market::timestamp to = 0;
  std::uint32_t speed = 1000;  ///< thousandths; 0: as fast as clients take it
  bool paused = false;
  std::vector<market::timeframe> timeframes;
  /// Whether bars and features are made under these settings, calendars and instruments as they are
  /// from `from` on.
  std::function<bool(const market::config_hashes&)> same_rules;
  /// Everything that was made has been told: it is needed no longer.
  std::function<void()> trim;
  /// Nobody took part and nobody said anything for so long: it is stopped.
  std::chrono::nanoseconds idle = std::chrono::minutes(5);
  /// Told once: the replay is over, as `stopped` or `failed`, and why.
  std::function<void(std::string state, std::string cause)> on_over;
};

/// Leads one replay. md:ticks is released piece by piece as its virtual clock says; when all units
/// have made their data of a piece, it is shown to the hub, and when that has told it, the next one
/// goes. So all timeframes and features are in step, whatever the speed, and what clients are told
/// depends on the journal alone. It waits while clients do not take what was told.
///
/// The computation begins at `base`, where the trading day begins, and goes silently to where it is
/// to be heard from; a move forward is silent too, a move back begins anew with other units.
///
/// State: the pieces' ends, the virtual clock. Takes: commands; "done" of units, "flush" of the
/// hub; time-outs. Sends: news to the hub; start_child and stop_child to the supervisor of the
/// parts.
class replay_conductor_state {
 public:
  static inline const char* name = "artham.replay";

  messages::replay_conductor_actor::behavior_type start(
      messages::replay_conductor_actor::pointer self, replay_conductor_config config);
  ~replay_conductor_state();

 private:
  using clock = std::chrono::steady_clock;
  using command = messages::replay_command;
  enum class play : std::uint8_t { playing, paused, ended };
  /// What is waited for.
  enum class phase : std::uint8_t {
    starting,  ///< hub and units begin
    idle,      ///< nothing: the next piece may go
    making,    ///< units work on a piece
    showing,   ///< the hub tells it
    stopping,  ///< the units of this life end
    over,
  };
  /// A silent way to another time.
  struct journey {
    market::timestamp to = 0;
    bool moved = true;  ///< clients are told
  };
  struct stepping {
    command::stretch by = command::stretch::clock;
    std::size_t timeframe = 0;
    bool begun = false;
    record::position before;  ///< of a bar: the top of its stream
    caf::typed_response_promise<std::string> answer;
  };
  /// Where a piece ends.
  struct piece {
    market::timestamp before = market::never;  ///< records from then on are not of it
    std::uint64_t records = 0;                 ///< about so many
    bool one_clock = false;                    ///< behind a clock mark
    bool one_tick = false;                     ///< behind a record of ticks
  };

  caf::result<std::string> on_command(const command& c);
  [[nodiscard]] caf::result<std::string> on_status();
  void begin_life();
  void start_part(messages::child_spec spec);
  void on_started();
  void on_stopped();
  void on_done(std::uint32_t unit, std::uint64_t life, record::position at);
  void on_told(record::position at);
  void on_child(const messages::child_event& e);
  void look_after();
  [[nodiscard]] caf::result<std::string> begin_step(const command& c);
  /// Now if nothing is on its way to clients, else when it is told.
  [[nodiscard]] caf::result<std::string> answer();
  void settle();

  /// Does what is next, if nothing is waited for.
  void go();
  void travel();
  void step();
  void play_on();
  /// Releases the next piece. False: there is none now.
  bool release(const piece& p);
  void piece_told();
  void arrive();
  void end();
  void finish_step();
  void seek(market::timestamp to);
  void rewind();
  void over(const std::string& state, const std::string& cause);
  void fail(const std::string& cause);

  [[nodiscard]] market::timestamp virtual_now() const;
  /// The virtual clock stands here now, and goes on from here.
  void set_clock(market::timestamp t);
  void wake_at(market::timestamp t);
  void wake_in(std::chrono::nanoseconds d);
  void tell_clock(bool changed);
  [[nodiscard]] std::string clock_json() const;
  [[nodiscard]] std::string status_json() const;
  [[nodiscard]] std::string_view state_name() const;
  [[nodiscard]] record::position top_of(std::size_t timeframe) const;
  void tell_hub(messages::replay_news news);
  [[nodiscard]] clock::time_point wall() const { return self_->clock().now(); }
  [[nodiscard]] messages::replay_conductor_actor me() const {
    return messages::replay_conductor_actor{self_};
  }

  messages::replay_conductor_actor::pointer self_ = nullptr;
  replay_conductor_config config_;
  messages::peer<messages::hub_actor> hub_{nullptr, ""};
  std::unique_ptr<replay_script> script_;
  phase phase_ = phase::starting;
  play play_ = play::playing;
  std::optional<journey> journey_;
  std::optional<stepping> step_;
  std::vector<caf::typed_response_promise<std::string>> answers_;
  std::string end_cause_;  ///< why it ends before `to`

  std::uint64_t life_ = 0;
  std::vector<std::string> unit_ids_;
  std::vector<record::position> made_;  ///< by unit
  std::size_t awaited_ = 0;             ///< units that begin or end
  bool hub_ready_ = false;
  record::position piece_end_;
  bool cut_ = false;     ///< the piece ended before time has it
  bool found_ = false;   ///< the piece has what it was to end with
  bool braked_ = false;  ///< clients do not take what was told

  market::timestamp played_ = 0;  ///< of the last record that was released
  market::timestamp clock_at_ = 0;
  clock::time_point clock_since_{};
  std::uint64_t timer_ = 0;
  clock::time_point told_clock_{};
  clock::time_point used_{};
};

messages::replay_conductor_actor::behavior_type replay_conductor(
    messages::replay_conductor_actor::stateful_pointer<replay_conductor_state> self,
    replay_conductor_config config);

}  // namespace artham::actors
