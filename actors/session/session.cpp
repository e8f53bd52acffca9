#include "actors/session/session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "messages/protocol/key.hpp"

namespace artham::actors {

using messages::session_actor;
using protocol::code;

session_actor::behavior_type session_state::start(session_actor::pointer self,
                                                  session_config config) {
  self_ = self;
  config_ = std::move(config);
  hub_ = {config_.names, std::string(hub_name)};
  auto& m = *config_.metrics;
  conflated_total_ = &m.counter("artham_session_conflated_total",
                                "Values that a newer one replaced before a slow client took them.");
  commands_ = &m.counter("artham_session_commands_total", "Commands of clients.");
  sessions_ = &m.gauge("artham_sessions", "Clients connected.");
  sessions_->add(1);
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
      [this](const messages::pushes_ptr& list) {
        for (const auto& p : *list) push(p);
      },
  };
}

session_state::~session_state() {
  if (sessions_ != nullptr) sessions_->add(-1);
  if (const auto& hub = hub_.get())
    caf::anon_send(hub, messages::closed_atom_v, session_actor{self_});
  if (!closed_ && config_.client) {
    config_.client->close(static_cast<std::uint16_t>(protocol::close::going_away),
                          "the session ended");
  }
}

void session_state::on_command(const std::string& text) {
  commands_->add();
  const auto c = protocol::parse_command(text);
  if (!c) {
    refuse(c.error());
    return;
  }
  switch (c->what) {
    case protocol::command::op::sub:
      subscribe(*c);
      return;
    case protocol::command::op::unsub:
      unsubscribe(*c);
      return;
    case protocol::command::op::ping:
      reply("{\"id\":" + c->id + ",\"ok\":true,\"op\":\"pong\"}");
      return;
    case protocol::command::op::status:
      reply("{\"id\":" + c->id + ",\"ok\":true,\"status\":{\"subscriptions\":" +
            std::to_string(keys_.size()) + ",\"pushed\":" + std::to_string(pushed_) +
            ",\"conflated\":" + std::to_string(conflated_) + "}}");
      return;
  }
}

tl::expected<std::vector<messages::subscribe_request::wanted>, protocol::refusal>
session_state::resolve(const protocol::command& c) const {
  std::vector<messages::subscribe_request::wanted> found;
  for (const auto& text : c.keys) {
    const auto key = protocol::parse_key(text);
    if (!key)
      return tl::unexpected(protocol::refusal{c.id, code::bad_request, key.error().message});
    if (key->kind == protocol::key::what::chain) {
      const auto chain = resolve_chain(*key);
      if (!chain)
        return tl::unexpected(protocol::refusal{c.id, code::unknown_instrument,
                                                "key \"" + text + "\": " + chain.error()});
      found.push_back({*chain, text});
      continue;
    }
    const auto token = config_.instruments->token(key->instrument);
    if (!token) {
      return tl::unexpected(protocol::refusal{c.id, code::unknown_instrument,
                                              "unknown instrument \"" + key->instrument +
                                                  "\" in key \"" + text +
                                                  "\"; GET /v1/instruments lists them"});
    }
    if (key->kind == protocol::key::what::tick) {
      found.push_back({messages::tick_key(*token), text});
      continue;
    }
    if (key->kind == protocol::key::what::greeks) {
      if (!is_option(*token)) {
        return tl::unexpected(protocol::refusal{c.id, code::unknown_instrument,
                                                "key \"" + text + "\": " + key->instrument +
                                                    " is no option whose chain is followed here"});
      }
      found.push_back({messages::greeks_key(*token), text});
      continue;
    }
    const auto it = std::find(config_.timeframes.begin(), config_.timeframes.end(), key->timeframe);
    if (it == config_.timeframes.end()) {
      std::string offered;
      for (const auto& tf : config_.timeframes) offered += " " + market::to_string(tf);
      return tl::unexpected(protocol::refusal{c.id, code::unknown_timeframe,
                                              "timeframe " + market::to_string(key->timeframe) +
                                                  " of key \"" + text +
                                                  "\" is not built here; there are:" + offered});
    }
    found.push_back(
        {messages::bar_key(*token, static_cast<std::uint32_t>(it - config_.timeframes.begin())),
         text});
  }
  return found;
}

