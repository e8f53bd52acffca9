#include "actors/session/replay_lines.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "actors/session/key_parts.hpp"

namespace artham::actors {

tl::expected<std::vector<key_resolver::resolved>, protocol::refusal> replay_line::resolve(
    const std::vector<std::string>& texts, std::size_t at_most, std::string_view owner) const {
  const auto no = [](std::string why) {
    return tl::unexpected(protocol::refusal{"null", protocol::code::bad_request, std::move(why)});
  };
  std::vector<key_resolver::resolved> found;
  for (const auto& text : texts) {
    if (text == replay_clock) {
      found.push_back({messages::clock_key, prefix() + text});
      continue;
    }
    if (text == replay_alerts_name) {
      if (!parts_.alerts) return no("there are no alerts here: alerts.enabled is false");
      if (owner != parts_.owner)
        return no("\"" + prefix() + text + "\": alerts are told to who has started the replay");
      found.push_back({alerts_key, prefix() + text});
      continue;
    }
    if (text == "system")
      return no("a replay has no key \"system\": " + prefix() + "clock tells where it is");
    auto some = parts_.keys->resolve({text}, at_most);
    if (!some) return tl::unexpected(some.error());
    for (auto& one : *some) found.push_back({one.key, prefix() + one.text});
  }
  if (found.size() <= at_most) return found;
  return tl::unexpected(protocol::refusal{"null", protocol::code::too_many_subscriptions,
                                          "the keys stand for more than " +
                                              std::to_string(at_most) +
                                              ", which is what a session may "
                                              "subscribe"});
}

bool replay_line::join(const messages::session_actor& who) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  members_.insert(who.address());
  return true;
}

void replay_line::leave(const caf::actor_addr& who) {
  const std::lock_guard lock(mutex_);
  members_.erase(who);
}

std::size_t replay_line::members() const {
  const std::lock_guard lock(mutex_);
  return std::max<std::size_t>(members_.size(), known_);
}

void replay_line::close(const std::string& state, const std::string& cause) {
  std::set<caf::actor_addr> told;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    told.swap(members_);
  }
  const messages::replay_over_ptr over = std::make_shared<const messages::replay_over>(
      messages::replay_over{parts_.space, parts_.id, state, cause});
  for (const auto& member : told) {
    if (const auto who = caf::actor_cast<messages::session_actor>(member))
      caf::anon_send(who, over);
  }
}

void replay_lines::put(replay_line_ptr line) {
  const std::lock_guard lock(mutex_);
  auto id = line->id();
  lines_.insert_or_assign(std::move(id), std::move(line));
}

void replay_lines::remove(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (const auto it = lines_.find(id); it != lines_.end()) lines_.erase(it);
}

replay_line_ptr replay_lines::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto it = lines_.find(id);
  return it == lines_.end() ? nullptr : it->second;
}

}  // namespace artham::actors
