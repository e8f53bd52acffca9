#include "actors/live/live_chains.hpp"

#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "messages/record/feature_codec.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::live_chains_actor;

namespace {

constexpr std::chrono::seconds retry{1};

}  // namespace

live_chains_actor::behavior_type live_chains_state::start(live_chains_actor::pointer self,
                                                          live_chains_config config) {
  self_ = self;
  config_ = std::move(config);
  received_ = &config_.metrics->counter("artham_live_received_total",
                                        "Unfinished values that a gateway read.");
  caf::anon_send(live_chains_actor{self}, messages::timeout_atom_v);
  return {
      [this](messages::ready_atom) {
        read();
        arm();
      },
      [this](messages::watch_atom, const std::string& group, bool wanted) { watch(group, wanted); },
      [this](messages::credit_atom) { take_credit(); },
      [this](messages::done_atom) {
        tells_ = false;
        config_.watched(groups_);
      },
      [this](messages::timeout_atom) { look(); },
  };
}

void live_chains_state::look() {
  self_->delayed_send(live_chains_actor{self_}, live_look_pause, messages::timeout_atom_v);
  const auto now = clock::now();
  if (!streams_ && config_.can_read() && now >= open_after_) {
    auto opened =
        live_streams::open(*config_.input, {record::live_features_stream()}, config_.shards);
    if (opened) {
      streams_ = std::move(*opened);
      arm();
    } else {
      open_after_ = now + retry;
      runtime::log().warn("live values: {}", opened.error().message);
    }
  }
  std::erase_if(values_, [&](const auto& entry) {
    return now - entry.second.came >= live_value_life && !changed_.contains(entry.first);
  });
}

void live_chains_state::arm() {
  if (!streams_) return;
  streams_->when_ready(
      [me = live_chains_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
}

void live_chains_state::read() {
  if (!streams_) return;
  const auto done = streams_->read(
      [this](std::size_t, const record::header& h, std::string_view body) { take(h, body); });
  if (!done) {
    runtime::log().warn("live values: {}", done.error().message);
    streams_.reset();
    open_after_ = clock::now() + retry;
  }
  send();
}

void live_chains_state::take(const record::header& h, std::string_view body) {
  auto r = record::decode_feature(h, body);
  if (!r || r->chain() == nullptr) return;
  received_->add();
  auto row = std::get<market::feature::chain_row>(std::move(r->row));
  const key k(row.underlying, row.expiry);
  const bool wanted = groups_.contains(row.underlying);
  auto& v = values_[k];
  v.came = clock::now();
  if (v.row == row) return;
  v.row = std::move(row);
  if (wanted) changed_.insert(k);
}

void live_chains_state::watch(const std::string& group, bool wanted) {
  const bool is_new = wanted ? groups_.insert(group).second : groups_.erase(group) != 0;
  for (auto it = values_.lower_bound({group, market::date{INT32_MIN}});
       it != values_.end() && it->first.first == group;) {
    if (wanted) {
      changed_.insert((it++)->first);
    } else {
      // Unless other gateways watch it, it grows old from now on.
      changed_.erase(it->first);
      it = values_.erase(it);
    }
  }
  if (is_new) tell();
  send();
}

void live_chains_state::take_credit() {
  to_ = self_->current_sender();
  const auto from = caf::actor_cast<caf::actor_addr>(to_);
  if (std::exchange(credited_, from) != from) {
    // Another life of the hub says anew what it wants.
    groups_.clear();
    changed_.clear();
    tell();
  }
  send();
}

/// Once for many watches: behind those that have come already.
void live_chains_state::tell() {
  if (!std::exchange(tells_, true)) caf::anon_send(live_chains_actor{self_}, messages::done_atom_v);
}

void live_chains_state::send() {
  if (!to_ || changed_.empty()) return;
  auto batch = std::make_shared<messages::live_chains>();
  for (const auto& k : changed_) {
    if (const auto it = values_.find(k); it != values_.end()) batch->push_back(it->second.row);
  }
  changed_.clear();
  self_->send(caf::actor_cast<messages::hub_actor>(std::exchange(to_, nullptr)),
              messages::live_chains_ptr(std::move(batch)));
}

live_chains_actor::behavior_type live_chains(
    live_chains_actor::stateful_pointer<live_chains_state> self, live_chains_config config) {
  messages::install_handlers(self, live_chains_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
