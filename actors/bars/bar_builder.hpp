#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/bar_aggregator.hpp"
#include "messages/actors.hpp"

namespace artham::actors {

using record_hook = std::function<void(std::uint32_t token, std::span<const market::bar_input>,
                                       std::span<const market::mark>)>;

struct bar_builder_config {
  std::uint32_t token = 0;
  std::shared_ptr<const market::bar_plan> plan;
  bridge::bridge* journal = nullptr;
  const feed::decoder* decoder = nullptr;
  messages::bar_reader_actor reader;
  /// Called before each slice is consumed; a test makes it throw to see the builder die.
  std::function<void(const messages::bar_work&, const messages::bar_slice&)> before_slice;
  /// Called before each stretch of records is taken, also in a refill; a test makes it throw at a
  /// record that no builder can take.
  record_hook before_records;
};

/// Builds the bars of one instrument: a thin actor around market::bar_aggregator.
///
/// State: the aggregator; what quarantines make it leave out.
/// Takes: slices of blocks, whose answers it leaves in the slice; a refill after its predecessor
/// died, or with what to leave out. Sends: `done` to the reader, with the last answer of a work.
class bar_builder_state {
 public:
  static inline const char* name = "artham.bar_builder";

  messages::bar_builder_actor::behavior_type start(messages::bar_builder_actor::pointer self,
                                                   bar_builder_config config);

 private:
  void consume(messages::bar_work& work, messages::bar_slice& slice);
  void consume_record_by_record(const messages::bar_work& work, messages::bar_slice& slice);
  void refill(const messages::bar_refill& r);
  /// Gives the aggregator what no quarantine takes; returns the number of ticks that one took.
  std::uint32_t take(std::span<const market::bar_input> ticks, std::span<const market::mark> marks,
                     market::timestamp clock_before, std::vector<market::closed_bar>& out);

  messages::bar_builder_actor::pointer self_ = nullptr;
  bar_builder_config config_;
  std::optional<market::bar_aggregator> aggregator_;
  std::shared_ptr<const messages::left_out> left_out_;  ///< null: nothing
};

messages::bar_builder_actor::behavior_type bar_builder(
    messages::bar_builder_actor::stateful_pointer<bar_builder_state> self,
    bar_builder_config config);

}  // namespace artham::actors
