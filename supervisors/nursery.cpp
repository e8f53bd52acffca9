#include "supervisors/nursery.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <caf/send.hpp>
#include <chrono>
#include <exception>
#include <random>
#include <utility>

#include "messages/caf_compat.hpp"
#include "runtime/log.hpp"

namespace artham::supervisors {

using messages::child_event;
using messages::child_kind;
using messages::child_state;
using messages::tree_node;

namespace {

constexpr duration worker_shutdown = std::chrono::seconds(5);
/// CAF cannot cancel a delayed message, and one that is pending keeps its receiver: so none is
/// long.
constexpr duration longest_sleep = std::chrono::milliseconds(200);

}  // namespace

nursery::nursery(supervisor_self::base& self, supervisor_options options)
    : self_(self), options_(std::move(options)) {
  if (options_.metrics == nullptr) return;
  for (std::size_t s = 0; s < messages::child_states; ++s) {
    gauges_[s] =
        &options_.metrics->gauge("artham_supervisor_children", "children of a supervisor by state",
                                 {{"supervisor", options_.name},
                                  {"state", messages::to_string(static_cast<child_state>(s))}});
  }
}

nursery::~nursery() {
  for (auto& [address, c] : by_address_) {
    if (options_.directory) options_.directory->remove(c->spec.publish_as, address);
    caf::anon_send_exit(c->handle, caf::exit_reason::kill);
  }
  for (auto& [id, c] : children_) {
    for (auto& waiter : c->stop_waiters) {
      waiter.deliver(messages::to_caf({errc::unavailable, "the supervisor ended"}));
    }
  }
  for (std::size_t s = 0; s < messages::child_states; ++s) {
    if (gauges_[s] != nullptr) gauges_[s]->add(-static_cast<std::int64_t>(counts_[s]));
  }
}

void nursery::subscribe(const caf::actor& observer) {
  const bool known = std::find(observers_.begin(), observers_.end(), observer) != observers_.end();
  if (!known) {
    self_.monitor(observer);
    observers_.push_back(observer);
  }
  for (const auto& [id, c] : children_) {
    if (c->handle) {
      caf::anon_send(observer,
                     child_event{child_event::what::started, id, c->generation, c->handle, {}});
    } else if (c->state == child_state::failed) {
      caf::anon_send(observer,
                     child_event{child_event::what::parked,
                                 id,
                                 c->generation,
                                 {},
                                 messages::make_crash(messages::crash::threw, c->last_error)});
    }
  }
}

void nursery::tell(const child_event& event) {
  for (const auto& observer : observers_) caf::anon_send(observer, event);
}

child& nursery::add(messages::child_spec spec) {
  auto c = std::make_unique<child>();
  c->spec = std::move(spec);
  auto& added = *c;
  children_.emplace(added.spec.id, std::move(c));
  ++counts_[static_cast<std::size_t>(added.state)];
  if (auto* g = gauges_[static_cast<std::size_t>(added.state)]) g->add(1);
  return added;
}

void nursery::remove(child& c) {
  --counts_[static_cast<std::size_t>(c.state)];
  if (auto* g = gauges_[static_cast<std::size_t>(c.state)]) g->add(-1);
  if (c.generation > 0) tell({child_event::what::removed, c.spec.id, c.generation, {}, {}});
  children_.erase(std::string(c.spec.id));
}

child* nursery::find(const std::string& id) {
  const auto found = children_.find(id);
  return found == children_.end() ? nullptr : found->second.get();
}

void nursery::set_state(child& c, child_state s) {
  for (const auto& [state, by] : {std::pair(c.state, -1), std::pair(s, 1)}) {
    const auto i = static_cast<std::size_t>(state);
    counts_[i] += static_cast<std::size_t>(by);
    if (gauges_[i] != nullptr) gauges_[i]->add(by);
  }
  c.state = s;
}

caf::error nursery::make_life(child& c, caf::actor& handle, std::uint64_t generation) {
  try {
    handle = c.spec.factory({self_.home_system(), c.spec.id, generation});
  } catch (...) {
    return messages::make_crash(std::current_exception());
  }
  if (!handle || by_address_.contains(handle.address())) {
    return messages::make_crash(messages::crash::threw, "the factory gave no actor of its own");
  }
  return {};
}

caf::error nursery::start(child& c) {
  const auto generation = c.generation + 1;
  caf::actor handle;
  if (auto failed = make_life(c, handle, generation)) {
    c.last_error = messages::error_text(failed);
    return failed;
  }
  c.generation = generation;
  c.started_at = now();
  c.killed = false;
  c.handle = handle;
  if (generation > 1) {
    ++c.restarts;
    if (c.restarts_metric != nullptr) c.restarts_metric->add();
  }
  by_address_.emplace(handle.address(), &c);
  set_state(c, child_state::running);
  if (options_.directory && !c.spec.publish_as.empty()) {
    options_.directory->put(c.spec.publish_as, handle);
  }
  self_.monitor(handle);
  tell({child_event::what::started, c.spec.id, generation, std::move(handle), {}});
  return {};
}

void nursery::stop(child& c) {
  set_state(c, child_state::stopping);
  const bool limited = c.spec.shutdown || c.spec.kind == child_kind::worker;
  const auto limit = c.spec.shutdown.value_or(worker_shutdown);
  if (limited && limit <= duration::zero()) {
    stop_late(c);
    return;
  }
  self_.send_exit(c.handle, caf::exit_reason::user_shutdown);
  if (limited) set_deadline(c, limit);
}

void nursery::stop_late(child& c) {
  if (!c.killed) {
    c.killed = true;
    self_.send_exit(c.handle, caf::exit_reason::kill);
    set_deadline(c, options_.kill_grace);
    return;
  }
  self_.demonitor(c.handle.address());
  end(c, messages::make_crash(messages::crash::stuck, "did not end when it was killed"));
}

void nursery::end(child& c, const caf::error& reason) {
  const auto address = c.handle.address();
  by_address_.erase(address);
  if (options_.directory) options_.directory->remove(c.spec.publish_as, address);
  c.handle = nullptr;
  c.deadline = deadlines::none;
  if (messages::is_crash(reason)) c.last_error = messages::error_text(reason);
  tell({child_event::what::down, c.spec.id, c.generation, {}, reason});
  if (c.state == child_state::stopping) {
    if (c.killed) {
      runtime::log().warn("supervisor {}: {} did not stop in time: {}", options_.name, c.spec.id,
                          messages::error_text(reason));
    }
    set_state(c, child_state::stopped);
    on_stopped(c);
  } else {
    on_ended(c, reason);
  }
}

void nursery::on_down(const caf::down_msg& down) {
  std::erase_if(observers_, [&](const caf::actor& o) { return o.address() == down.source; });
  const auto found = by_address_.find(down.source);
  if (found != by_address_.end()) end(*found->second, down.reason);
}

void nursery::back_off(child& c, const caf::error& reason) {
  if (now() - c.started_at >= options_.backoff.healthy && c.generation > 0 &&
      c.state == child_state::running) {
    c.crashes_in_a_row = 0;
  }
  ++c.crashes_in_a_row;
  const auto delay = backoff_delay(options_.backoff, c.crashes_in_a_row, random());
  set_state(c, child_state::backing_off);
  runtime::log().warn("supervisor {}: {} ended in life {}: {}; starting it again in {} ms",
                      options_.name, c.spec.id, c.generation, messages::error_text(reason),
                      std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
  set_deadline(c, delay);
}

void nursery::park(child& c, const caf::error& reason) {
  set_state(c, child_state::failed);
  runtime::log().error("supervisor {}: {} crashed too often and stays down: {}", options_.name,
                       c.spec.id, messages::error_text(reason));
  tell({child_event::what::parked, c.spec.id, c.generation, {}, reason});
}

void nursery::shut_down(caf::error reason) {
  if (shutting_down_) return;
  shutting_down_ = true;
  final_reason_ = std::move(reason);
  continue_shutdown();
}

void nursery::leave() {
  self_.quit(final_reason_);
}

void nursery::set_deadline(child& c, duration delay) {
  c.deadline = deadlines_.add(c.spec.id, now() + delay);
  wake_in_time();
}

void nursery::wake_in_time() {
  const auto next = deadlines_.next([this](const std::string& id) {
    const auto* c = find(id);
    return c == nullptr ? deadlines::none : c->deadline;
  });
  if (!next || (wake_at_ && *wake_at_ <= *next)) return;
  const auto sleep = std::clamp(*next - now(), duration::zero(), longest_sleep);
  wake_at_ = now() + sleep;
  ++wake_ticket_;
  if (sleep == duration::zero()) {
    self_.send(&self_, caf::tick_atom::value, wake_ticket_);
  } else {
    self_.delayed_send(&self_, sleep, caf::tick_atom::value, wake_ticket_);
  }
}

void nursery::on_wake(std::uint64_t ticket) {
  if (ticket != wake_ticket_) return;
  wake_at_.reset();
  const auto ticket_of = [this](const std::string& id) {
    const auto* c = find(id);
    return c == nullptr ? deadlines::none : c->deadline;
  };
  while (const auto id = deadlines_.take_due(now(), ticket_of)) {
    auto& c = *find(*id);
    c.deadline = deadlines::none;
    if (c.state == child_state::stopping) {
      stop_late(c);
    } else {
      on_delay_over(c);
    }
  }
  wake_in_time();
}

double nursery::random() {
  if (options_.random) return options_.random();
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

tree_node nursery::node_of(const child& c) const {
  tree_node node;
  node.id = c.spec.id;
  node.kind = c.spec.kind;
  node.state = c.state;
  node.restarts = c.restarts;
  node.generation = c.generation;
  node.error = c.last_error;
  if (c.spec.queue_depth) node.queue_depth = c.spec.queue_depth();
  return node;
}

caf::result<tree_node> nursery::tree(caf::timespan budget) {
  struct question {
    tree_node node;
    std::size_t open = 0;
    caf::typed_response_promise<tree_node> promise;
    void answered() {
      if (--open == 0) promise.deliver(std::move(node));
    }
  };
  const auto q = std::make_shared<question>();
  q->node.id = options_.name;
  q->node.kind = child_kind::supervisor;
  q->node.state = shutting_down_ ? child_state::stopping : child_state::running;
  for (std::size_t s = 0; s < messages::child_states; ++s) {
    if (counts_[s] != 0) {
      q->node.counts[messages::to_string(static_cast<child_state>(s))] = counts_[s];
    }
  }
  std::vector<std::pair<std::size_t, caf::actor>> supervisors;
  for (const auto* c : shown()) {
    if (c->spec.kind == child_kind::supervisor && c->handle) {
      supervisors.emplace_back(q->node.children.size(), c->handle);
    }
    q->node.children.push_back(node_of(*c));
  }
  if (supervisors.empty()) return std::move(q->node);

  q->open = supervisors.size();
  q->promise = self_.make_response_promise<tree_node>();
  for (const auto& [at, handle] : supervisors) {
    // Who waits for others must answer before its own asker stops waiting.
    self_.request(handle, budget, messages::tree_atom::value, caf::timespan(budget / 4 * 3))
        .then(
            [q, i = at](tree_node& below) {
              q->node.children[i].children = std::move(below.children);
              q->node.children[i].counts = std::move(below.counts);
              q->answered();
            },
            [q, i = at](caf::error& e) {
              q->node.children[i].error = "no answer: " + messages::error_text(e);
              q->answered();
            });
  }
  return q->promise;
}

}  // namespace artham::supervisors
