#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>

#include "messages/caf_compat.hpp"
#include "messages/directory.hpp"
#include "messages/supervision.hpp"

namespace artham::actors {

/// How an actor has a dynamic supervisor start children for it, whose child_events it then gets.
class dynamic_children {
 public:
  dynamic_children() = default;
  /// `supervisor` is its name in the directory.
  dynamic_children(std::shared_ptr<const messages::directory> names, std::string_view supervisor)
      : supervisor_(std::move(names), std::string(supervisor)), name_(supervisor) {}

  /// The child's event tells when it is there. Throws when the supervisor is not.
  template <class Self>
  void ask_for(Self* self, messages::child_spec spec) {
    const auto& supervisor = supervisor_.get();
    if (!supervisor) throw std::runtime_error("the supervisor " + name_ + " is not there");
    if (supervisor.address() != observed_) {
      observed_ = supervisor.address();
      self->send(supervisor, caf::subscribe_atom_v, caf::actor_cast<caf::actor>(self));
    }
    self->request(supervisor, caf::infinite, messages::start_child_atom_v, std::move(spec))
        .then([](const caf::actor&) {},
              [](const caf::error& e) { throw messages::failure(messages::error_of(e)); });
  }

 private:
  messages::peer<messages::supervisor_actor> supervisor_{nullptr, ""};
  std::string name_;
  caf::actor_addr observed_;
};

}  // namespace artham::actors