tl::expected<std::uint64_t, std::string> session_state::resolve_chain(
    const protocol::key& key) const {
  if (!config_.features) return tl::unexpected(std::string("features.enabled is false here"));
  const auto number = chain_board::number_of(*config_.features, key.instrument);
  if (!number) {
    return tl::unexpected("there is no chain of \"" + key.instrument +
                          "\"; GET /v1/chain lists them");
  }
  const auto& options = config_.features->chains().find(key.instrument)->second->options;
  const bool listed =
      std::ranges::any_of(options, [&](const auto& o) { return o.expiry == key.expiry; });
  if (listed) return messages::chain_key(*number, key.expiry);
  std::string offered;
  market::date before;
  for (const auto& o : options) {
    if (o.expiry != before) offered += " " + market::to_string(o.expiry);
    before = o.expiry;
  }
  return tl::unexpected("nothing of " + key.instrument + " expires then, but on" + offered);
}

bool session_state::is_option(std::uint32_t token) const {
  if (!config_.features) return false;
  return std::ranges::any_of(config_.features->group_of(token)->options,
                             [&](const auto& o) { return o.what.token == token; });
}

void session_state::subscribe(const protocol::command& c) {
  auto wanted = resolve(c);
  if (!wanted) {
    refuse(wanted.error());
    return;
  }
  auto after = keys_;
  for (const auto& w : *wanted) after.insert(w.key);
  if (after.size() > config_.max_subscriptions) {
    refuse({c.id, code::too_many_subscriptions,
            "at most " + std::to_string(config_.max_subscriptions) +
                " subscriptions a session; unsub some first"});
    return;
  }
  const auto& hub = hub_.get();
  if (!hub) {
    refuse({c.id, code::unavailable, "the hub is being restarted; try again"});
    return;
  }
  asked_.clear();
  std::set_difference(after.begin(), after.end(), keys_.begin(), keys_.end(),
                      std::back_inserter(asked_));
  keys_ = std::move(after);
  auto request = std::make_shared<messages::subscribe_request>();
  request->session = session_actor{self_};
  request->id = c.id;
  request->keys = std::move(*wanted);
  request->history = c.history;
  self_->send(hub, messages::subscribe_request_ptr(std::move(request)));
}

void session_state::unsubscribe(const protocol::command& c) {
  const auto wanted = resolve(c);
  if (!wanted) {
    refuse(wanted.error());
    return;
  }
  std::vector<std::uint64_t> gone;
  for (const auto& w : *wanted) {
    if (keys_.erase(w.key) != 0) gone.push_back(w.key);
    newest_.erase(w.key);
  }
  if (const auto& hub = hub_.get()) {
    self_->send(hub, messages::unsubscribe_atom_v, session_actor{self_}, std::move(gone));
  }
  reply("{\"id\":" + c.id + ",\"ok\":true}");
}

void session_state::refuse(const protocol::refusal& r) {
  reply(protocol::error_reply(r));
}

void session_state::reply(std::string text) {
  push({std::make_shared<const std::string>(std::move(text)), 0, false, true});
}

void session_state::push(const messages::push& p) {
  if (closed_) return;
  if (p.refused) {
    for (const auto key : asked_) keys_.erase(key);
  }
  // What was on its way when the client gave a key back.
  if (p.key != 0 && !keys_.contains(p.key)) return;
  if (!full_) {
    full_ = !config_.client->send(p.frame);
    if (!full_) {
      ++pushed_;
      if (p.reply) config_.client->next_command();
      return;
    }
  }
  if (p.replaceable) {
    const bool replaced = !newest_.insert_or_assign(p.key, p.frame).second;
    if (replaced) {
      ++conflated_;
      conflated_total_->add();
    }
  } else if (held_.size() < config_.held_at_most) {
    held_.push_back(p.frame);
    // A finished bar makes the unfinished one that waits worthless.
    newest_.erase(p.key);
  } else {
    closed_ = true;
    config_.client->close(static_cast<std::uint16_t>(protocol::close::too_slow),
                          "too slow: messages that may not be dropped were waiting; connect again");
    self_->quit();
    return;
  }
  // A client that does not read its answers is not asked for more.
  reply_held_ = reply_held_ || p.reply;
}

void session_state::flush() {
  while (!full_ && !held_.empty()) {
    full_ = !config_.client->send(held_.front());
    if (!full_) {
      held_.pop_front();
      ++pushed_;
    }
  }
  while (!full_ && !newest_.empty()) {
    full_ = !config_.client->send(newest_.begin()->second);
    if (!full_) {
      newest_.erase(newest_.begin());
      ++pushed_;
    }
  }
  if (held_.empty() && std::exchange(reply_held_, false)) config_.client->next_command();
}

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self,
                                     session_config config) {
  messages::install_handlers(self, session_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
