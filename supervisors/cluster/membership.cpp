#include "supervisors/cluster/membership.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <utility>

#include "messages/caf_compat.hpp"
#include "messages/network.hpp"
#include "runtime/log.hpp"
#include "supervisors/cluster/admission.hpp"

namespace artham::supervisors {
namespace {

using messages::member_change;

constexpr std::size_t max_nodes = 1024;
constexpr std::size_t max_refusals_remembered = 256;

std::set<std::string> control_interface(caf::actor_system& system) {
  return system.message_types(caf::detail::type_list<messages::node_control_actor>{});
}

}  // namespace

membership::membership(node_self::pointer self, const cluster_node_options& options, listener tell)
    : self_(self),
      me_(options.self),
      times_(options.times),
      tell_(std::move(tell)),
      dialer_(options.credentials) {
  for (const auto& text : options.seeds) {
    const auto where = messages::value_or_throw(parse_endpoint(text));
    target_of(where, now()).seed = true;
  }
  if (options.metrics == nullptr) return;
  auto& m = *options.metrics;
  const auto gauge = [&m](const char* state) {
    return &m.gauge("artham_cluster_members", "other nodes of the cluster that are known",
                    {{"state", state}});
  };
  present_gauge_ = gauge("present");
  gone_gauge_ = gauge("gone");
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    changes_[i] = &m.counter("artham_cluster_changes_total", "what happened to other nodes",
                             {{"change", messages::to_string(static_cast<member_change>(i))}});
  }
  refusals_ = &m.counter("artham_cluster_refusals_total",
                         "greetings between nodes that do not belong together");
  failures_ = &m.counter("artham_cluster_connection_failures_total",
                         "attempts to connect to another node that failed");
}

membership::~membership() {
  for (const auto& [address, node] : watched_) self_->demonitor(address);
  for (const auto& o : observers_) self_->demonitor(o.address());
}

void membership::open(std::uint16_t port) {
  me_.port = port;
  open_ = true;
  const auto mine = to_string(endpoint{me_.address, me_.port});
  for (auto& [place, t] : targets_) {
    // Nodes that are each other's seeds do not connect to each other at the same time.
    t.due = now() + (mine < place ? duration::zero() : times_.courtesy);
  }
}

membership::target& membership::target_of(const endpoint& where, time_point now) {
  auto [entry, added] = targets_.try_emplace(to_string(where));
  auto& t = entry->second;
  if (added) {
    t.where = where;
    t.due = now;
    t.useful = now;
  }
  return t;
}

bool membership::is_present(const target& t) const {
  if (!t.node.empty()) {
    const auto p = peers_.find(t.node);
    return p != peers_.end() && p->second.present();
  }
  return std::any_of(peers_.begin(), peers_.end(), [&t](const auto& p) {
    return p.second.present() && p.second.who.address == t.where.host &&
           p.second.who.port == t.where.port;
  });
}

void membership::tick(time_point now) {
  if (!open_) return;
  for (auto& [place, t] : targets_) {
    if (t.self || t.busy || t.due > now || is_present(t)) continue;
    dial(place, t);
  }
  if (now >= forget_due_) {
    forget(now);
    forget_due_ = now + std::min<duration>(times_.forget / 4, std::chrono::seconds(1));
  }
}

void membership::dial(const std::string& place, target& t) {
  const auto me = caf::actor_cast<caf::weak_actor_ptr>(self_->ctrl());
  t.busy =
      self_->system().has_middleman() &&
      dialer_.dial(t.where, std::chrono::ceil<std::chrono::milliseconds>(times_.answer),
                   [me, place](const result<std::string>& r) {
                     const auto there = caf::actor_cast<caf::actor>(me);
                     if (!there) return;
                     caf::anon_send(there, messages::probed_atom::value, place,
                                    r ? *r : std::string(), r ? std::string() : r.error().message);
                   });
}

void membership::on_probed(const std::string& place, const std::string& address,
                           const std::string& why) {
  const auto found = targets_.find(place);
  if (found == targets_.end()) return;
  if (!why.empty()) return on_failure(place, {errc::unavailable, why});
  self_
      ->request(messages::network_of(self_->system()), caf::timespan(times_.answer),
                caf::connect_atom::value, address, found->second.where.port)
      .then(
          [this, place](const caf::node_id& node, const caf::strong_actor_ptr& there,
                        const std::set<std::string>& offers) { greet(place, node, there, offers); },
          [this, place](caf::error& e) {
            on_failure(place,
                       {errc::unavailable,
                        fmt::format("{}: no connection ({})", place, messages::error_text(e))},
                       true);
          });
}

