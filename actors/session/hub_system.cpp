#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/session/hub.hpp"
#include "messages/protocol/frame.hpp"
#include "runtime/clock.hpp"

namespace artham::actors {

using messages::batch;
using std::chrono::milliseconds;

namespace {

/// Changes are told so often at most.
constexpr milliseconds system_pause{250};
/// Whoever knows more is asked this often, while somebody wants to know.
constexpr std::chrono::seconds between_questions{1};
/// An answer that did not come by then does not come.
constexpr std::chrono::seconds answer_patience{5};

}  // namespace

bool hub_state::knows_system() const {
  return !config_.ask_system || system_.has_members();
}

void hub_state::ask_system() {
  if (!config_.ask_system) return;
  const auto time = now();
  const std::chrono::milliseconds pause = system_waits_ ? answer_patience : between_questions;
  if (system_asked_ && time - *system_asked_ < pause) return;
  system_asked_ = time;
  system_waits_ = true;
  config_.ask_system([me = messages::hub_actor{self_}](std::string members) {
    auto state = std::make_shared<messages::system_state>();
    state->members = std::move(members);
    caf::anon_send(me, messages::system_state_ptr(std::move(state)));
  });
}

void hub_state::on_system(const messages::system_state& state) {
  system_waits_ = false;
  system_.take_members(state.members);
  std::vector<std::uint64_t> waiting;
  for (auto& entry : pending_) {
    entry.second.system_there = true;
    waiting.push_back(entry.first);
  }
  for (const auto id : waiting) complete_if_ready(id);
}

void hub_state::watch_system() {
  if (std::exchange(looks_at_system_, true)) return;
  self_->delayed_send(messages::hub_actor{self_}, system_pause, messages::timeout_atom_v,
                      system_timer);
}

std::string hub_state::system_json() {
  system_.set_feed_live(values_->is_feed_live());
  const auto time = values_->market_time();
  system_.set_in_session(time == 0 || config_.instruments->in_session(time));
  return system_.json();
}

void hub_state::look_at_system() {
  looks_at_system_ = false;
  if (!out_.has(messages::system_key)) return;
  ask_system();
  const auto json = system_json();
  if (system_.is_due(now())) {
    out_.publish(
        messages::system_key, batch::kind::value, now(),
        [&](std::string& to, const message_style& style) { append_system(to, style, json); });
    flush_soon();
  }
  watch_system();
}

void hub_state::append_system(std::string& to, const message_style& style, std::string_view json) {
  protocol::append_frame(to, protocol::opcode::text,
                         system_event(style.quoted, runtime::utc_now(), json));
}

}  // namespace artham::actors
