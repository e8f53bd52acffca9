#include "supervisors/cluster/control.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <utility>

#include "messages/caf_compat.hpp"
#include "supervisors/cluster/control_state.hpp"
#include "supervisors/cluster/wishes.hpp"

namespace artham::supervisors {
namespace detail {

std::uint64_t told_members::add(listener l) {
  const std::lock_guard lock(mutex_);
  for (const auto& [node, m] : present_) l({messages::member_change::joined, m});
  listeners_.emplace(++last_, std::move(l));
  return last_;
}

void told_members::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(id);
}

void told_members::tell(const messages::member_event& event) {
  const std::lock_guard lock(mutex_);
  switch (event.what) {
    case messages::member_change::joined:
    case messages::member_change::back:
      present_[event.who.node] = event.who;
      break;
    case messages::member_change::gone:
    case messages::member_change::forgotten:
      present_.erase(event.who.node);
      break;
  }
  for (const auto& [id, l] : listeners_) l(event);
}

namespace {

template <class Told>
subscription subscribe(const std::shared_ptr<control_state>& state, Told control_state::*field,
                       typename Told::listener l) {
  const auto id = ((*state).*field).add(std::move(l));
  return subscription([state, field, id] { ((*state).*field).remove(id); });
}

template <class Item>
void change(control_state& state, own_wishes<Item> control_state::*field, std::vector<Item> items) {
  messages::cluster_actor actor;
  {
    const std::lock_guard lock(state.mutex);
    auto& own = state.*field;
    if (own.number > 0 && own.items == items) return;
    own.items = std::move(items);
    ++own.number;
    actor = state.actor;
  }
  if (actor) caf::anon_send(actor, messages::wishes_atom::value);
}

/// Asks the actor that talks for this node and waits.
template <class Answer, class... Question>
result<Answer> ask(const control_state& state, std::chrono::nanoseconds limit,
                   const Question&... question) {
  const auto actor = state.get(&control_state::actor);
  if (!actor) return fail(errc::unavailable, "this node is not in a cluster at present");
  caf::scoped_actor self{actor.home_system()};
  result<Answer> out;
  self->request(actor, caf::timespan(limit), question...)
      .receive([&out](Answer& answer) { out = std::move(answer); },
               [&out](caf::error& e) { out = tl::unexpected(messages::error_of(e)); });
  return out;
}

/// Longer than what the asked nodes are given.
std::chrono::nanoseconds beyond(std::chrono::nanoseconds limit) {
  return limit + std::chrono::seconds(1);
}

}  // namespace
}  // namespace detail

control::control() : state_(std::make_shared<detail::control_state>()) {}
control::~control() = default;

void control::want(std::vector<std::uint32_t> tokens) {
  unite(tokens);
  detail::change(*state_, &detail::control_state::own_demand, std::move(tokens));
}

void control::watch(std::vector<messages::watched> wanted) {
  unite(wanted);
  detail::change(*state_, &detail::control_state::own_watch, std::move(wanted));
}

subscription control::on_demand(std::function<void(const std::vector<std::uint32_t>&)> listener) {
  return detail::subscribe(state_, &detail::control_state::demand, std::move(listener));
}

subscription control::on_watch(
    std::function<void(const std::vector<messages::watched>&)> listener) {
  return detail::subscribe(state_, &detail::control_state::watch, std::move(listener));
}

subscription control::on_member(std::function<void(const messages::member_event&)> listener) {
  return detail::subscribe(state_, &detail::control_state::members, std::move(listener));
}

void control::serve_tree(messages::supervisor_actor top) {
  state_->set(&detail::control_state::tree, std::move(top));
}

void control::serve_status(std::function<std::string()> status) {
  state_->set(&detail::control_state::status, std::move(status));
}

void control::serve_drain(std::function<void(const std::string&)> drain) {
  state_->set(&detail::control_state::drain, std::move(drain));
}

messages::cluster_actor control::actor() const {
  return state_->get(&detail::control_state::actor);
}

result<messages::member_list> control::members() const {
  return detail::ask<messages::member_list>(*state_, std::chrono::seconds(5),
                                            messages::members_atom::value);
}

result<std::map<std::string, result<messages::tree_node>>> control::trees(
    std::chrono::nanoseconds limit) const {
  auto answer = detail::ask<messages::cluster_trees>(
      *state_, detail::beyond(limit), messages::tree_atom::value, messages::everyone_atom::value,
      caf::timespan(limit));
  if (!answer) return tl::unexpected(answer.error());
  std::map<std::string, result<messages::tree_node>> out;
  for (auto& n : answer->nodes) {
    if (n.error.empty()) {
      out.emplace(n.node, std::move(n.tree));
    } else {
      out.emplace(n.node, fail(errc::unavailable, n.error));
    }
  }
  return out;
}

result<std::map<std::string, result<std::string>>> control::statuses(
    std::chrono::nanoseconds limit) const {
  auto answer = detail::ask<messages::cluster_statuses>(
      *state_, detail::beyond(limit), messages::status_atom::value, messages::everyone_atom::value,
      caf::timespan(limit));
  if (!answer) return tl::unexpected(answer.error());
  std::map<std::string, result<std::string>> out;
  for (auto& n : answer->nodes) {
    if (n.error.empty()) {
      out.emplace(n.node, std::move(n.json));
    } else {
      out.emplace(n.node, fail(errc::unavailable, n.error));
    }
  }
  return out;
}

result<void> control::drain(const std::string& node, const std::string& why) const {
  const auto answer = detail::ask<caf::ok_atom>(*state_, std::chrono::seconds(5),
                                                messages::drain_atom::value, node, why);
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

}  // namespace artham::supervisors