void membership::greet(const std::string& place, const caf::node_id& node,
                       const caf::strong_actor_ptr& there, const std::set<std::string>& offers) {
  const auto found = targets_.find(place);
  if (found == targets_.end()) return;
  auto& t = found->second;
  if (node == self_->node()) {
    if (there && there != self_->ctrl()) {
      return on_failure(
          place, {errc::refused,
                  fmt::format("{}: the node there is not told apart from this one; give each "
                              "container another MAC address, or another process id",
                              place)});
    }
    t.self = true;
    t.busy = false;
    runtime::log().info("cluster: {} is this node itself", place);
    return;
  }
  if (!there || !self_->system().assignable(offers, control_interface(self_->system()))) {
    return on_failure(
        place, {errc::refused, fmt::format("{}: not a node that this version can talk to", place)});
  }
  const auto handle = caf::actor_cast<messages::node_control_actor>(there);
  self_->request(handle, caf::timespan(times_.answer), messages::hello_atom::value, me_)
      .then([this, place, handle](const messages::welcome& w) { on_welcome(place, handle, w); },
            [this, place](caf::error& e) {
              auto why = messages::error_of(e);
              const bool refused = why.code == errc::refused;
              if (refused && refusals_ != nullptr) refusals_->add();
              why.message = refused ? fmt::format("{} refuses this node: {}", place, why.message)
                                    : fmt::format("{}: no answer ({})", place, why.message);
              on_failure(place, why, !refused);
            });
}

void membership::on_welcome(const std::string& place, const messages::node_control_actor& there,
                            const messages::welcome& w) {
  const auto found = targets_.find(place);
  if (found == targets_.end()) return;
  if (const auto no = objection(w.who)) {
    if (refusals_ != nullptr) refusals_->add();
    self_->send(there, messages::bye_atom::value, no->message);
    return on_failure(place, {errc::refused, fmt::format("{} is refused: {}", place, no->message)});
  }
  auto& t = found->second;
  t.busy = false;
  t.failures = 0;
  t.said.clear();
  t.node = w.who.node;
  settle(w.who, there);
  for (const auto& other : w.others) hear_of(other);
  for (const auto& [node, p] : peers_) {
    if (p.present() && node != w.who.node) {
      self_->send(there, messages::members_atom::value, p.who);
    }
  }
}

void membership::on_failure(const std::string& place, const error& e, bool may_be_chance) {
  const auto found = targets_.find(place);
  if (found == targets_.end()) return;
  auto& t = found->second;
  t.busy = false;
  ++t.failures;
  const auto doublings = std::min<std::size_t>(t.failures - 1, 20);
  const auto wait = e.code == errc::refused
                        ? times_.retry_max
                        : std::min(times_.retry_max, times_.retry_min * (1 << doublings));
  t.due = now() + jittered(wait);
  if (failures_ != nullptr) failures_->add();
  // CAF may drop a connection that it is still making, when its heartbeat falls into that time.
  if (may_be_chance && t.failures < 4) return;
  if (t.said == e.message) return;
  t.said = e.message;
  runtime::log().warn("cluster: {}; trying again", e.message);
}

std::optional<error> membership::objection(const messages::member& who) const {
  if (const auto ok = compatible(who, me_); !ok) return ok.error();
  if (who.node == me_.node) return name_in_use(who, me_);
  const auto p = peers_.find(who.node);
  if (p != peers_.end() && p->second.present() && p->second.who.life != who.life) {
    return name_in_use(who, p->second.who);
  }
  if (p == peers_.end() && peers_.size() >= max_nodes) {
    return error{errc::refused, fmt::format("{} would be one node too many", describe(who))};
  }
  return std::nullopt;
}

void membership::note_refusal(const messages::member& who, const std::string& why) {
  if (refusals_ != nullptr) refusals_->add();
  if (refused_.size() >= max_refusals_remembered) refused_.clear();
  auto& said = refused_[describe(who)];
  if (said == why) return;
  said = why;
  runtime::log().warn("cluster: {} is refused: {}", describe(who), why);
}

caf::result<messages::welcome> membership::on_hello(const messages::member& who) {
  const auto sender = caf::actor_cast<messages::node_control_actor>(self_->current_sender());
  if (!sender) return caf::sec::invalid_argument;
  if (!open_) return messages::to_caf({errc::unavailable, "not listening yet"});
  if (const auto no = objection(who)) {
    note_refusal(who, no->message);
    return messages::to_caf(*no);
  }
  settle(who, sender);
  messages::welcome w{me_, {}};
  for (const auto& [node, p] : peers_) {
    if (p.present() && node != who.node) w.others.push_back(p.who);
  }
  return w;
}

void membership::settle(const messages::member& who, const messages::node_control_actor& handle) {
  auto& p = peers_[who.node];
  if (p.handle == handle && p.who.life == who.life) {
    p.who = who;
    return;
  }
  const bool again = p.who.life == who.life;
  if (p.present()) {
    self_->demonitor(p.handle.address());
    watched_.erase(p.handle.address());
  }
  p.who = who;
  p.handle = handle;
  p.since = now();
  self_->monitor(handle);
  watched_[handle.address()] = who.node;
  refused_.erase(describe(who));
  for (const auto& [node, other] : peers_) {
    if (other.present() && node != who.node) {
      self_->send(other.handle, messages::members_atom::value, who);
    }
  }
  announce(again ? member_change::back : member_change::joined, p);
  runtime::log().info("cluster: {} {}: {}, version {}", describe(who), again ? "is back" : "joined",
                      fmt::join(who.roles, " "), who.version);
}

