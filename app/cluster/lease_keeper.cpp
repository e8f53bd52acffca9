#include "app/cluster/lease_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace artham::app::cluster {

namespace {

/// So often within the time that a lease lasts.
constexpr int looks_a_lease = 10;
/// A node that the network says is gone has missed so many of its beats.
constexpr int beats_missed = 3;
/// A name that another life still has is waited for during so many leases.
constexpr int names_patience = 3;
/// How long a node must have been there before others hand work over to it.
constexpr market::duration settled = 5 * market::second;
const std::string ingest_lease = lease_name(config::role::ingest, 0);

}  // namespace

lease_keeper::lease_keeper(lease_keeper_options o) : options_(std::move(o)) {
  auto& m = *options_.metrics;
  held_gauge_ = &m.gauge("artham_leases_held", "Leases that this node holds.");
  taken_ = &m.counter("artham_leases_taken_total", "Leases that this node took.");
  lost_ = &m.counter("artham_leases_lost_total",
                     "Leases that another node took from this one, or that Redis forgot.");
  nodes_ = &m.gauge("artham_cluster_nodes", "Nodes of the cluster that are heard of.");
}

lease_keeper::~lease_keeper() {
  stop();
}

void lease_keeper::start() {
  thread_ = std::thread([this] { run(); });
}

void lease_keeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::map<std::string, std::uint64_t> lease_keeper::held() const {
  const std::lock_guard lock(mutex_);
  auto all = held_;
  for (const auto& l : leaving_) all.erase(l);
  return all;
}

std::map<std::string, std::uint64_t> lease_keeper::handing_over() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::uint64_t> all;
  for (const auto& l : leaving_) all.emplace(l, held_.at(l));
  return all;
}

void lease_keeper::release(const std::string& lease, std::uint64_t fence) {
  const std::lock_guard lock(mutex_);
  const auto it = held_.find(lease);
  if (it == held_.end() || it->second != fence) return;
  released_.insert(lease);
  wake_.notify_all();
}

void lease_keeper::suspect(const std::string& node) {
  const std::lock_guard lock(mutex_);
  suspects_.emplace(node, runtime::utc_now());
  wake_.notify_all();
}

cluster_view lease_keeper::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::optional<error> lease_keeper::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void lease_keeper::run() {
  const std::chrono::nanoseconds pause(options_.lease / looks_a_lease);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    look();
    lock.lock();
    if (!stopping_) wake_.wait_for(lock, pause);
  }
  const auto held = held_;
  held_.clear();
  lock.unlock();
  for (const auto& [lease, fence] : held) static_cast<void>(give_back(lease, fence));
  static_cast<void>(options_.leases->leave(options_.node, options_.life));
}

void lease_keeper::look() {
  const auto done = look_once();
  // A life of ours that is still heard keeps nobody else from speaking.
  failing_ = !done && done.error().code != errc::conflict;
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    const auto failure = done ? std::nullopt : std::optional(done.error());
    if (failure.has_value() != view_.failure.has_value()) {
      tell = true;
      if (failure) {
        runtime::log().warn("cluster: {}", failure->message);
      } else {
        runtime::log().info("cluster: Redis answers again");
      }
    }
    view_.failure = failure;
  }
  if (tell) options_.changed();
}

result<void> lease_keeper::look_once() {
  const auto beat = options_.leases->beat(
      {options_.node, options_.life, to_json(options_.says()), 0}, options_.lease);
  if (!beat) {
    // A life of ours that was killed just now may still be heard.
    const auto now = runtime::utc_now();
    if (beat.error().code != errc::conflict) {
      name_taken_since_ = 0;
    } else if (name_taken_since_ == 0) {
      name_taken_since_ = now;
    } else if (now - name_taken_since_ > names_patience * options_.lease) {
      const std::lock_guard lock(mutex_);
      refused_ = beat.error();
    }
    options_.changed();
    return beat;
  }
  name_taken_since_ = 0;
  // Nobody could be heard meanwhile: whoever lives is given the time to speak.
  if (failing_) trusts_silence_from_ = runtime::utc_now() + 2 * options_.lease;
  renew();
  const auto leases = options_.leases->all();
  if (!leases) return tl::unexpected(leases.error());
  const auto beats = options_.leases->nodes();
  if (!beats) return tl::unexpected(beats.error());
  apply(*leases, *beats);
  return {};
}

void lease_keeper::renew() {
  std::map<std::string, std::uint64_t> held;
  std::set<std::string> released;
  {
    const std::lock_guard lock(mutex_);
    held = held_;
    released = std::exchange(released_, {});
  }
  std::vector<std::string> gone;
  for (const auto& [lease, fence] : held) {
    if (released.contains(lease)) {
      if (give_back(lease, fence)) gone.push_back(lease);
      continue;
    }
    const auto ours = options_.leases->renew(lease, options_.node, fence);
    if (!ours || *ours) continue;
    lost_->add();
    if (is_nobodys(lease)) {
      runtime::log().warn("cluster: Redis has forgotten our lease {}: taking it again", lease);
      take_again(lease);
    } else {
      runtime::log().warn("cluster: lease {} is not ours any more", lease);
      gone.push_back(lease);
    }
  }
  if (gone.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& lease : gone) {
      held_.erase(lease);
      leaving_.erase(lease);
    }
    held_gauge_->set(static_cast<std::int64_t>(held_.size()));
  }
  options_.changed();
}

