#include "actors/session/hub.hpp"

#include <utility>

#include <caf/send.hpp>

#include "actors/bars/bar_reader.hpp"
#include "actors/features/feature_reader.hpp"
#include "bridge/common/shard_view.hpp"
#include "messages/caf_compat.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::actors {

using messages::hub_actor;

namespace {

/// Records of md:features that are looked at for a start: the newest chains.
constexpr std::uint64_t features_looked_back = 2'000;

}  // namespace

hub_actor::behavior_type hub_state::start(hub_actor::pointer self, hub_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  subscriptions_ = &m.gauge("artham_subscriptions", "Keys that some client wants.");
  audiences_ = &m.gauge("artham_audiences", "Different sets of keys that clients want.");
  lag_ =
      &m.gauge("artham_reader_lag", "Records of the stream that the consumer has not pulled yet.",
               {{"consumer", "hub"}});
  messages_ = &m.counter("artham_messages_pushed_total", "Messages given to sessions.");
  reader_ = {config_.names, std::string(bar_reader_name)};
  if (config_.features) feature_reader_ = {config_.names, std::string(feature_reader_name)};
  if (config_.replay) {
    space_ = config_.replay->space();
    out_.be_of(config_.replay);
    quiet_ = true;
    out_.be_quiet(true);
    if (config_.replay->has_alerts())
      alerts_ =
          std::make_unique<replay_alerts>(config_.rules, config_.timeframes, *config_.decoder);
  }
  open_streams();
  called_ = std::make_shared<std::atomic<bool>>(false);
  caf::anon_send(hub_actor{self}, messages::ready_atom_v);
  demand_changed();
  return {
      [this](const messages::live_batch_ptr& batch) { on_live(*batch); },
      [this](const messages::live_chains_ptr& chains) { on_live_chains(*chains); },
      [this](messages::ready_atom) { on_ready(); },
      [this](const messages::subscribe_request_ptr& request) { subscribe(request); },
      [this](const messages::unsubscribe_request_ptr& request) { unsubscribe(*request); },
      [this](messages::status_atom, const messages::session_actor& who, const std::string& id) {
        tell_counts(who, id);
      },
      [this](messages::closed_atom, const messages::session_actor& who) { forget(who.address()); },
      [this](const messages::history_answer_ptr& answer) { on_history(*answer); },
      [this](const messages::system_state_ptr& state) { on_system(*state); },
      [this](messages::timeout_atom, std::uint64_t id) {
        if (id == system_timer) {
          look_at_system();
          return;
        }
        if (id == 0) {
          tell_demand();
          return;
        }
        const auto it = pending_.find(id);
        if (it == pending_.end()) return;
        it->second.unwatched.clear();
        it->second.system_there = true;
        complete_if_ready(id);
      },
      [this](messages::flush_atom) {
        flushes_ = false;
        flush();
      },
      [this](messages::tick_atom) {
        looks_ = false;
        look_at_due();
      },
      [this](const messages::replay_news_ptr& news) { on_news(*news); },
  };
}

void hub_state::open_streams() {
  newest_values::config c{config_.decoder, config_.instruments, config_.features,
                          config_.tail_bars};
  if (config_.replay) c.live_state = "replaying";
  values_ = std::make_unique<newest_values>(std::move(c));
  const auto& list = config_.tokens->streams();
  streams_ = std::make_unique<stream_set>(*config_.journal, list, features_looked_back);
  letters_.clear();
  for (std::uint32_t shard = 0; shard < list.shards(); ++shard) {
    letters_.push_back(messages::value_or_throw(config_.journal->open_reader(
        bridge::stream_in_shard(record::dead_letters_stream(), shard, list.shards()), {},
        bridge::top::appended, {})));
  }
}

hub_actor::behavior_type hub(hub_actor::stateful_pointer<hub_state> self, hub_config config) {
  messages::install_handlers(self, hub_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
