#include "supervisors/supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "messages/caf_compat.hpp"
#include "supervisors/dynamic_supervisor.hpp"
#include "supervisors/static_supervisor.hpp"

namespace artham::supervisors {
namespace {

struct supervisor_state {
  static inline const char* name = "artham.supervisor";
  std::unique_ptr<nursery> children;
};

using make_nursery = std::function<std::unique_ptr<nursery>(supervisor_self::base&)>;

supervisor_self::behavior_type supervise(supervisor_self::stateful_pointer<supervisor_state> self,
                                         const make_nursery& make, runtime::metrics* metrics) {
  messages::install_handlers(self, supervisor_state::name, metrics);
  self->state.children = make(*self);
  auto* children = self->state.children.get();
  self->set_down_handler([children](caf::down_msg& down) { children->on_down(down); });
  self->set_exit_handler([children](caf::exit_msg& exit) {
    if (exit.reason) children->shut_down(std::move(exit.reason));
  });
  children->open();
  return {
      [children](messages::start_child_atom, messages::child_spec& spec) {
        return children->start_child(std::move(spec));
      },
      [children](messages::stop_child_atom, const std::string& id) {
        return children->stop_child(id);
      },
      [children](caf::subscribe_atom, const caf::actor& observer) {
        children->subscribe(observer);
      },
      [children](messages::tree_atom) { return children->tree(std::chrono::milliseconds(500)); },
      [children](messages::tree_atom, caf::timespan budget) { return children->tree(budget); },
      [children](caf::tick_atom, std::uint64_t ticket) { children->on_wake(ticket); },
  };
}

}  // namespace

messages::supervisor_actor spawn_supervisor(caf::actor_system& system, supervisor_options options,
                                            std::vector<messages::child_spec> children) {
  auto* metrics = options.metrics;
  make_nursery make = [options = std::move(options), children = std::move(children)](
                          supervisor_self::base& self) -> std::unique_ptr<nursery> {
    return std::make_unique<static_supervisor>(self, options, children);
  };
  return system.spawn(supervise, std::move(make), metrics);
}

messages::supervisor_actor spawn_dynamic_supervisor(caf::actor_system& system,
                                                    supervisor_options options) {
  auto* metrics = options.metrics;
  make_nursery make =
      [options = std::move(options)](supervisor_self::base& self) -> std::unique_ptr<nursery> {
    return std::make_unique<dynamic_supervisor>(self, options);
  };
  return system.spawn(supervise, std::move(make), metrics);
}

messages::child_spec nested_supervisor(std::string id, supervisor_options options,
                                       std::vector<messages::child_spec> children) {
  messages::child_spec spec;
  spec.id = std::move(id);
  spec.kind = messages::child_kind::supervisor;
  spec.factory =
      messages::make_factory([options = std::move(options),
                              children = std::move(children)](const messages::child_context& c) {
        return spawn_supervisor(c.system, options, children);
      });
  return spec;
}

messages::child_spec nested_dynamic_supervisor(std::string id, supervisor_options options) {
  messages::child_spec spec;
  spec.id = std::move(id);
  spec.kind = messages::child_kind::supervisor;
  spec.factory =
      messages::make_factory([options = std::move(options)](const messages::child_context& c) {
        return spawn_dynamic_supervisor(c.system, options);
      });
  return spec;
}

bool stop_and_wait(caf::actor_system& system, const caf::actor& who, duration limit) {
  caf::scoped_actor self{system};
  self->monitor(who);
  self->send_exit(who, caf::exit_reason::user_shutdown);
  bool ended = false;
  self->receive([&](caf::down_msg&) { ended = true; }, caf::after(limit) >> [] {});
  return ended;
}

}  // namespace artham::supervisors
