#pragma once

#include <memory>
#include <string>

#include <caf/timespan.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "messages/cluster.hpp"
#include "supervisors/cluster/control_state.hpp"
#include "supervisors/cluster/membership.hpp"

namespace artham::supervisors {

/// Answers for this node, and gathers the answers of all.
class inquiry {
 public:
  inquiry(node_self::pointer self, const membership& members,
          std::shared_ptr<detail::control_state> state)
      : self_(self), members_(&members), state_(std::move(state)) {}

  [[nodiscard]] caf::result<messages::tree_node> tree(caf::timespan limit) const;
  [[nodiscard]] caf::result<std::string> status() const;
  [[nodiscard]] caf::result<caf::ok_atom> drain(const std::string& why) const;

  [[nodiscard]] caf::result<messages::cluster_trees> trees(caf::timespan limit) const;
  [[nodiscard]] caf::result<messages::cluster_statuses> statuses(caf::timespan limit) const;
  [[nodiscard]] caf::result<caf::ok_atom> drain(const std::string& node,
                                                const std::string& why) const;

 private:
  template <class All, class One, class Answer, class... Question>
  [[nodiscard]] caf::result<All> everyone(Answer One::*field, caf::timespan limit,
                                          Question... question) const;

  node_self::pointer self_;
  const membership* members_;
  std::shared_ptr<detail::control_state> state_;
};

}  // namespace artham::supervisors
