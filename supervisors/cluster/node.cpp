#include "supervisors/cluster/node.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <random>
#include <utility>

#include "messages/caf_compat.hpp"
#include "messages/network.hpp"
#include "messages/tls_errors.hpp"
#include "runtime/log.hpp"
#include "supervisors/cluster/admission.hpp"
#include "supervisors/cluster/exchange.hpp"
#include "supervisors/cluster/inquiry.hpp"
#include "supervisors/cluster/membership.hpp"

namespace artham::supervisors {
namespace {

/// No pending message of the actor may hold up the end of the program.
constexpr std::chrono::milliseconds tick_interval{25};

struct node_state {
  static inline const char* name = "artham.cluster";
  explicit node_state(node_self::pointer actor) : self(actor) {}
  ~node_state() {
    if (control && control->get(&detail::control_state::actor) == self) {
      control->set(&detail::control_state::actor, messages::cluster_actor());
    }
    // Port 0: whichever it is published at, or will be by a request that is under way.
    if (network) {
      caf::anon_send(network, caf::unpublish_atom::value, self->address(), std::uint16_t{0});
    }
  }
  node_state(const node_state&) = delete;
  node_state& operator=(const node_state&) = delete;

  node_self::pointer self;
  std::shared_ptr<detail::control_state> control;
  caf::io::middleman_actor network;
  std::unique_ptr<membership> members;
  std::unique_ptr<exchange> wishes;
};

void listen(node_self::stateful_pointer<node_state> self, const messages::member& me) {
  auto& system = self->system();
  self->request(self->state.network, std::chrono::seconds(5), caf::publish_atom::value, me.port,
                caf::actor_cast<caf::strong_actor_ptr>(self),
                system.message_types(caf::detail::type_list<messages::node_control_actor>{}),
                me.address, true)
      .then(
          [self](std::uint16_t port) {
            self->state.members->open(port);
            runtime::log().info("cluster: this is {} of cluster \"{}\"",
                                describe(self->state.members->me()),
                                self->state.members->me().cluster);
          },
          [self, me](caf::error& e) {
            throw messages::failure(
                {errc::conflict,
                 fmt::format("cannot listen at {}:{} ({}); give cluster.address an address of this "
                             "host and cluster.port a port that is free",
                             me.address, me.port, messages::error_text(e))});
          });
}

node_self::behavior_type cluster_node(node_self::stateful_pointer<node_state> self,
                                      const cluster_node_options& options) {
  messages::install_handlers(self, node_state::name, options.metrics);
  auto& state = self->state;
  state.network = messages::network_of(self->system());
  if (self->system().has_openssl_manager()) messages::clear_tls_errors_of(self->system());
  if (options.control) state.control = options.control->state();
  state.members = std::make_unique<membership>(
      self, options, [&state](const messages::member_event& event, const peer& p) {
        state.wishes->on_member(event, p);
      });
  state.wishes = std::make_unique<exchange>(self, *state.members, options.times, state.control);
  if (state.control) {
    state.control->set(&detail::control_state::actor, messages::cluster_actor(self));
  }
  self->set_down_handler([&state](caf::down_msg& down) { state.members->on_down(down); });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    if (!exit.reason) return;
    self->state.members->leave();
    self->quit(std::move(exit.reason));
  });
  listen(self, options.self);
  self->send(self, caf::tick_atom::value);
  const inquiry ask(self, *state.members, state.control);
  return {
      [&state](messages::hello_atom, const messages::member& who) {
        return state.members->on_hello(who);
      },
      [&state](messages::members_atom, const messages::member& who) {
        state.members->hear_of(who);
      },
      [&state](messages::bye_atom, const std::string& why) { state.members->on_bye(why); },
      [&state](messages::demand& d) { state.wishes->on_demand(std::move(d)); },
      [&state](messages::watch& w) { state.wishes->on_watch(std::move(w)); },
      [ask](messages::tree_atom, caf::timespan limit) { return ask.tree(limit); },
      [ask](messages::status_atom) { return ask.status(); },
      [ask](messages::drain_atom, const std::string& why) { return ask.drain(why); },
      [&state](caf::subscribe_atom, const caf::actor& observer) {
        state.members->subscribe(observer);
      },
      [&state](messages::members_atom) { return state.members->list(); },
      [ask](messages::tree_atom, messages::everyone_atom, caf::timespan limit) {
        return ask.trees(limit);
      },
      [ask](messages::status_atom, messages::everyone_atom, caf::timespan limit) {
        return ask.statuses(limit);
      },
      [ask](messages::drain_atom, const std::string& node, const std::string& why) {
        return ask.drain(node, why);
      },
      [self](caf::tick_atom) {
        const auto now = self->clock().now();
        self->state.members->tick(now);
        self->state.wishes->tick(now);
        self->delayed_send(self, tick_interval, caf::tick_atom::value);
      },
      [&state](messages::wishes_atom) { state.wishes->on_own(); },
      [&state](messages::probed_atom, const std::string& place, const std::string& address,
               const std::string& error) { state.members->on_probed(place, address, error); },
  };
}

}  // namespace

std::string make_life() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) out += fmt::format("{:08x}", random());
  return out;
}

messages::cluster_actor spawn_cluster_node(caf::actor_system& system,
                                           cluster_node_options options) {
  if (options.self.life.empty()) options.self.life = make_life();
  return system.spawn(cluster_node, std::move(options));
}

messages::child_spec cluster_node_child(cluster_node_options options) {
  if (options.self.life.empty()) options.self.life = make_life();
  messages::child_spec spec;
  spec.id = "cluster";
  spec.factory =
      messages::make_factory([options = std::move(options)](const messages::child_context& c) {
        return spawn_cluster_node(c.system, options);
      });
  return spec;
}

}  // namespace artham::supervisors
