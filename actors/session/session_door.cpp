#include "actors/session/session_door.hpp"

#include <cstdint>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include "messages/caf_compat.hpp"
#include "messages/supervision.hpp"

namespace artham::actors {

namespace {

struct open_request {
  std::shared_ptr<const messages::directory> names;
  session_door::spawner spawn;
  session_door::opened done;
};
using open_request_ptr = std::shared_ptr<open_request>;

}  // namespace

}  // namespace artham::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::actors::open_request_ptr)

namespace artham::actors {

namespace {

/// The socket's handle on a session actor.
class session_port final : public messages::session {
 public:
  explicit session_port(messages::session_actor actor) : actor_(std::move(actor)) {}
  void on_command(std::string text) override {
    caf::anon_send(actor_, messages::command_atom_v, std::move(text));
  }
  void on_binary_command(std::string bytes) override { on_command(std::move(bytes)); }
  void on_drained() override { caf::anon_send(actor_, messages::drained_atom_v); }
  void on_closed() override { caf::anon_send(actor_, messages::closed_atom_v); }

 private:
  messages::session_actor actor_;
};

struct doorman_state {
  static inline const char* name = "artham.doorman";
  std::uint64_t next = 1;
};

caf::behavior doorman(caf::stateful_actor<doorman_state>* self, const std::string& prefix) {
  messages::install_handlers(self, doorman_state::name);
  return {
      [=](const open_request_ptr& request) {
        const auto supervisor =
            caf::actor_cast<messages::supervisor_actor>(request->names->find(sessions_name));
        if (!supervisor) {
          request->done(fail(errc::unavailable, "the gateway is starting or stopping"));
          return;
        }
        messages::child_spec spec;
        spec.id = prefix + std::to_string(self->state.next++);
        spec.restart = messages::restart::temporary;
        spec.factory = messages::make_factory(
            [spawn = std::move(request->spawn)](const messages::child_context& context) {
              return spawn(context.system);
            });
        self->request(supervisor, caf::infinite, messages::start_child_atom_v, std::move(spec))
            .then(
                [request](const caf::actor& handle) {
                  request->done(std::shared_ptr<messages::session>(std::make_shared<session_port>(
                      caf::actor_cast<messages::session_actor>(handle))));
                },
                [request](const caf::error& e) {
                  request->done(tl::unexpected(messages::error_of(e)));
                });
      },
  };
}

}  // namespace

session_door::session_door(caf::actor_system& system, std::string prefix)
    : doorman_(system.spawn(doorman, std::move(prefix))) {}

session_door::~session_door() {
  caf::anon_send_exit(doorman_, caf::exit_reason::user_shutdown);
}

void session_door::open(std::shared_ptr<const messages::directory> names, spawner spawn,
                        opened done) {
  caf::anon_send(doorman_, std::make_shared<open_request>(
                               open_request{std::move(names), std::move(spawn), std::move(done)}));
}

}  // namespace artham::actors
