#include "app/cluster/unit_runner.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "runtime/log.hpp"

namespace artham::app::cluster {

namespace {

/// Between two looks when nobody wakes us: what could not be started is tried again.
constexpr std::chrono::milliseconds pause{250};
const std::string always = "gateway";
const std::string ingest = "ingest";

}  // namespace

unit_runner::unit_runner(unit_runner_options o) : options_(std::move(o)) {}

unit_runner::~unit_runner() {
  stop();
}

void unit_runner::start() {
  thread_ = std::thread([this] { run(); });
}

void unit_runner::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

void unit_runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::map<std::string, std::string> unit_runner::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void unit_runner::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    look();
    lock.lock();
    wake_.wait_for(lock, pause, [this] { return woken_ || stopping_; });
  }
  lock.unlock();
  // Who takes ticks in first: those behind it finish what has come.
  end(ingest);
  std::vector<std::string> rest;
  for (const auto& entry : units_) rest.push_back(entry.first);
  for (const auto& lease : rest) end(lease);
}

void unit_runner::look() {
  const auto held = options_.keeper->held();
  end_what_is_not_held(held);
  const auto ingest_lease = held.find(ingest);
  options_.ingest_held(ingest_lease != held.end());
  if (ingest_lease != held.end() && !units_.contains(ingest)) begin(ingest, ingest_lease->second);
  if (!units_.contains(ingest)) begin_alone();
  const auto rules = options_.rules(options_.keeper->view());
  if (!rules) {
    note("rules", tl::unexpected(rules.error()));
    return;
  }
  note("rules", {});
  if (*rules && rules_ && (*rules)->hashes != rules_->hashes) end_by_rules();
  if (*rules) rules_ = *rules;
  if (!rules_) return;
  for (const auto& [lease, fence] : held) {
    if (!units_.contains(lease)) begin(lease, fence);
  }
  if (options_.start_always && !units_.contains(always)) {
    auto made = options_.start_always(*rules_);
    note(always, made ? result<void>() : result<void>(tl::unexpected(made.error())));
    if (made) units_[always] = {std::move(*made), 0, true};
  }
  for (auto& entry : units_) entry.second.what->look();
}

void unit_runner::end_what_is_not_held(const std::map<std::string, std::uint64_t>& held) {
  std::vector<std::string> over;
  for (auto& [lease, u] : units_) {
    if (lease == always) continue;
    const auto it = held.find(lease);
    const bool refenced = it != held.end() && it->second != u.fence && u.what->refence(it->second);
    if (refenced) u.fence = it->second;
    const bool alone = u.fence == 0 && it == held.end() && !another_ingests();
    const bool goes_on = alone || (it != held.end() && it->second == u.fence);
    if (!goes_on || u.what->is_over()) over.push_back(lease);
  }
  const auto leaving = options_.keeper->handing_over();
  for (const auto& lease : over) {
    if (held.contains(lease) || leaving.contains(lease)) {
      end(lease);
    } else {
      abandon(lease);
    }
  }
  for (const auto& [lease, fence] : leaving) options_.keeper->release(lease, fence);
}

bool unit_runner::another_ingests() const {
  const auto holders = options_.keeper->view().holders;
  const auto it = holders.find(ingest);
  return it != holders.end() && it->second != options_.node;
}

void unit_runner::begin_alone() {
  if (!options_.start_alone || another_ingests()) return;
  auto made = options_.start_alone();
  note("ingest alone", made ? result<void>() : result<void>(tl::unexpected(made.error())));
  if (made && *made) units_[ingest] = {std::move(*made), 0, false};
}

void unit_runner::end_by_rules() {
  runtime::log().info("cluster: md:ticks has other rules now: starting anew by them");
  std::vector<std::string> over;
  for (const auto& [lease, u] : units_) {
    if (u.by_rules) over.push_back(lease);
  }
  for (const auto& lease : over) end(lease);
}

void unit_runner::begin(const std::string& lease, std::uint64_t fence) {
  auto made = options_.start(lease, fence, rules_.get());
  note(lease, made ? result<void>() : result<void>(tl::unexpected(made.error())));
  if (made) units_[lease] = {std::move(*made), fence, lease != ingest};
}

void unit_runner::end(const std::string& lease) {
  const auto it = units_.find(lease);
  if (it == units_.end()) return;
  it->second.what->stop();
  units_.erase(it);
  runtime::log().info("cluster: {} ended here", lease);
}

void unit_runner::abandon(const std::string& lease) {
  const auto it = units_.find(lease);
  it->second.what->abandon();
  units_.erase(it);
  runtime::log().info("cluster: {} is given up here", lease);
}

void unit_runner::note(const std::string& what, const result<void>& outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome) {
    waiting_.erase(what);
    return;
  }
  auto& said = waiting_[what];
  if (said == outcome.error().message) return;
  said = outcome.error().message;
  runtime::log().warn("cluster: {} waits: {}", what, said);
}

}  // namespace artham::app::cluster
