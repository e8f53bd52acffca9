#pragma once

#include <optional>
#include <vector>

#include "actors/alert/alert_evaluator.hpp"
#include "actors/bars/bar_reader.hpp"
#include "actors/features/feature_reader.hpp"
#include "actors/ingest/ingestor.hpp"
#include "actors/live/live_bars.hpp"
#include "actors/live/live_chains.hpp"
#include "actors/live/live_publisher.hpp"
#include "actors/replay/replay_conductor.hpp"
#include "actors/session/hub.hpp"
#include "actors/store/stream_store.hpp"
#include "actors/upkeep/journal_keeper.hpp"
#include "supervisors/supervisor.hpp"

/// The tree of each role: which actors there are, in which order they start, and who falls with
/// whom.
namespace artham::supervisors {

/// What all supervisors of a node share.
struct tree_options {
  supervisors::intensity intensity;
  supervisors::backoff backoff;
  std::shared_ptr<messages::directory> directory;
  runtime::metrics* metrics = nullptr;
};

/// ingest: the ingestor with its feed.
[[nodiscard]] messages::child_spec ingest_tree(const tree_options& o,
                                               actors::ingestor_config config);
/// journal: who looks after its room.
[[nodiscard]] messages::child_spec journal_child(actors::journal_keeper_config config);
/// bars: the builders' supervisor and the reader; one without the other's state is useless, so they
/// fall together.
[[nodiscard]] messages::child_spec bars_tree(const tree_options& o,
                                             actors::bar_reader_config config);
/// features: the feature actors' supervisor and the reader, which fall together.
[[nodiscard]] messages::child_spec features_tree(const tree_options& o,
                                                 actors::feature_reader_config config);
/// store: one actor per stream, or several that share its shards; besides, if wanted, who evaluates
/// the rules of alerts over these streams.
[[nodiscard]] messages::child_spec store_tree(
    const tree_options& o, std::vector<actors::stream_store_config> configs,
    std::optional<actors::alert_evaluator_config> alerts = {});
/// gateway: the hub, and the sessions, which live on its subscriptions and fall with it.
[[nodiscard]] messages::child_spec gateway_tree(const tree_options& o, actors::hub_config config);

/// replays: each a child of its own, none of which is started again.
[[nodiscard]] messages::child_spec replays_tree(const tree_options& o);
inline constexpr std::string_view replays_name = "gateway.replays";
/// A replay, whose conductor has it take the parts below.
[[nodiscard]] messages::child_spec replay_tree(const tree_options& o, std::string id);
[[nodiscard]] messages::child_spec replay_conductor_child(actors::replay_conductor_config config);
/// The hub and a supervisor for sessions, published in the directory.
[[nodiscard]] std::vector<messages::child_spec> replay_front(const tree_options& o,
                                                             actors::hub_config config);

/// In a cluster beside bars and features of a shard: who publishes what forms. Its failures are no
/// failures of those.
[[nodiscard]] messages::child_spec live_publisher_tree(const tree_options& o, std::string id,
                                                       actors::live_publisher_config config);
/// In a cluster beside the gateway: those who stand for the shards' readers, under their names in
/// the directory. Chains: only with an input.
[[nodiscard]] messages::child_spec live_values_tree(const tree_options& o,
                                                    actors::live_bars_config bars,
                                                    actors::live_chains_config chains);

/// A supervisor over roles.
[[nodiscard]] messages::supervisor_actor spawn_node(caf::actor_system& system,
                                                    const tree_options& o,
                                                    std::vector<messages::child_spec> roles);

}  // namespace artham::supervisors