bool lease_keeper::give_back(const std::string& lease, std::uint64_t fence) {
  if (!options_.leases->release(lease, options_.node, fence)) return false;
  options_.gave_back(lease);
  return true;
}

bool lease_keeper::is_nobodys(const std::string& lease) {
  const auto all = options_.leases->all();
  if (!all) return false;
  const auto it = all->find(lease);
  return it == all->end() || it->second.holder.empty();
}

void lease_keeper::take_again(const std::string& lease) {
  const auto fence = options_.leases->take(lease, options_.node, options_.floor());
  if (!fence) return;
  {
    const std::lock_guard lock(mutex_);
    held_[lease] = *fence;
  }
  options_.changed();
}

void lease_keeper::apply(const std::map<std::string, bridge::redis::lease, std::less<>>& leases,
                         const std::vector<bridge::redis::node_beat>& beats) {
  const auto now = runtime::utc_now();
  cluster_view view;
  std::map<std::string, market::timestamp> suspects;
  {
    const std::lock_guard lock(mutex_);
    // Who has spoken since is suspected no longer.
    for (const auto& b : beats) {
      const auto it = suspects_.find(b.node);
      if (it != suspects_.end() && now - b.age > it->second + options_.lease / looks_a_lease)
        suspects_.erase(it);
    }
    suspects = suspects_;
  }
  const auto patience = [&](const std::string& node) {
    return suspects.contains(node) ? options_.lease * beats_missed / looks_a_lease : options_.lease;
  };
  std::vector<seat> seats;
  for (const auto& b : beats) {
    if (b.age >= patience(b.node) && b.node != options_.node) {
      // Who comes back has not been here all the time.
      first_seen_.erase(b.node);
      continue;
    }
    auto says = parse_node_says(b.text);
    if (!says) {
      note(b.node + ": " + says.error().message);
      continue;
    }
    auto& seen = first_seen_[b.node];
    if (seen.first != b.life) seen = {b.life, now};
    if (says->in_force) {
      view.in_force = says->in_force;
      view.listed_on = says->listed_on;
    }
    seats.push_back({b.node, says->roles, says->leaving, now - seen.second, says->alone});
    view.nodes.push_back({b.node, b.life, std::move(*says), b.age});
  }
  auto all = all_work(options_.shards);
  for (auto& w : all) {
    const auto it = leases.find(w.lease);
    if (it == leases.end() || it->second.holder.empty()) continue;
    const bool lives = std::ranges::count(seats, it->second.holder, &seat::node) != 0;
    if (!lives || it->second.age >= options_.lease) continue;
    w.holder = it->second.holder;
    view.holders[w.lease] = w.holder;
  }
  auto d = decide(options_.node, seats, all, settled);
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    // The one that ingested may be gone for the moment; what it said holds.
    if (!view.in_force) {
      view.in_force = view_.in_force;
      view.listed_on = view_.listed_on;
    }
    tell = view.in_force != view_.in_force || view.nodes.size() != view_.nodes.size() ||
           view.holders != view_.holders;
    view.failure = view_.failure;
    view_ = std::move(view);
    for (const auto& lease : d.hand_over) {
      if (!leaving_.insert(lease).second) continue;
      tell = true;
      runtime::log().info("cluster: handing over {}", lease);
    }
    nodes_->set(static_cast<std::int64_t>(seats.size()));
  }
  const auto self = std::ranges::find(seats, options_.node, &seat::node);
  const bool alone = self != seats.end() && self->alone;
  for (const auto& lease : d.take) {
    const auto it = leases.find(lease);
    const bool known = it != leases.end();
    const auto holder = known ? it->second.holder : std::string();
    const bool is_ours = holder == options_.node || (holder.empty() && alone);
    // Its node said so, or the network does. But an ingest node may journal without its lease.
    const bool is_left =
        known && lease != ingest_lease && (holder.empty() || suspects.contains(holder));
    if (is_ours || is_left || now >= trusts_silence_from_) take(lease);
  }
  if (tell) options_.changed();
}

void lease_keeper::take(const std::string& lease) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || held_.contains(lease)) return;
  }
  const auto fence = options_.leases->take(lease, options_.node, options_.floor());
  if (!fence) {
    note("lease " + lease + ": " + fence.error().message);
    return;
  }
  runtime::log().info("cluster: took {} (fence {})", lease, *fence);
  taken_->add();
  {
    const std::lock_guard lock(mutex_);
    held_[lease] = *fence;
    held_gauge_->set(static_cast<std::int64_t>(held_.size()));
  }
  options_.changed();
}

void lease_keeper::note(const std::string& line) {
  // It is looked at again and again.
  if (std::exchange(noted_, line) == line) return;
  runtime::log().warn("cluster: {}", line);
}

}  // namespace artham::app::cluster
