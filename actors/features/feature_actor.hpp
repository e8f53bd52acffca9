#pragma once

#include <memory>
#include <optional>

#include <caf/typed_event_based_actor.hpp>

#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/feature/feature_group.hpp"
#include "messages/actors.hpp"

namespace artham::actors {

struct feature_actor_config {
  std::shared_ptr<const market::feature::feature_plan> plan;
  std::shared_ptr<const market::feature::group_plan> group;
  bridge::bridge* journal = nullptr;
  const feed::decoder* decoder = nullptr;
  messages::feature_reader_actor reader;
  /// Called before each slice; a test makes it throw to see the actor die.
  std::function<void(const market::feature::group_plan&, const messages::feature_work&)>
      before_slice;
};

/// Features of one underlying with its futures and options, or of one instrument: a thin actor
/// around market::feature::feature_group.
///
/// State: the group.
/// Takes: slices of works, whose answers it leaves in the slice; a refill after its predecessor
/// died, here or in the run that a checkpoint is from. Sends: `done` to the reader, with the last
/// answer of a work.
class feature_actor_state {
 public:
  static inline const char* name = "artham.feature_actor";

  messages::feature_actor::behavior_type start(messages::feature_actor::pointer self,
                                               feature_actor_config config);

 private:
  void consume(messages::feature_work& work, messages::feature_slice& slice);
  void refill(const messages::feature_refill& r);

  feature_actor_config config_;
  std::optional<market::feature::feature_group> group_;
};

messages::feature_actor::behavior_type feature_actor(
    messages::feature_actor::stateful_pointer<feature_actor_state> self,
    feature_actor_config config);

}  // namespace artham::actors
