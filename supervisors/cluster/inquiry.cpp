#include "supervisors/cluster/inquiry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <caf/typed_response_promise.hpp>
#include <utility>

#include "messages/caf_compat.hpp"

namespace artham::supervisors {
namespace {

/// What is left of the time for the nodes' own work, the rest being for the way.
caf::timespan most_of(caf::timespan limit) {
  return limit * 8 / 10;
}

std::string reason_of(const caf::error& e) {
  if (e == caf::sec::request_timeout) return "does not answer";
  return messages::error_text(e);
}

}  // namespace

caf::result<messages::tree_node> inquiry::tree(caf::timespan limit) const {
  const auto top =
      state_ ? state_->get(&detail::control_state::tree) : messages::supervisor_actor();
  if (!top) return messages::to_caf({errc::unsupported, "this node has no tree to show"});
  auto answer = self_->make_response_promise<messages::tree_node>();
  self_->request(top, limit, messages::tree_atom::value, most_of(limit))
      .then([answer](messages::tree_node& t) mutable { answer.deliver(std::move(t)); },
            [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  return answer;
}

caf::result<std::string> inquiry::status() const {
  const auto status = state_ ? state_->get(&detail::control_state::status) : nullptr;
  if (!status) return messages::to_caf({errc::unsupported, "this node has no status to show"});
  return status();
}

caf::result<caf::ok_atom> inquiry::drain(const std::string& why) const {
  const auto drain = state_ ? state_->get(&detail::control_state::drain) : nullptr;
  if (!drain) return messages::to_caf({errc::unsupported, "this node cannot be told to hand over"});
  drain(why);
  return caf::ok_atom::value;
}

template <class All, class One, class Answer, class... Question>
caf::result<All> inquiry::everyone(Answer One::*field, caf::timespan limit,
                                   Question... question) const {
  struct gathering {
    All all;
    std::size_t open;
    caf::typed_response_promise<All> promise;

    void add(One one) {
      all.nodes.push_back(std::move(one));
      if (--open > 0) return;
      std::sort(all.nodes.begin(), all.nodes.end(),
                [](const One& a, const One& b) { return a.node < b.node; });
      promise.deliver(std::move(all));
    }
  };
  const auto gathered = std::make_shared<gathering>(
      gathering{{}, members_->peers().size() + 1, self_->template make_response_promise<All>()});
  const auto ask = [&](const std::string& node, const messages::node_control_actor& there) {
    self_->request(there, limit, question...)
        .then(
            [gathered, node, field](Answer& answer) {
              One one{node, {}, {}};
              one.*field = std::move(answer);
              gathered->add(std::move(one));
            },
            [gathered, node](caf::error& e) {
              gathered->add({node, reason_of(e), {}});
            });
  };
  ask(members_->me().node, messages::node_control_actor(self_));
  for (const auto& [node, p] : members_->peers()) {
    if (p.present()) {
      ask(node, p.handle);
    } else {
      gathered->add({node, "gone", {}});
    }
  }
  return gathered->promise;
}

caf::result<messages::cluster_trees> inquiry::trees(caf::timespan limit) const {
  return everyone<messages::cluster_trees>(&messages::node_tree::tree, limit,
                                           messages::tree_atom::value, most_of(limit));
}

caf::result<messages::cluster_statuses> inquiry::statuses(caf::timespan limit) const {
  return everyone<messages::cluster_statuses>(&messages::node_status::json, limit,
                                              messages::status_atom::value);
}

caf::result<caf::ok_atom> inquiry::drain(const std::string& node, const std::string& why) const {
  messages::node_control_actor there;
  if (node == members_->me().node) there = messages::node_control_actor(self_);
  const auto p = members_->peers().find(node);
  if (p != members_->peers().end()) there = p->second.handle;
  if (!there) {
    return messages::to_caf(
        {errc::not_found, fmt::format("there is no node \"{}\" in the cluster at present", node)});
  }
  auto answer = self_->make_response_promise<caf::ok_atom>();
  self_->request(there, std::chrono::seconds(3), messages::drain_atom::value, why)
      .then([answer](caf::ok_atom) mutable { answer.deliver(caf::ok_atom::value); },
            [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  return answer;
}

}  // namespace artham::supervisors
