#pragma once

#include <doctest/doctest.h>

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "messages/caf_compat.hpp"
#include "messages/supervision.hpp"
#include "runtime/log.hpp"
#include "supervisors/supervisor.hpp"
#include "tests/support/deterministic.hpp"

namespace artham::test {

using namespace std::chrono_literals;
namespace msg = artham::messages;
namespace sup = artham::supervisors;

/// What happened to the workers, in order: "+a1" when life 1 of a was made, "-a1" when it ended.
class story {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  /// All since the last call, joined by blanks.
  std::string take() {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& e : std::exchange(events_, {})) out += (out.empty() ? "" : " ") + e;
    return out;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> events_;
};

struct worker_state {
  static inline const char* name = "test.worker";
  ~worker_state() {
    if (tale) tale->add("-" + life);
  }
  std::shared_ptr<story> tale;
  std::string life;
};

/// Throws any text it gets, ends normally on ok_atom.
inline caf::behavior worker(caf::stateful_actor<worker_state>* self, std::shared_ptr<story> tale,
                            std::string life, bool stubborn) {
  msg::install_handlers(self, worker_state::name);
  self->state.tale = std::move(tale);
  self->state.life = std::move(life);
  if (stubborn) self->set_exit_handler([](caf::exit_msg&) {});
  return {
      [](const std::string& text) { throw std::runtime_error(text); },
      [self](caf::ok_atom) { self->quit(); },
      [](caf::get_atom) { return 1; },
  };
}

/// A deterministic system with workers that tell their story, and one supervisor.
struct world : deterministic {
  world() { runtime::set_log_level("off"); }
  ~world() {
    stop();
    runtime::set_log_level("info");
  }

  msg::child_spec spec(std::string id, msg::restart restart = msg::restart::permanent,
                       bool stubborn = false) {
    msg::child_spec s;
    s.id = std::move(id);
    s.restart = restart;
    s.factory = [this, tale = tale, stubborn](const msg::child_context& c) {
      const auto life = c.id + std::to_string(c.generation);
      if (factory_throws[c.id] > 0) {
        --factory_throws[c.id];
        tale->add("!" + life);
        throw std::runtime_error("no " + life);
      }
      tale->add("+" + life);
      return lives[c.id] = c.system.spawn(worker, tale, life, stubborn);
    };
    return s;
  }

  /// Options whose back-off is 100 ms, 200 ms, … without jitter.
  static sup::supervisor_options plain(std::string name = "s") {
    sup::supervisor_options o;
    o.name = std::move(name);
    o.backoff.min = 100ms;
    o.backoff.max = 10s;
    o.backoff.jitter = 0;
    o.intensity = {100, 60s};
    return o;
  }

  void supervise(sup::supervisor_options o, std::vector<msg::child_spec> children) {
    top = sup::spawn_supervisor(system, std::move(o), std::move(children));
    self->monitor(top);
    run();
  }
  void supervise(sup::supervisor_options o) {
    top = sup::spawn_dynamic_supervisor(system, std::move(o));
    self->monitor(top);
    run();
  }

  void crash(const std::string& id, const std::string& why = "boom") {
    caf::anon_send(lives[id], why);
    run();
  }
  void finish(const std::string& id) {
    caf::anon_send(lives[id], caf::ok_atom::value);
    run();
  }

  /// The supervisor's end, if it has ended.
  std::optional<caf::error> ended() {
    std::optional<caf::error> reason;
    self->receive([&](caf::down_msg& down) { reason = down.reason; }, caf::after(0s) >> [] {});
    return reason;
  }

  void ask_to_stop() {
    caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
    run();
  }
  void stop() {
    if (!top) return;
    ask_to_stop();
    advance(6s);
    lives.clear();
    top = nullptr;
  }

  template <class T, class... Ts>
  std::variant<T, caf::error> ask(const Ts&... xs) {
    std::variant<T, caf::error> out;
    auto pending = self->request(top, caf::infinite, xs...);
    run();
    pending.receive([&](T& value) { out = std::move(value); },
                    [&](caf::error& e) { out = std::move(e); });
    return out;
  }
  std::variant<caf::actor, caf::error> start(const msg::child_spec& s) {
    return ask<caf::actor>(msg::start_child_atom::value, s);
  }
  msg::tree_node tree() {
    auto answer = ask<msg::tree_node>(msg::tree_atom::value);
    REQUIRE(std::holds_alternative<msg::tree_node>(answer));
    return std::get<msg::tree_node>(answer);
  }
  /// The state of a child, as the tree shows it.
  std::string state_of(const std::string& id) {
    for (const auto& c : tree().children) {
      if (c.id == id) return msg::to_string(c.state);
    }
    return "not there";
  }

  std::shared_ptr<story> tale = std::make_shared<story>();
  std::map<std::string, caf::actor> lives;  ///< the newest of each
  std::map<std::string, int> factory_throws;
  msg::supervisor_actor top;
};

}  // namespace artham::test
