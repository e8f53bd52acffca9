#include "actors/session/ticker_session.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/session/key_parts.hpp"
#include "actors/session/packet_frames.hpp"
#include "actors/session/session.hpp"
#include "messages/caf_compat.hpp"
#include "messages/protocol/command.hpp"
#include "messages/protocol/frame.hpp"

namespace artham::actors {

using messages::batch;
using protocol::ticker_mode;

namespace {

/// Tokens that one complaint names.
constexpr std::size_t named_at_most = 50;

std::string text_frame(std::string_view text) {
  std::string frame;
  protocol::append_frame(frame, protocol::opcode::text, text);
  return frame;
}

messages::frames one_frame(std::string bytes) {
  const auto size = bytes.size();
  return {std::make_shared<const std::string>(std::move(bytes)), 0, size, 1};
}

std::string unknown_tokens(const std::vector<std::uint32_t>& tokens) {
  std::string text = "unknown instrument token ";
  for (std::size_t i = 0; i < std::min(tokens.size(), named_at_most); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(tokens[i]);
  }
  if (tokens.size() > named_at_most)
    text += " and " + std::to_string(tokens.size() - named_at_most) + " more";
  return text + ": /kite/instruments lists those that there are";
}

}  // namespace

ticker_session_actor::behavior_type ticker_session_state::start(ticker_session_actor::pointer self,
                                                                ticker_session_config config) {
  self_ = self;
  config_ = std::move(config);
  hub_ = {config_.source.names, std::string(hub_name)};
  auto& m = *config_.metrics;
  commands_ = &m.counter("artham_ticker_commands_total", "Commands of Kite clients.");
  complaints_ =
      &m.counter("artham_ticker_complaints_total", "Error messages that Kite clients were told.");
  packets_ = &m.counter("artham_ticker_packets_total", "Packets that Kite clients' sockets took.");
  heartbeats_ = &m.counter("artham_ticker_heartbeats_total", "Heartbeats sent to Kite clients.");
  conflated_ = &m.counter("artham_ticker_conflated_total",
                          "Packets that a newer one of the instrument replaced before a slow Kite "
                          "client took them.");
  cut_off_total_ = &m.counter("artham_ticker_cut_off_total",
                              "Kite clients that were closed as too much waited for them.");
  sessions_ = &m.gauge("artham_ticker_sessions", "Kite clients connected.");
  held_gauge_ = &m.gauge("artham_ticker_held_bytes",
                         "What waits in sessions for Kite clients that do not read.");
  sessions_->add(1);
  if (config_.pulse)
    caf::anon_send(config_.pulse, messages::open_atom_v,
                   caf::actor_cast<caf::actor>(ticker_session_actor{self_}));
  return {
      [this](messages::command_atom, const std::string& text) { on_command(text); },
      [this](messages::drained_atom) {
        full_ = false;
        flush();
      },
      [this](messages::closed_atom) {
        closed_ = true;
        self_->quit();
      },
      [this](const messages::batch_ptr& b) { on_batch(b); },
      // Nothing is asked for that these would answer.
      [](messages::status_atom, const std::string&, const messages::key_counts_ptr&) {},
      [](const messages::missed_ptr&) {},
      [](messages::ready_atom) {},
      [](const messages::found_alerts_ptr&) {},
      [](const messages::replay_over_ptr&) {},
      [this](messages::tick_atom) { on_pulse(); },
  };
}

ticker_session_state::~ticker_session_state() {
  if (sessions_ != nullptr) {
    sessions_->add(-1);
    held_gauge_->add(-static_cast<std::int64_t>(held_.bytes()));
  }
  if (const auto& hub = hub_.get())
    caf::anon_send(hub, messages::closed_atom_v, messages::session_actor{self_});
  if (!closed_ && config_.client) {
    config_.client->close(static_cast<std::uint16_t>(protocol::close::going_away),
                          "the session ended");
  }
}

void ticker_session_state::on_command(const std::string& text) {
  if (closed_) return;
  commands_->add();
  const auto c = protocol::parse_ticker_command(text);
  if (!c) {
    complain(c.error());
    answered();
    return;
  }
  if (!hub_.get()) {
    complain("the hub is being restarted; subscribe again");
    answered();
    return;
  }
  if (c->what == protocol::ticker_command::action::unsubscribe)
    unsubscribe(*c);
  else
    subscribe(*c);
}

void ticker_session_state::subscribe(const protocol::ticker_command& c) {
  const bool sets_mode = c.what == protocol::ticker_command::action::set_mode;
  auto request = std::make_shared<messages::subscribe_request>();
  request->session = messages::session_actor{self_};
  request->format = messages::format::kite;
  std::vector<std::uint32_t> unknown;
  std::size_t beyond = 0;
  for (const auto token : c.tokens) {
    const auto it = modes_.find(token);
    if (it != modes_.end() && (!sets_mode || it->second == c.mode)) continue;
    if (it == modes_.end() && !config_.source.instruments->has(token)) {
      unknown.push_back(token);
      continue;
    }
    if (it == modes_.end() && modes_.size() >= config_.max_tokens) {
      ++beyond;
      continue;
    }
    modes_[token] = c.mode;
    request->keys.push_back({messages::tick_key(token), {}, 0, false, c.mode});
  }
  if (!unknown.empty()) complain(unknown_tokens(unknown));
  if (beyond != 0) {
    complain(std::to_string(beyond) + " instruments are beyond the limit of " +
             std::to_string(config_.max_tokens) + " per connection (web.kite_tokens)");
  }
  if (closed_) return;
  if (request->keys.empty()) {
    answered();
    return;
  }
  // In order, so that whoever keeps them need not move what is there.
  std::ranges::sort(request->keys, {}, &messages::subscribe_request::wanted::key);
  self_->send(hub_.get(), messages::subscribe_request_ptr(std::move(request)));
}

void ticker_session_state::unsubscribe(const protocol::ticker_command& c) {
  auto request = std::make_shared<messages::unsubscribe_request>();
  request->session = messages::session_actor{self_};
  request->format = messages::format::kite;
  const auto before = held_.bytes();
  for (const auto token : c.tokens) {
    if (modes_.erase(token) == 0) continue;
    held_.drop(token);
    request->keys.push_back(messages::tick_key(token));
  }
  on_held(before);
  if (request->keys.empty())
    answered();
  else
    self_->send(hub_.get(), messages::unsubscribe_request_ptr(std::move(request)));
}

void ticker_session_state::complain(std::string_view what) {
  if (closed_) return;
  complaints_->add();
  auto frame = text_frame(protocol::ticker_error(what));
  if (!behind() && send(one_frame(frame))) return;
  const auto before = held_.bytes();
  held_.keep(std::move(frame));
  on_held(before);
}

void ticker_session_state::answered() {
  answer_owed_ = held_.keeps();
  if (!answer_owed_ && !closed_) config_.client->next_command();
}

void ticker_session_state::on_batch(const messages::batch_ptr& b) {
  if (closed_) return;
  if (!b->items.empty()) {
    if (!behind() && send({b->bytes, 0, b->bytes->size(), frames_of_packets(b->items.size())})) {
      packets_->add(b->items.size());
      spoke_ = true;
    } else {
      hold(*b);
    }
  }
  if (b->source != batch::origin::live) answered();
}

void ticker_session_state::on_pulse() {
  if (std::exchange(spoke_, false) || closed_ || behind()) return;
  if (send(one_frame(heartbeat_frame()))) heartbeats_->add();
}

bool ticker_session_state::send(messages::frames some) {
  full_ = !config_.client->send_frames(std::move(some));
  return !full_;
}

void ticker_session_state::hold(const messages::batch& b) {
  const auto before = held_.bytes();
  if (config_.source.replay) {
    held_.keep_packets(*b.bytes, b.items.size());
    on_held(before);
    return;
  }
  std::size_t left_out = 0;
  for (const auto& i : b.items) {
    const auto token = token_of(i.key);
    // What was on its way when the client gave it back.
    if (!modes_.contains(token)) continue;
    if (held_.put(token, std::string_view(*b.bytes).substr(i.offset, i.size))) ++left_out;
  }
  conflated_->add(left_out);
  on_held(before);
}

void ticker_session_state::on_held(std::size_t before) {
  held_gauge_->add(static_cast<std::int64_t>(held_.bytes()) - static_cast<std::int64_t>(before));
  set_brake();
  if (held_.bytes() > config_.held_bytes) cut_off();
}

void ticker_session_state::set_brake() {
  if (!config_.source.replay) return;
  if (held_.empty())
    brake_.reset();
  else if (!brake_)
    brake_ = config_.source.replay->brake().hold();
}

void ticker_session_state::flush() {
  if (closed_) return;
  const auto before = held_.bytes();
  while (!held_.empty()) {
    const auto packets = held_.front_packets();
    if (!send(held_.front())) break;
    held_.pop();
    packets_->add(packets);
    spoke_ = spoke_ || packets != 0;
  }
  held_gauge_->add(static_cast<std::int64_t>(held_.bytes()) - static_cast<std::int64_t>(before));
  set_brake();
  if (answer_owed_) answered();
}

void ticker_session_state::cut_off() {
  cut_off_total_->add();
  closed_ = true;
  const std::string why = "too slow: more waited than may; connect again";
  config_.client->close_slow(one_frame(text_frame(protocol::ticker_error(why))),
                             static_cast<std::uint16_t>(protocol::close::too_slow), why);
  self_->quit();
}

ticker_session_actor::behavior_type ticker_session(
    ticker_session_actor::stateful_pointer<ticker_session_state> self,
    ticker_session_config config) {
  messages::install_handlers(self, ticker_session_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
