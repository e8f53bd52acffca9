#include "supervisors/dynamic_supervisor.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "messages/caf_compat.hpp"
#include "runtime/log.hpp"

namespace artham::supervisors {

using messages::child_state;
using messages::restart;

namespace {

constexpr std::size_t most_shown = 200;

}  // namespace

dynamic_supervisor::dynamic_supervisor(supervisor_self::base& self, supervisor_options options)
    : nursery(self, std::move(options)) {
  if (this->options().metrics == nullptr) return;
  restarts_metric_ = &this->options().metrics->counter("artham_supervisor_restarts_total",
                                                       "lives of children after their first",
                                                       {{"supervisor", this->options().name}});
}

caf::result<caf::actor> dynamic_supervisor::start_child(messages::child_spec spec) {
  const auto refuse = [this, &spec](errc code, std::string_view why) {
    return messages::to_caf(
        {code, fmt::format("supervisor {}: child {}: {}", options().name, spec.id, why)});
  };
  if (shutting_down()) return refuse(errc::unavailable, "the supervisor is stopping");
  if (spec.id.empty()) return refuse(errc::usage, "a child needs an id");
  auto* c = find(spec.id);
  const bool was_parked = c != nullptr && c->state == child_state::failed;
  if (c != nullptr && !was_parked) return refuse(errc::conflict, "is there already");
  if (was_parked) {
    c->spec = std::move(spec);
    c->window = {};
    c->crashes_in_a_row = 0;
  } else {
    c = &add(std::move(spec));
    c->restarts_metric = restarts_metric_;
  }
  if (auto failed = start(*c)) {
    forget(*c);
    return failed;
  }
  return c->handle;
}

caf::result<caf::ok_atom> dynamic_supervisor::stop_child(const std::string& id) {
  auto* c = find(id);
  if (c == nullptr) {
    return messages::to_caf(
        {errc::not_found, fmt::format("supervisor {}: no child {}", options().name, id)});
  }
  if (!c->handle) {
    forget(*c);
    return caf::ok_atom::value;
  }
  auto promise = self().make_response_promise<caf::ok_atom>();
  c->stop_waiters.push_back(promise);
  if (c->state == child_state::running) stop(*c);
  return promise;
}

void dynamic_supervisor::on_ended(child& c, const caf::error& reason) {
  if (shutting_down()) {
    set_state(c, child_state::stopped);
    continue_shutdown();
    return;
  }
  const bool crashed = messages::is_crash(reason);
  if (crashed && escalates(c, reason)) return;
  const bool wanted =
      c.spec.restart == restart::permanent || (c.spec.restart == restart::transient && crashed);
  if (!wanted) {
    forget(c);
  } else if (c.window.hit(options().intensity, now())) {
    park(c, reason);
  } else {
    back_off(c, reason);
  }
}

bool dynamic_supervisor::escalates(child& c, const caf::error& reason) {
  const auto period = options().intensity.period;
  const auto crashed = crashed_.hit(c.spec.id, period, now());
  const auto share = static_cast<double>(size()) * options().escalation.percent / 100;
  if (crashed <= options().escalation.at_least || static_cast<double>(crashed) <= share) {
    return false;
  }
  auto text = fmt::format(
      "supervisor {} gives up: {} of {} children crashed within {} ms; the last was {}: {}",
      options().name, crashed, size(),
      std::chrono::duration_cast<std::chrono::milliseconds>(period).count(), c.spec.id,
      messages::error_text(reason));
  runtime::log().error(text);
  set_state(c, child_state::failed);
  shut_down(messages::make_crash(messages::crash::escalated, std::move(text)));
  return true;
}

void dynamic_supervisor::on_stopped(child& c) {
  forget(c);
  if (shutting_down()) continue_shutdown();
}

void dynamic_supervisor::on_delay_over(child& c) {
  if (shutting_down()) return;
  if (const auto failed = start(c)) on_ended(c, failed);
}

void dynamic_supervisor::continue_shutdown() {
  if (!told_all_) {
    told_all_ = true;
    for_each([this](child& c) {
      if (c.handle && c.state == child_state::running) stop(c);
    });
  }
  if (alive() == 0) leave();
}

void dynamic_supervisor::forget(child& c) {
  for (auto& waiter : c.stop_waiters) waiter.deliver(caf::ok_atom::value);
  remove(c);
}

std::vector<const child*> dynamic_supervisor::shown() const {
  std::vector<const child*> out;
  const bool all = size() <= most_shown;
  for_each([&](const child& c) {
    if (out.size() < most_shown && (all || c.state != child_state::running)) out.push_back(&c);
  });
  std::sort(out.begin(), out.end(),
            [](const child* a, const child* b) { return a->spec.id < b->spec.id; });
  return out;
}

}  // namespace artham::supervisors
