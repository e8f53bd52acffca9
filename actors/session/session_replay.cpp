#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/session.hpp"
#include "messages/protocol/frame.hpp"
#include "messages/protocol/json.hpp"

namespace artham::actors {

using messages::batch;
using protocol::code;

namespace {

/// `ID` of `replay:ID:…`; empty: a key of live data.
std::string_view replay_of(std::string_view key) {
  if (!key.starts_with(replay_prefix)) return {};
  const auto rest = key.substr(replay_prefix.size());
  return rest.substr(0, rest.find(':'));
}

tl::unexpected<protocol::refusal> no(code why, std::string message) {
  return tl::unexpected(protocol::refusal{"null", why, std::move(message)});
}

}  // namespace

session_state::place_or_refusal session_state::find_place(const protocol::command& c, bool joins) {
  const auto is_live = [](const std::string& key) { return !key.starts_with(replay_prefix); };
  if (!std::ranges::all_of(c.keys, is_live)) return find_in_replay(c, joins);
  auto keys = config_.keys->resolve(c.keys, config_.max_subscriptions);
  if (!keys) return tl::unexpected(keys.error());
  return place{0, hub_.get(), std::move(*keys)};
}

session_state::place_or_refusal session_state::find_in_replay(const protocol::command& c,
                                                              bool joins) {
  const auto id = replay_of(c.keys.front());
  const auto other =
      std::ranges::find_if(c.keys, [&](const std::string& key) { return replay_of(key) != id; });
  if (other != c.keys.end() || id.empty()) {
    return no(code::bad_request, "\"" + (other != c.keys.end() ? *other : c.keys.front()) +
                                     "\": a command has keys of live data or of one replay, as "
                                     "replay:ID:bar:EXCHANGE:SYMBOL:TIMEFRAME; send several");
  }
  if (c.from || c.tokens_ms) {
    return no(code::bad_request,
              "nothing of a replay can be gone on with: subscribe without \"from\" and \"tokens\"");
  }
  const auto line = config_.replays ? config_.replays->find(id) : nullptr;
  if (!line) {
    return no(code::bad_request, "there is no replay \"" + std::string(id) +
                                     "\"; POST /v1/replays starts one, GET /v1/replays lists them");
  }
  std::vector<std::string> texts;
  for (const auto& key : c.keys) {
    const auto prefix = line->prefix();
    if (!key.starts_with(prefix)) {
      return no(code::bad_request, "\"" + key + "\" is no key of a replay: " + prefix +
                                       "bar:EXCHANGE:SYMBOL:TIMEFRAME, or " + prefix + "clock");
    }
    texts.push_back(key.substr(prefix.size()));
  }
  auto keys = line->resolve(texts, config_.max_subscriptions, config_.owner);
  if (!keys) return tl::unexpected(keys.error());
  for (auto& k : *keys) k.key = messages::in_space(k.key, line->space());
  auto part = replays_.find(line->space());
  if (part == replays_.end()) {
    messages::peer<messages::hub_actor> hub(line->names(), std::string(hub_name));
    if (!joins) return place{line->space(), hub.get(), std::move(*keys)};
    if (!line->join(messages::session_actor{self_}))
      return no(code::bad_request, "replay \"" + std::string(id) + "\" is over");
    part = replays_.try_emplace(line->space(), replay_part{line, std::move(hub), nullptr}).first;
    set_brakes();
  }
  return place{line->space(), part->second.hub.get(), std::move(*keys)};
}

void session_state::on_replay_over(const messages::replay_over& over) {
  const auto part = replays_.find(over.space);
  if (closed_ || part == replays_.end()) return;
  replays_.erase(part);
  for (auto it = keys_.begin(); it != keys_.end();) {
    if (messages::space_of(it->first) != over.space) {
      ++it;
      continue;
    }
    const auto before = held_.bytes();
    held_.drop(it->first);
    held_gauge_->add(static_cast<std::int64_t>(held_.bytes()) - static_cast<std::int64_t>(before));
    it = keys_.erase(it);
    --subscribed_;
  }
  std::erase_if(asked_, [&](std::uint64_t key) { return messages::space_of(key) == over.space; });
  std::string text = "{\"ev\":\"replay\",\"key\":\"" + std::string(replay_prefix) + over.id +
                     "\",\"state\":\"" + over.state + "\",\"cause\":";
  protocol::append_text(text, over.cause);
  event(text + "}");
  if (!awaited_) return;
  const auto [id, space] = *awaited_;
  if (!counting_.empty()) {
    // Its hub counts nothing any more.
    const bool asked = counting_.back() == over.space;
    std::erase(counting_, over.space);
    if (asked) ask_next();
  } else if (space == over.space) {
    refuse({id, code::bad_request, "replay \"" + over.id + "\" is over"});
  }
}

void session_state::leave(replay_part& r) {
  r.line->leave(self_->address());
  if (const auto& hub = r.hub.get())
    caf::anon_send(hub, messages::closed_atom_v, messages::session_actor{self_});
}

void session_state::leave_replays() {
  for (auto& entry : replays_) leave(entry.second);
  replays_.clear();
}

void session_state::leave_unused() {
  for (auto it = replays_.begin(); it != replays_.end();) {
    const bool used = std::ranges::any_of(
        keys_, [&](const auto& k) { return messages::space_of(k.first) == it->first; });
    if (used) {
      ++it;
    } else {
      leave(it->second);
      it = replays_.erase(it);
    }
  }
}

void session_state::set_brakes() {
  for (auto& [space, r] : replays_) {
    if (held_.empty()) {
      r.brake.reset();
    } else if (!r.brake) {
      r.brake = r.line->brake().hold();
    }
  }
}

}  // namespace artham::actors
