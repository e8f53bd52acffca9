#include "actors/live/live_bars.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "messages/record/bar_codec.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::live_bars_actor;

namespace {

constexpr std::chrono::seconds retry{1};

std::uint32_t timeframe_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key) - 1;
}

}  // namespace

live_bars_actor::behavior_type live_bars_state::start(live_bars_actor::pointer self,
                                                      live_bars_config config) {
  self_ = self;
  config_ = std::move(config);
  received_ = &config_.metrics->counter("artham_live_received_total",
                                        "Unfinished values that a gateway read.");
  caf::anon_send(live_bars_actor{self}, messages::timeout_atom_v);
  return {
      [this](messages::ready_atom) {
        read();
        arm();
      },
      [this](messages::watch_atom, std::uint32_t token, std::uint32_t mask) { watch(token, mask); },
      [this](messages::credit_atom) { take_credit(); },
      [this](messages::done_atom) {
        tells_ = false;
        config_.watched(masks_);
      },
      [this](messages::timeout_atom) { look(); },
  };
}

void live_bars_state::look() {
  self_->delayed_send(live_bars_actor{self_}, live_look_pause, messages::timeout_atom_v);
  const auto now = clock::now();
  if (!streams_ && config_.can_read() && now >= open_after_) {
    std::vector<std::string> names;
    for (const auto& tf : config_.timeframes)
      names.push_back(record::live_bars_stream(market::to_string(tf)));
    auto opened = live_streams::open(*config_.input, names, config_.shards);
    if (opened) {
      streams_ = std::move(*opened);
      arm();
    } else {
      open_after_ = now + retry;
      runtime::log().warn("live values: {}", opened.error().message);
    }
  }
  std::erase_if(unanswered_, [&](const auto& entry) {
    if (now < entry.second) return false;
    answered_.push_back(entry.first);
    return true;
  });
  std::erase_if(values_, [&](const auto& entry) {
    return now - entry.second.came >= live_value_life && !changed_.contains(entry.first);
  });
  send();
}

void live_bars_state::arm() {
  if (!streams_) return;
  streams_->when_ready(
      [me = live_bars_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
}

void live_bars_state::read() {
  if (!streams_) return;
  const auto done =
      streams_->read([this](std::size_t tf, const record::header& h, std::string_view body) {
        take(static_cast<std::uint32_t>(tf), h, body);
      });
  if (!done) {
    runtime::log().warn("live values: {}", done.error().message);
    streams_.reset();
    open_after_ = clock::now() + retry;
  }
  send();
}

void live_bars_state::take(std::uint32_t timeframe, const record::header& h,
                           std::string_view body) {
  auto r = record::decode_bar(h, body);
  if (!r) return;
  received_->add();
  const auto token = r->bar.token;
  const auto key = messages::bar_key(token, timeframe);
  const auto now = clock::now();
  auto [it, fresh] = values_.try_emplace(key, value{r->bar, now});
  it->second.came = now;
  if (!fresh && it->second.bar == r->bar) return;
  it->second.bar = r->bar;
  const auto watched = masks_.find(token);
  if (watched == masks_.end() || (watched->second & 1U << timeframe) == 0) return;
  changed_.insert(key);
  answer_if_there(token);
}

void live_bars_state::watch(std::uint32_t token, std::uint32_t mask) {
  const auto it = masks_.find(token);
  const auto before = it == masks_.end() ? 0 : it->second;
  if (mask == 0) {
    masks_.erase(token);
    unanswered_.erase(token);
  } else {
    masks_[token] = mask;
    unanswered_[token] = clock::now() + live_answer_limit;
  }
  for (std::uint32_t tf = 0; tf < config_.timeframes.size(); ++tf) {
    const auto key = messages::bar_key(token, tf);
    if ((mask & 1U << tf) != 0) {
      if (values_.contains(key)) changed_.insert(key);
    } else if ((before & 1U << tf) != 0) {
      // Unless other gateways watch it, it grows old from now on.
      values_.erase(key);
      changed_.erase(key);
    }
  }
  if (mask != 0) answer_if_there(token);
  if (mask != before) tell();
  send();
}

void live_bars_state::answer_if_there(std::uint32_t token) {
  if (!unanswered_.contains(token)) return;
  const auto mask = masks_.at(token);
  for (std::uint32_t tf = 0; tf < config_.timeframes.size(); ++tf) {
    if ((mask & 1U << tf) != 0 && !values_.contains(messages::bar_key(token, tf))) return;
  }
  unanswered_.erase(token);
  answered_.push_back(token);
}

void live_bars_state::take_credit() {
  to_ = self_->current_sender();
  const auto from = caf::actor_cast<caf::actor_addr>(to_);
  if (std::exchange(credited_, from) != from) {
    // Another life of the hub says anew what it wants.
    masks_.clear();
    changed_.clear();
    unanswered_.clear();
    answered_.clear();
    tell();
  }
  send();
}

/// Once for many watches: behind those that have come already.
void live_bars_state::tell() {
  if (!std::exchange(tells_, true)) caf::anon_send(live_bars_actor{self_}, messages::done_atom_v);
}

void live_bars_state::send() {
  if (!to_ || (changed_.empty() && answered_.empty())) return;
  auto batch = std::make_shared<messages::live_batch>();
  for (const auto key : changed_) {
    const auto it = values_.find(key);
    if (it == values_.end()) continue;
    batch->bars.push_back({timeframe_of(key), it->second.bar});
    batch->at = std::max(batch->at, it->second.bar.last);
  }
  changed_.clear();
  batch->watched = std::exchange(answered_, {});
  self_->send(caf::actor_cast<messages::hub_actor>(std::exchange(to_, nullptr)),
              messages::live_batch_ptr(std::move(batch)));
}

live_bars_actor::behavior_type live_bars(live_bars_actor::stateful_pointer<live_bars_state> self,
                                         live_bars_config config) {
  messages::install_handlers(self, live_bars_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
