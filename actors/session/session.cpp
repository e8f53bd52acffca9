#include "actors/session/session.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/alert_keys.hpp"
#include "actors/session/text_batch.hpp"
#include "messages/caf_compat.hpp"
#include "messages/protocol/json.hpp"

namespace artham::actors {

using messages::batch;
using messages::session_actor;
using protocol::code;

namespace {

bool of_alerts(const protocol::command& c) {
  return std::ranges::any_of(c.keys, is_alert_key);
}

/// The next command may be read behind it. While a client catches up that happens meanwhile.
bool is_answer(const batch& b) {
  return b.source != batch::origin::live && b.resumption == 0;
}

messages::frames frames_of(const batch& b) {
  return {b.bytes, 0, b.bytes->size(), b.items.size()};
}

}  // namespace

session_actor::behavior_type session_state::start(session_actor::pointer self,
                                                  session_config config) {
  self_ = self;
  config_ = std::move(config);
  hub_ = {config_.names, std::string(hub_name)};
  lane_ = std::make_shared<messages::direct_lane>(config_.client);
  auto& m = *config_.metrics;
  conflated_total_ = &m.counter("artham_session_conflated_total",
                                "Values that a newer one replaced before a slow client took them.");
  cut_off_total_ = &m.counter("artham_session_cut_off_total",
                              "Clients that were closed as they did not take what may not be left "
                              "out.");
  resumed_total_ =
      &m.counter("artham_session_resumed_total", "Subscriptions that went on from a resume token.");
  commands_ = &m.counter("artham_session_commands_total", "Commands of clients.");
  sessions_ = &m.gauge("artham_sessions", "Clients connected.");
  held_gauge_ =
      &m.gauge("artham_session_held_bytes", "What waits in sessions for clients that do not read.");
  sessions_->add(1);
  return {
      [this](messages::command_atom, const std::string& text) { on_command(text); },
      [this](messages::drained_atom) {
        full_ = false;
        flush();
        stand_aside();
      },
      [this](messages::closed_atom) {
        closed_ = true;
        self_->quit();
      },
      [this](const messages::batch_ptr& b) {
        take_passed();
        on_batch(b);
        if (b->space == 0) lane_->arrived();
        stand_aside();
      },
      [this](messages::status_atom, const std::string& id, const messages::key_counts_ptr& counts) {
        add_counts(id, *counts);
      },
      [this](const messages::missed_ptr& missed) {
        on_missed(*missed);
        stand_aside();
      },
      [this](messages::ready_atom) {
        if (alerts_) alerts_->more = true;
        look_for_alerts();
      },
      [this](const messages::found_alerts_ptr& found) { on_alerts(*found); },
      [this](const messages::replay_over_ptr& over) {
        on_replay_over(*over);
        stand_aside();
      },
  };
}

session_state::~session_state() {
  leave_bell();
  if (sessions_ != nullptr) {
    sessions_->add(-1);
    held_gauge_->add(-static_cast<std::int64_t>(held_.bytes()));
  }
  if (const auto& hub = hub_.get())
    caf::anon_send(hub, messages::closed_atom_v, session_actor{self_});
  leave_replays();
  if (!closed_ && config_.client) {
    config_.client->close(static_cast<std::uint16_t>(protocol::close::going_away),
                          "the session ended");
  }
}

void session_state::on_command(const std::string& text) {
  commands_->add();
  asked_.clear();
  const auto c = protocol::parse_command(text);
  if (!c) {
    refuse(c.error());
    return;
  }
  if (has_to_wait(c->what))
    waiting_ = *c;
  else
    carry_out(*c);
}

void session_state::carry_out(const protocol::command& c) {
  switch (c.what) {
    case protocol::command::op::sub:
      of_alerts(c) ? subscribe_alerts(c) : subscribe(c);
      return;
    case protocol::command::op::unsub:
      of_alerts(c) ? unsubscribe_alerts(c) : unsubscribe(c);
      return;
    case protocol::command::op::ping:
      reply("{\"id\":" + c.id + ",\"ok\":true,\"op\":\"pong\"}");
      return;
    case protocol::command::op::status:
      ask_status(c.id);
      return;
  }
}

/// One hub after the other counts the keys of its own namespace.
void session_state::ask_status(const std::string& id) {
  counts_.clear();
  counting_.clear();
  for (const auto& entry : replays_) counting_.push_back(entry.first);
  counting_.push_back(0);
  awaited_.emplace(id, 0);
  ask_next();
}

void session_state::ask_next() {
  while (!counting_.empty()) {
    const auto space = counting_.back();
    const auto& hub = space == 0 ? hub_.get() : replays_.at(space).hub.get();
    if (hub) {
      self_->send(hub, messages::status_atom_v, session_actor{self_}, awaited_->first);
      return;
    }
    counting_.pop_back();
  }
  tell_status(awaited_->first, std::exchange(counts_, {}));
}

void session_state::add_counts(const std::string& id,
                               const std::vector<messages::key_count>& counts) {
  if (!awaited_ || awaited_->first != id || counting_.empty()) return;
  counts_.insert(counts_.end(), counts.begin(), counts.end());
  counting_.pop_back();
  ask_next();
}

void session_state::tell_status(const std::string& id,
                                const std::vector<messages::key_count>& counts) {
  take_passed();
  std::string out = "{\"id\":" + id +
                    ",\"ok\":true,\"status\":{\"subscriptions\":" + std::to_string(subscribed_) +
                    ",\"pushed\":" + std::to_string(pushed_) +
                    ",\"conflated\":" + std::to_string(conflated_) +
                    ",\"waiting_bytes\":" + std::to_string(held_.bytes()) + ",\"keys\":[";
  bool first = true;
  for (const auto& c : counts) {
    const auto it = keys_.find(c.key);
    if (it == keys_.end()) continue;
    const auto& s = it->second;
    out += std::exchange(first, false) ? "{\"key\":" : ",{\"key\":";
    protocol::append_text(out, s.text);
    out += ",\"policy\":";
    if (s.how == protocol::delivery::every_ms)
      out += "{\"every_ms\":" + std::to_string(s.every_ms) + "}";
    else
      out += "\"" + std::string(protocol::name(s.how)) + "\"";
    // What was published for this session went out, was replaced, or waits.
    const auto gone = s.conflated + s.waiting;
    out += ",\"pushed\":" + std::to_string(c.published - std::min(c.published, gone)) +
           ",\"conflated\":" + std::to_string(c.replaced + s.conflated) +
           ",\"dropped\":0,\"lag\":" + std::to_string(s.waiting) + "}";
  }
  reply(out + "]}}");
}

void session_state::subscribe(const protocol::command& c) {
  auto found = find_place(c, true);
  if (!found) {
    auto no = found.error();
    no.id = c.id;
    refuse(no);
    return;
  }
  auto* const wanted = &found->keys;
  for (const auto& w : *wanted) {
    const bool known = keys_.contains(w.key);
    if (known && c.from) {
      refuse({c.id, code::bad_request,
              "\"" + w.text + "\" is subscribed already: unsub it, or leave \"from\" out"});
      return;
    }
    if (!known && std::ranges::find(asked_, w.key) == asked_.end()) asked_.push_back(w.key);
  }
  if (subscribed_ + asked_.size() > config_.max_subscriptions) {
    refuse({c.id, code::too_many_subscriptions,
            "at most " + std::to_string(config_.max_subscriptions) +
                " subscriptions a session; unsub some first"});
    return;
  }
  const auto& hub = found->hub;
  if (!hub) {
    refuse({c.id, code::unavailable, "the hub is being restarted; try again"});
    return;
  }
  auto request = std::make_shared<messages::subscribe_request>();
  request->session = session_actor{self_};
  // Replays wait for what their clients take: nothing of them goes past.
  if (found->space == 0) request->lane = lane_;
  request->id = c.id;
  request->format = config_.format;
  request->times = c.times;
  request->history = c.history;
  request->tokens_ms = c.tokens_ms;
  const auto how = c.policy.value_or(protocol::delivery::latest);
  for (auto& w : *wanted) {
    auto& s = keys_[w.key];
    s.text = w.text;
    s.how = how;
    s.every_ms = c.every_ms;
    s.policy = how == protocol::delivery::all ? delivery_policy::all : delivery_policy::latest;
    request->keys.push_back(
        {w.key & ~messages::in_space(0, UINT8_MAX), std::move(w.text), c.every_ms, false});
  }
  subscribed_ += asked_.size();
  if (c.tokens_ms) {
    // Where a token stands among what it covers is what it says.
    keys_.erase(messages::token_key);
    if (*c.tokens_ms != 0) keys_[messages::token_key].policy = delivery_policy::all;
  }
  if (c.from) {
    resume(std::move(request), c);
    return;
  }
  awaited_.emplace(c.id, found->space);
  self_->send(hub, messages::subscribe_request_ptr(std::move(request)));
}

void session_state::unsubscribe(const protocol::command& c) {
  const auto found = find_place(c, false);
  if (!found) {
    auto no = found.error();
    no.id = c.id;
    refuse(no);
    return;
  }
  auto request = std::make_shared<messages::unsubscribe_request>();
  request->session = session_actor{self_};
  // Replays wait for what their clients take: nothing of them goes past.
  if (found->space == 0) request->lane = lane_;
  request->id = c.id;
  for (const auto& w : found->keys) {
    if (keys_.erase(w.key) == 0) continue;
    --subscribed_;
    request->keys.push_back(w.key & ~messages::in_space(0, UINT8_MAX));
    leave_out(w.key);
    held_gauge_->add(-static_cast<std::int64_t>(held_.bytes()));
    held_.drop(w.key);
    held_gauge_->add(static_cast<std::int64_t>(held_.bytes()));
  }
  const bool takes_part = found->space == 0 || replays_.contains(found->space);
  if (const auto& hub = found->hub; hub && takes_part) {
    awaited_.emplace(c.id, found->space);
    self_->send(hub, messages::unsubscribe_request_ptr(std::move(request)));
  } else {
    reply("{\"id\":" + c.id + ",\"ok\":true}");
  }
}

void session_state::refuse(const protocol::refusal& r) {
  on_batch(text_batch(protocol::error_reply(r), batch::origin::refusal));
}

void session_state::event(std::string_view text) {
  on_batch(text_batch(text, batch::origin::live));
}

void session_state::reply(std::string_view text) {
  on_batch(text_batch(text, batch::origin::reply));
}

/// The answer to the last command is in the socket.
void session_state::answered() {
  config_.client->next_command();
}

outbox::subscription_of session_state::subscriptions() {
  return [this](std::uint64_t key) -> outbox::subscription* {
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : &it->second;
  };
}

bool session_state::behind() const {
  return full_ || !held_.empty() || (resuming_ && resuming_->at == stage::finishing);
}

/// What went past counts as if it had come here.
void session_state::take_passed() {
  const auto passed = lane_->take();
  pushed_ += passed.messages;
  if (passed.upto) delivered_ = passed.upto;
}

/// The socket takes nothing now.
void session_state::fill() {
  full_ = true;
  lane_->close();
}

/// With nothing to do here, the hub writes to the client itself.
void session_state::stand_aside() {
  if (!closed_ && !behind()) lane_->open();
}

void session_state::on_batch(const messages::batch_ptr& b) {
  if (closed_) return;
  // On its way when its replay ended.
  if (b->space != 0 && !replays_.contains(b->space)) return;
  const bool of_resumption = b->resumption != 0 && resuming_ && resuming_->number == b->resumption;
  if (b->source == batch::origin::refusal) {
    auto& keys = of_resumption ? resuming_->added : asked_;
    for (const auto key : keys) subscribed_ -= keys_.erase(key);
    keys.clear();
    if (of_resumption) resuming_.reset();
  }
  if (is_answer(*b)) {
    awaited_.reset();
    // Behind the last push of a replay's keys.
    leave_unused();
  }
  if (of_resumption && b->source == batch::origin::reply) {
    // Behind what is still missing.
    resuming_->at = stage::finishing;
    resuming_->until = b->upto;
    resuming_->at_end = false;
    hold(b);
    if (!closed_) go_on_resuming();
    return;
  }
  if (!behind() && config_.client->send_frames(frames_of(*b))) {
    pushed_ += b->items.size();
    if (b->upto) delivered_ = b->upto;
    if (is_answer(*b)) answered();
  } else {
    if (!behind()) fill();
    hold(b);
  }
  if (of_resumption) carry_out_waiting();
}

void session_state::hold(const messages::batch_ptr& b) {
  const auto before = held_.bytes();
  const auto replaced = held_.conflated();
  held_.hold(*b, subscriptions());
  held_gauge_->add(static_cast<std::int64_t>(held_.bytes()) - static_cast<std::int64_t>(before));
  conflated_ += held_.conflated() - replaced;
  conflated_total_->add(held_.conflated() - replaced);
  if (b->upto) held_upto_ = b->upto;
  // A client that does not read its answers is not asked for more.
  if (is_answer(*b)) reply_held_ = true;
  set_brakes();
  if (held_.bytes() > config_.held_bytes && !held_.single()) cut_off();
}

void session_state::flush() {
  if (closed_) return;
  if (resuming_ && resuming_->piece) {
    go_on_resuming();
    if (closed_ || full_) return;
  }
  if (resuming_ && resuming_->at == stage::finishing) return;
  const auto before = held_.bytes();
  while (!held_.empty()) {
    const auto next = held_.front();
    if (!config_.client->send_frames(next)) {
      fill();
      break;
    }
    pushed_ += next.messages;
    held_.pop(subscriptions());
  }
  held_gauge_->add(static_cast<std::int64_t>(held_.bytes()) - static_cast<std::int64_t>(before));
  set_brakes();
  if (!held_.empty()) return;
  if (held_upto_) delivered_ = std::exchange(held_upto_, nullptr);
  if (std::exchange(reply_held_, false)) answered();
  look_for_alerts();
}

/// From where the client is to go on: everything before that is in the socket.
void session_state::cut_off() {
  cut_off_total_->add();
  std::string notice = "{\"ev\":\"gap\",\"cause\":\"too_slow\"";
  if (resuming_)
    notice += ",\"token\":\"" + resuming_->from + "\"";
  else if (delivered_ && config_.catch_up)
    notice += ",\"token\":\"" + config_.catch_up->tokens().encode(*delivered_) + "\"";
  const auto last = text_batch(notice + "}", batch::origin::live);
  closed_ = true;
  lane_->close();
  config_.client->close_slow(
      frames_of(*last), static_cast<std::uint16_t>(protocol::close::too_slow),
      "too slow: messages that may not be left out were waiting; connect again");
  self_->quit();
}

void session_state::close(protocol::close code, const std::string& reason) {
  closed_ = true;
  lane_->close();
  config_.client->close(static_cast<std::uint16_t>(code), reason);
  self_->quit();
}

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self,
                                     session_config config) {
  messages::install_handlers(self, session_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
