#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "market/bar.hpp"
#include "market/timeframe.hpp"
#include "messages/bar_work.hpp"
#include "messages/batch.hpp"
#include "messages/client.hpp"
#include "messages/cluster.hpp"
#include "messages/feature_work.hpp"
#include "messages/protocol/ticker_mode.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/supervision.hpp"
#include "messages/type_ids.hpp"

namespace artham::actors {
struct alert_outcome;
struct feed_event;
struct checkpoint;
}  // namespace artham::actors

/// Every actor interface of the data path: one alias per role, each message told from the
/// receiver's view.
namespace artham::messages {

class direct_lane;

/// An unfinished bar.
struct live_bar {
  std::uint32_t timeframe = 0;  ///< index into the configured timeframes
  market::bar bar;
};
/// Unfinished bars that changed since the last batch: the newest value of each watched (instrument,
/// timeframe).
struct live_batch {
  market::position at;  ///< everything up to here is in it
  std::vector<live_bar> bars;
  /// Tokens whose new watch this batch answers: their present unfinished bars, if any, are among
  /// `bars`.
  std::vector<std::uint32_t> watched;
};
using live_batch_ptr = std::shared_ptr<const live_batch>;

/// How a builder that was started again gets back to where its predecessor was.
struct bar_refill {
  std::shared_ptr<const actors::checkpoint> from;  ///< may be null: from the stream's first record
  market::position until;                          ///< inclusive; seq 0: nothing to read
  std::shared_ptr<const messages::left_out> left_out;  ///< null: nothing
};
using bar_refill_ptr = std::shared_ptr<const bar_refill>;

/// Chains between clock marks that changed since the last batch: the newest of each watched one.
using live_chains = std::vector<market::feature::chain_row>;
using live_chains_ptr = std::shared_ptr<const live_chains>;

/// All that the clients of a cluster's gateways watch, by ascending token.
using watched_set_ptr = std::shared_ptr<const std::vector<watched>>;

/// How a feature actor that was started again gets back to where its predecessor was.
struct feature_refill {
  /// The group as bytes, as of `after`; null: it had seen nothing there that still counts.
  std::shared_ptr<const std::string> state;
  market::position after;
  market::timestamp clock = 0;  ///< the newest clock mark up to `after`
  market::position until;       ///< inclusive
};

/// What a call that blocks came to, told by the thread that made it.
struct commit_outcome {
  bool ok = true;
  bool transient = false;  ///< trying again may help
  std::string error;
};
using commit_outcome_ptr = std::shared_ptr<const commit_outcome>;

/// What a call to the store came to, told by the thread that made it.
struct store_outcome {
  bool ok = true;
  bool transient = false;  ///< trying again may help
  std::string error;
  std::vector<market::position> stored;  ///< of each shard that was asked for, in that order
  std::uint64_t refused = 0;             ///< rows that the database would not take
  std::string refusal;                   ///< why it did not take the first
};
using store_outcome_ptr = std::shared_ptr<const store_outcome>;

/// The only writer of md:ticks.
using ingestor_actor = caf::typed_actor<
    // Something that the feed said; its weight is given back to the feed's budget when it is
    // handled.
    caf::reacts_to<std::shared_ptr<const actors::feed_event>>,
    // The journal has room again.
    caf::reacts_to<room_atom>>;

/// Builds the bars of one instrument.
using bar_builder_actor = caf::typed_actor<
    // Slice number n of a work is yours: consume it, leave the answer in it. The last answer of a
    // work is told to the reader.
    caf::reacts_to<bar_work_ptr, std::uint32_t>,
    // Rebuild yourself from checkpoint and journal; outputs on the way were made by your
    // predecessor. Tells also what to leave out, there and from now on.
    caf::reacts_to<bar_refill_ptr>>;

/// Reads md:ticks, drives the bar builders and appends what they close.
using bar_reader_actor = caf::typed_actor<
    // md:ticks has something behind the cursor.
    caf::reacts_to<ready_atom>,
    // A derived stream has room again.
    caf::reacts_to<room_atom>,
    // All slices of some work are answered.
    caf::reacts_to<done_atom>,
    // Wants unfinished bars of these timeframes (bit mask) of an instrument from now on, and the
    // present ones at once. Mask 0: no longer.
    caf::reacts_to<watch_atom, std::uint32_t, std::uint32_t>,
    // The sender takes live batches: it has room for one. Given anew for each.
    caf::reacts_to<credit_atom>,
    // Write a checkpoint at the next block boundary; answered when it is on disk.
    caf::replies_to<checkpoint_atom>::with<caf::ok_atom>,
    // The checkpoint under way is on disk, or failed.
    caf::reacts_to<commit_outcome_ptr>,
    // A builder began a life, died or was parked.
    caf::reacts_to<child_event>>;

/// Features of one underlying with its derivatives, or of one instrument.
using feature_actor = caf::typed_actor<
    // Slice number n of a work is yours: consume it, leave the answer in it. The last answer of a
    // work is told to the reader.
    caf::reacts_to<feature_work_ptr, std::uint32_t>,
    // Rebuild yourself from the journal; what marks made on the way your predecessor has told.
    caf::reacts_to<feature_refill>>;

/// Reads md:ticks, drives the feature actors and appends what they say to md:features.
using feature_reader_actor = caf::typed_actor<
    // md:ticks has something behind the cursor.
    caf::reacts_to<ready_atom>,
    // md:features has room again.
    caf::reacts_to<room_atom>,
    // All slices of some work are answered.
    caf::reacts_to<done_atom>,
    // Wants the chains of this underlying between clock marks too, and the present ones at once;
    // false: no longer.
    caf::reacts_to<watch_atom, std::string, bool>,
    // The sender takes live chains: it has room for one batch. Given anew for each.
    caf::reacts_to<credit_atom>,
    // Write a checkpoint at the next block boundary; answered when it is on disk.
    caf::replies_to<checkpoint_atom>::with<caf::ok_atom>,
    // The checkpoint under way is on disk, or failed.
    caf::reacts_to<commit_outcome_ptr>,
    // A feature actor began a life, died or was parked.
    caf::reacts_to<child_event>>;

/// Stores one stream, or shards of it: pulls, commits rows and positions in one transaction, in
/// order, one at a time.
using store_actor = caf::typed_actor<
    // The stream has something behind the cursor.
    caf::reacts_to<ready_atom>,
    // Time to ask the store again.
    caf::reacts_to<timeout_atom>,
    // The nth transaction has waited long enough for more to come.
    caf::reacts_to<timeout_atom, std::uint64_t>,
    // What the store was asked for has been done, or not.
    caf::reacts_to<store_outcome_ptr>>;

/// Evaluates rules over streams: pulls, decides, commits alerts, what rules remember and positions
/// in one transaction, one at a time.
using alert_evaluator_actor = caf::typed_actor<
    // A stream has something behind its cursor.
    caf::reacts_to<ready_atom>,
    // Time to look whether rules were changed, and to ask the store again.
    caf::reacts_to<timeout_atom>,
    // What the store was asked for has been done, or not.
    caf::reacts_to<std::shared_ptr<const actors::alert_outcome>>>;

/// Has the journal's room looked after.
using journal_keeper_actor = caf::typed_actor<
    // Time to look again.
    caf::reacts_to<timeout_atom>,
    // The look has ended.
    caf::reacts_to<done_atom>>;

/// What was published of each of a session's keys since it has them.
struct key_count {
  std::uint64_t key = 0;
  std::uint64_t published = 0;
  std::uint64_t replaced = 0;  ///< values that a newer one replaced before they might go
};
using key_counts_ptr = std::shared_ptr<const std::vector<key_count>>;

/// How far the reading of what a client has missed has come.
struct missed {
  std::uint64_t number = 0;  ///< of the catch-up
  batch_ptr found;           ///< may be null
  bool at_end = false;       ///< nothing is left up to where it was to read
  std::string error;         ///< it cannot be read: the client is to come again
};
using missed_ptr = std::shared_ptr<const missed>;

/// Alerts that a client has not been told, read from the store.
struct found_alerts {
  std::uint64_t number = 0;         ///< of the question
  std::string reply;                ///< answers the command that it was asked for; may be empty
  std::vector<std::string> events;  ///< in order
  std::uint64_t upto = 0;           ///< the client has been told all alerts up to here
  bool more = false;
  std::string error;  ///< the store does not answer
};
using found_alerts_ptr = std::shared_ptr<const found_alerts>;

/// A replay is over: its keys are no more.
struct replay_over {
  std::uint8_t space = 0;
  std::string id;
  std::string state;  ///< `stopped`, `failed`
  std::string cause;  ///< why, for people
};
using replay_over_ptr = std::shared_ptr<const replay_over>;

/// To the hub of a replay, from who leads it.
struct replay_news {
  enum class what : std::uint8_t {
    clock,   ///< where the virtual clock is
    hush,    ///< what the streams have from now on is not told: the replay moves forward
    rewind,  ///< likewise, and the streams begin anew
    arrive,  ///< what comes from now on is told
  };
  replay_news::what what = what::clock;
  std::string clock;           ///< of `clock`: a JSON object
  bool state_changed = false;  ///< of `clock`: every client is to know that
  bool moved = false;  ///< of `arrive`: the time is another one, and every key has a new snapshot
};
using replay_news_ptr = std::shared_ptr<const replay_news>;

/// Speaks the protocol with one client; docs/protocol.md.
using session_actor = caf::typed_actor<
    // A command of the client, untrusted.
    caf::reacts_to<command_atom, std::string>,
    // The client takes more again.
    caf::reacts_to<drained_atom>,
    // The connection is gone.
    caf::reacts_to<closed_atom>,
    // From the hub, in order.
    caf::reacts_to<batch_ptr>,
    // Answers what the command with this id has asked the hub for.
    caf::reacts_to<status_atom, std::string, key_counts_ptr>,
    // What was missed has been read up to here, or why it cannot be.
    caf::reacts_to<missed_ptr>,
    // There may be alerts that the client has not been told.
    caf::reacts_to<ready_atom>,
    // They have been read.
    caf::reacts_to<found_alerts_ptr>,
    // A replay that the client has keys of is over.
    caf::reacts_to<replay_over_ptr>>;

/// A key as the hub knows it: token << 32 | part. The part has 24 bits: 0 for ticks, index of the
/// timeframe and 1 for bars, all ones for Greeks; number of the underlying << 32 | 1 << 23 | expiry
/// for chains; a replay's clock has a part of its own. Clients' keys have the number of a namespace
/// in the 8 bits between (in_space): 0 is live, others are those of replays.
[[nodiscard]] constexpr std::uint64_t tick_key(std::uint32_t token) {
  return std::uint64_t{token} << 32U;
}
[[nodiscard]] constexpr std::uint64_t bar_key(std::uint32_t token, std::uint32_t timeframe) {
  return (std::uint64_t{token} << 32U) | (timeframe + 1);
}

inline constexpr std::uint32_t part_mask = 0xFFFFFF;
inline constexpr std::uint32_t greeks_part = part_mask;
inline constexpr std::uint32_t clock_part = part_mask - 1;
inline constexpr std::uint32_t chain_part = 1U << 23U;
inline constexpr std::uint64_t clock_key = clock_part;
[[nodiscard]] constexpr std::uint64_t in_space(std::uint64_t key, std::uint8_t space) {
  return key | std::uint64_t{space} << 24U;
}
[[nodiscard]] constexpr std::uint8_t space_of(std::uint64_t key) {
  return static_cast<std::uint8_t>(key >> 24U);
}
[[nodiscard]] constexpr std::uint64_t greeks_key(std::uint32_t token) {
  return std::uint64_t{token} << 32U | greeks_part;
}
[[nodiscard]] constexpr std::uint64_t chain_key(std::uint32_t number, market::date expiry) {
  return std::uint64_t{number} << 32U | chain_part | static_cast<std::uint32_t>(expiry.days);
}

/// A client's `sub`, checked; of a Kite client: ticks alone, answered with their newest packets.
struct subscribe_request {
  struct wanted {
    std::uint64_t key = 0;
    std::string text;            ///< as the client wrote it
    std::uint32_t every_ms = 0;  ///< values at most so often; 0: all
    bool expired = false;        ///< some of what the client has missed is not to be had
    protocol::ticker_mode mode = protocol::ticker_mode::full;  ///< with format::kite
  };
  session_actor session;
  std::shared_ptr<direct_lane> lane;  ///< past the session; null: there is none
  std::string id;
  messages::format format = messages::format::json;
  bool times = false;
  std::vector<wanted> keys;
  std::size_t history = 0;
  std::optional<std::uint32_t> tokens_ms;  ///< resume tokens at most so often; 0: none
  std::uint64_t resumption = 0;            ///< of a session that has caught up; its answer has it
};
using subscribe_request_ptr = std::shared_ptr<const subscribe_request>;

/// A client's `unsub`, checked.
struct unsubscribe_request {
  session_actor session;
  std::shared_ptr<direct_lane> lane;  ///< as in a subscribe_request
  std::string id;
  messages::format format = messages::format::json;
  std::vector<std::uint64_t> keys;
};
using unsubscribe_request_ptr = std::shared_ptr<const unsubscribe_request>;

/// Finished bars from the store, for a snapshot.
struct history_answer {
  std::uint64_t request = 0;
  std::vector<std::vector<record::bar_record>> bars;  ///< per key of the request; empty for ticks
  std::string error;
};
using history_answer_ptr = std::shared_ptr<const history_answer>;

/// What a node or a cluster tells of itself, for clients: the members of a JSON object.
struct system_state {
  std::string members;
};
using system_state_ptr = std::shared_ptr<const system_state>;

/// Knows the newest value of every key and who wants it; tells each client, encoding each message
/// once.
using hub_actor = caf::typed_actor<
    // Unfinished bars; answered with a credit.
    caf::reacts_to<live_batch_ptr>,
    // Chains between clock marks; answered with a credit.
    caf::reacts_to<live_chains_ptr>,
    // md:ticks or a stream of final bars has something behind the cursor.
    caf::reacts_to<ready_atom>,
    // A session wants keys; answered to it with the reply, then what is pushed of those keys.
    caf::reacts_to<subscribe_request_ptr>,
    // A session wants these keys no longer; answered with the reply, behind the last push of them.
    caf::reacts_to<unsubscribe_request_ptr>,
    // A session wants to know what was published for it; answered with the same id.
    caf::reacts_to<status_atom, session_actor, std::string>,
    // A session has ended.
    caf::reacts_to<closed_atom, session_actor>,
    // History for a snapshot was read.
    caf::reacts_to<history_answer_ptr>,
    // What the system is like, as it was asked for.
    caf::reacts_to<system_state_ptr>,
    // A snapshot has waited long enough for its unfinished bars.
    caf::reacts_to<timeout_atom, std::uint64_t>,
    // What was gathered goes to the sessions now.
    caf::reacts_to<flush_atom>,
    // Time to look at what may go only every so often.
    caf::reacts_to<tick_atom>,
    // Of a replay: from who leads it.
    caf::reacts_to<replay_news_ptr>>;

/// What a replay is told to do; docs/replays.md.
struct replay_command {
  enum class op : std::uint8_t { pause, resume, step, seek, speed };
  enum class stretch : std::uint8_t { tick, clock, bar };
  op what = op::pause;
  stretch by = stretch::clock;  ///< of a step
  market::timeframe timeframe;  ///< of a step by a bar
  market::timestamp to = 0;     ///< of a seek, market time
  std::uint32_t speed =
      1000;  ///< in thousandths of the speed of life; 0: as fast as clients take it
};

/// Leads one replay: how far its streams go, and when.
using replay_conductor_actor = caf::typed_actor<
    // Answered with the state as a JSON object; a step, when it is done.
    caf::replies_to<replay_command>::with<std::string>,
    // The state as a JSON object.
    caf::replies_to<status_atom>::with<std::string>,
    // The journal has more to look at, clients have taken what was pushed, or time has passed.
    caf::reacts_to<ready_atom>,
    // A timer of that number.
    caf::reacts_to<timeout_atom, std::uint64_t>,
    // Part n of the units of life m has come so far.
    caf::reacts_to<done_atom, std::uint32_t, std::uint64_t, market::position>,
    // Clients have been told so far.
    caf::reacts_to<flush_atom, market::position>,
    // A part of the replay began, or ended.
    caf::reacts_to<child_event>>;

/// In a cluster: takes unfinished values from the readers of a shard, as a hub does, and publishes
/// them to gateways.
using live_publisher_actor = caf::typed_actor<
    // Unfinished bars; answered with a credit when it is time for more.
    caf::reacts_to<live_batch_ptr>,
    // Chains between clock marks, likewise.
    caf::reacts_to<live_chains_ptr>,
    // What is watched now.
    caf::reacts_to<watched_set_ptr>,
    // Time to look again.
    caf::reacts_to<timeout_atom>>;

/// In a cluster's gateway: stands for the bar readers of all shards.
using live_bars_actor = caf::typed_actor<
    // A stream has something behind its cursor.
    caf::reacts_to<ready_atom>,
    // As the bar reader takes it.
    caf::reacts_to<watch_atom, std::uint32_t, std::uint32_t>,
    // The sender has room for one batch. Given anew for each.
    caf::reacts_to<credit_atom>,
    // Everything that was watched up to here can be told to the cluster.
    caf::reacts_to<done_atom>,
    // Time to look again.
    caf::reacts_to<timeout_atom>>;

/// In a cluster's gateway: stands for the feature readers of all shards.
using live_chains_actor = caf::typed_actor<
    // A stream has something behind its cursor.
    caf::reacts_to<ready_atom>,
    // As the feature reader takes it.
    caf::reacts_to<watch_atom, std::string, bool>,
    // The sender has room for one batch. Given anew for each.
    caf::reacts_to<credit_atom>,
    // Everything that was watched up to here can be told to the cluster.
    caf::reacts_to<done_atom>,
    // Time to look again.
    caf::reacts_to<timeout_atom>>;

}  // namespace artham::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::live_batch_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::live_chains_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::watched_set_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::feature_refill)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::feature_work_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::batch_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::key_counts_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::missed_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::found_alerts_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::replay_over_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::replay_news_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::replay_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::market::position)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::unsubscribe_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::subscribe_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::history_answer_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::system_state_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::session_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<std::uint64_t>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::bar_work_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::bar_refill_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::commit_outcome_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::messages::store_outcome_ptr)
