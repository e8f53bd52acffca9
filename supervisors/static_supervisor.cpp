#include "supervisors/static_supervisor.hpp"

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

static_supervisor::static_supervisor(supervisor_self::base& self, supervisor_options options,
                                     std::vector<messages::child_spec> children)
    : nursery(self, std::move(options)) {
  for (auto& spec : children) {
    if (find(spec.id) != nullptr) {
      duplicate_ = spec.id;
      continue;
    }
    auto& c = add(std::move(spec));
    if (this->options().metrics != nullptr) {
      c.restarts_metric = &this->options().metrics->counter(
          "artham_supervisor_restarts_total", "lives of children after their first",
          {{"supervisor", this->options().name}, {"child", c.spec.id}});
    }
    order_.push_back(&c);
  }
}

void static_supervisor::open() {
  if (!duplicate_.empty()) {
    shut_down(messages::to_caf({errc::usage, fmt::format("supervisor {}: two children are named {}",
                                                         options().name, duplicate_)}));
    return;
  }
  start_from(0);
}

caf::result<caf::actor> static_supervisor::start_child(messages::child_spec) {
  return messages::to_caf({errc::unsupported, options().name + " takes no dynamic children"});
}

caf::result<caf::ok_atom> static_supervisor::stop_child(const std::string&) {
  return messages::to_caf({errc::unsupported, options().name + " has no dynamic children"});
}

void static_supervisor::start_from(std::size_t first) {
  for (auto i = first; i < order_.size() && !shutting_down(); ++i) {
    auto& c = *order_[i];
    const bool had_its_life = c.spec.restart == restart::temporary && c.generation > 0;
    if (c.handle || had_its_life) continue;
    if (const auto failed = start(c)) {
      on_ended(c, failed);
      if (options().strategy != strategy::one_for_one && c.spec.restart != restart::temporary)
        return;
    }
  }
}

void static_supervisor::on_ended(child& c, const caf::error& reason) {
  if (shutting_down()) {
    set_state(c, child_state::stopped);
    continue_shutdown();
    return;
  }
  if (in_group(c)) {
    set_state(c, child_state::stopped);
    start_group_when_down();
    return;
  }
  const bool wanted = c.spec.restart == restart::permanent ||
                      (c.spec.restart == restart::transient && messages::is_crash(reason));
  if (!wanted) {
    set_state(c, child_state::stopped);
    return;
  }
  if (window_.hit(options().intensity, now())) {
    set_state(c, child_state::failed);
    auto text = fmt::format(
        "supervisor {} gives up: more than {} restarts within {} ms; the last crash was {}: {}",
        options().name, options().intensity.restarts,
        std::chrono::duration_cast<std::chrono::milliseconds>(options().intensity.period).count(),
        c.spec.id, messages::error_text(reason));
    runtime::log().error(text);
    shut_down(messages::make_crash(messages::crash::escalated, std::move(text)));
    return;
  }
  back_off(c, reason);
  if (options().strategy == strategy::one_for_one) return;
  auto first = options().strategy == strategy::one_for_all ? 0 : position(c);
  if (group_) first = std::min(first, group_->first);
  group_ = group{first, &c};
  start_group_when_down();
}

void static_supervisor::on_stopped(child&) {
  if (shutting_down()) {
    continue_shutdown();
  } else {
    start_group_when_down();
  }
}

void static_supervisor::on_delay_over(child& c) {
  if (shutting_down()) return;
  if (options().strategy == strategy::one_for_one) {
    if (const auto failed = start(c)) on_ended(c, failed);
  } else if (group_ && group_->crashed == &c) {
    group_->delay_over = true;
    start_group_when_down();
  }
}

void static_supervisor::start_group_when_down() {
  if (!all_down_from(group_->first) || !group_->delay_over) return;
  const auto first = group_->first;
  group_.reset();
  start_from(first);
}

void static_supervisor::continue_shutdown() {
  if (all_down_from(0)) leave();
}

bool static_supervisor::all_down_from(std::size_t first) {
  for (auto i = order_.size(); i-- > first;) {
    auto& c = *order_[i];
    if (!c.handle) continue;
    if (c.state == child_state::running) stop(c);
    return false;
  }
  return true;
}

std::size_t static_supervisor::position(const child& c) const {
  return static_cast<std::size_t>(std::find(order_.begin(), order_.end(), &c) - order_.begin());
}

std::vector<const child*> static_supervisor::shown() const {
  return {order_.begin(), order_.end()};
}

}  // namespace artham::supervisors