void membership::hear_of(const messages::member& who) {
  if (who.node == me_.node || targets_.size() >= 2 * max_nodes) return;
  const auto p = peers_.find(who.node);
  if (p != peers_.end() && p->second.present()) return;
  auto& t = target_of({who.address, who.port}, now());
  t.useful = now();
  if (t.busy || t.failures > 0 || !t.node.empty()) return;
  t.node = who.node;
  // The other hears of this node, too: only one of the two connects at once.
  t.due = now() + (me_.node < who.node ? duration::zero() : times_.courtesy);
}

void membership::on_bye(const std::string& why) {
  const auto sender = caf::actor_cast<caf::actor_addr>(self_->current_sender());
  const auto found = watched_.find(sender);
  if (found != watched_.end()) lose(peers_.at(found->second), why, true);
}

void membership::on_down(const caf::down_msg& down) {
  std::erase_if(observers_, [&down](const auto& o) { return o.address() == down.source; });
  const auto found = watched_.find(down.source);
  if (found == watched_.end()) return;
  lose(peers_.at(found->second), messages::error_text(down.reason), false);
}

void membership::lose(peer& p, const std::string& why, bool for_good) {
  const endpoint where{p.who.address, p.who.port};
  self_->demonitor(p.handle.address());
  watched_.erase(p.handle.address());
  p.handle = nullptr;
  p.since = now();
  bool known = false;
  for (auto& [place, t] : targets_) {
    if (t.node != p.who.node && t.where != where) continue;
    known = true;
    t.useful = now();
    t.failures = 0;
    t.due = now() + jittered(for_good ? times_.retry_max : times_.retry_min);
    if (!for_good && me_.node > p.who.node) t.due += times_.courtesy;
  }
  if (!known && !for_good) {
    auto& t = target_of(where, now());
    t.node = p.who.node;
    t.due = now() + jittered(times_.retry_min);
    if (me_.node > p.who.node) t.due += times_.courtesy;
  }
  if (for_good) {
    std::erase_if(targets_, [&](const auto& t) {
      return !t.second.seed && (t.second.node == p.who.node || t.second.where == where);
    });
  }
  runtime::log().warn("cluster: {} is gone: {}", describe(p.who), why);
  announce(member_change::gone, p);
}

void membership::forget(time_point now) {
  for (auto& [place, t] : targets_) {
    if (is_present(t)) t.useful = now;
  }
  std::erase_if(targets_, [&](const auto& t) {
    return !t.second.seed && !t.second.busy && now - t.second.useful >= times_.forget;
  });
  for (auto p = peers_.begin(); p != peers_.end();) {
    const bool seed = std::any_of(targets_.begin(), targets_.end(), [&](const auto& t) {
      return t.second.seed && t.second.node == p->first;
    });
    if (p->second.present() || seed || now - p->second.since < times_.forget) {
      ++p;
      continue;
    }
    const auto gone = std::move(p->second);
    p = peers_.erase(p);
    runtime::log().info("cluster: {} is forgotten", describe(gone.who));
    announce(member_change::forgotten, gone);
  }
}

void membership::leave() {
  for (auto& [node, p] : peers_) {
    if (!p.present()) continue;
    self_->send(p.handle, messages::bye_atom::value, std::string("it left"));
    self_->demonitor(p.handle.address());
    watched_.erase(p.handle.address());
  }
}

void membership::subscribe(const caf::actor& observer) {
  if (!observer) return;
  self_->monitor(observer);
  observers_.push_back(observer);
  for (const auto& [node, p] : peers_) {
    if (p.present()) caf::anon_send(observer, messages::member_event{member_change::joined, p.who});
  }
}

messages::member_list membership::list() const {
  messages::member_list out;
  for (const auto& [node, p] : peers_) (p.present() ? out.present : out.gone).push_back(p.who);
  const auto place = std::lower_bound(
      out.present.begin(), out.present.end(), me_,
      [](const messages::member& a, const messages::member& b) { return a.node < b.node; });
  out.present.insert(place, me_);
  return out;
}

void membership::announce(member_change change, const peer& p) {
  if (auto* c = changes_[static_cast<std::size_t>(change)]) c->add();
  if (present_gauge_ != nullptr) {
    const auto present = std::count_if(peers_.begin(), peers_.end(),
                                       [](const auto& x) { return x.second.present(); });
    present_gauge_->set(present);
    gone_gauge_->set(static_cast<std::int64_t>(peers_.size()) - present);
  }
  const messages::member_event event{change, p.who};
  for (const auto& o : observers_) caf::anon_send(o, event);
  tell_(event, p);
}

duration membership::jittered(duration d) {
  return d + d * std::uniform_int_distribution<int>(0, 250)(random_) / 1000;
}

}  // namespace artham::supervisors
