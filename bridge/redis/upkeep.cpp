#include "bridge/redis/upkeep.hpp"

#include <pthread.h>

#include <algorithm>
#include <vector>

#include <spdlog/spdlog.h>

#include "bridge/common/stream_rules.hpp"
#include "bridge/redis/control.hpp"
#include "bridge/redis/scripts.hpp"
#include "bridge/redis/server_info.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::int64_t acknowledged_at_once = 1000;
/// So many parts of what is allowed, and one more, may be used before derived streams are cut.
constexpr std::uint64_t derived_margin = 4;

}  // namespace

upkeep::upkeep(const options& o, append_pipe& pipe, redis::health& h, runtime::metrics& m,
               const std::optional<error>& away)
    : options_(o),
      pipe_(pipe),
      health_(h),
      memory_gauge_(m.gauge("artham_redis_used_memory_bytes", "What Redis says that it uses.")),
      alarm_gauge_(m.gauge("artham_redis_memory_alarm",
                           "1 while Redis uses more than bridge.redis.max_bytes.")),
      trimmed_(
          m.counter("artham_redis_trimmed_entries_total", "Entries that nobody needed any more.")),
      forced_(m.counter("artham_redis_forced_trims_total",
                        "Times that entries were removed that somebody may still need, as Redis "
                        "used too much memory.")),
      unchecked_(away.has_value()) {
  if (away) health_.set("keep", *away);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "redis-keep");
    run();
  });
}

upkeep::~upkeep() {
  stop();
}

void upkeep::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void upkeep::passed(std::string_view stream, std::string_view consumer, record::position upto,
                    bool has_group) {
  {
    const std::lock_guard lock(mutex_);
    auto& at = passed_[{std::string(stream), std::string(consumer)}];
    at = {has_group ? std::max(at.upto, upto) : upto, has_group};
  }
  changed_.notify_all();
}

upkeep::seen upkeep::last_seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void upkeep::run() {
  auto due = clock::now();
  for (;;) {
    passed_map all;
    bool last = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, due, [&] { return stopping_ || !passed_.empty(); });
      all.swap(passed_);
      last = stopping_;
    }
    auto ok = say(all);
    if (ok && !last && clock::now() >= due) {
      ok = look_after();
      due = clock::now() + std::chrono::nanoseconds(options_.upkeep);
    }
    if (last) return;
    if (ok) {
      health_.set("keep", std::nullopt);
      pauses_.reset();
      continue;
    }
    health_.set("keep", ok.error());
    connection_.reset();
    std::unique_lock lock(mutex_);
    for (const auto& [who, what] : all) {
      const auto [at, is_newest] = passed_.try_emplace(who, what);
      if (!is_newest && what.has_group) at->second.upto = std::max(at->second.upto, what.upto);
    }
    if (changed_.wait_for(lock, pauses_.next(), [&] { return stopping_; })) return;
    due = clock::now();
  }
}

result<void> upkeep::say(const passed_map& all) {
  if (!connection_) {
    auto c = connection::open(options_.server, options_.consumer + "-keep");
    if (!c) return tl::unexpected(c.error());
    connection_ = std::move(*c);
  }
  if (unchecked_) {
    if (auto ok = check_server(*connection_); !ok) return ok;
    unchecked_ = false;
  }
  for (const auto& [who, what] : all) {
    const auto& [stream, consumer] = who;
    const auto id = id_text(what.upto);
    if (!what.has_group) {
      auto ok = connection_->command({"HSET", cursors_key(stream), consumer, id});
      if (!ok) return tl::unexpected(ok.error());
      continue;
    }
    for (std::int64_t done = acknowledged_at_once; done == acknowledged_at_once;) {
      const std::string_view keys[] = {stream};
      const std::string_view values[] = {consumer, id};
      auto r = connection_->eval(acknowledge_script(), keys, values);
      // A stream that was emptied has no groups until its readers are back.
      if (!r && r.error().code == errc::not_found) break;
      if (!r) return tl::unexpected(r.error());
      done = r->integer().value_or(0);
    }
  }
  return {};
}

result<void> upkeep::look_after() {
  auto used = used_memory();
  if (!used) return tl::unexpected(used.error());
  memory_gauge_.set(static_cast<std::int64_t>(*used));
  seen now;
  now.used_memory = *used;
  for (const auto& s : pipe_.streams()) {
    auto ok = trim(*s);
    if (!ok && (connection_->is_broken() || is_transient(ok.error().code))) return ok;
    if (!ok) runtime::log().warn("trimming stream {}: {}", s->name, ok.error().message);
    auto length = connection_->command({"XLEN", s->name});
    if (!length && connection_->is_broken()) return tl::unexpected(length.error());
    const auto entries = length ? static_cast<std::uint64_t>(length->integer().value_or(0)) : 0;
    now.streams.push_back({s->name, entries, pipe_.tail(*s)});
  }
  {
    const std::lock_guard lock(mutex_);
    seen_ = std::move(now);
  }
  const bool too_much = *used > options_.max_bytes;
  alarm_gauge_.set(too_much ? 1 : 0);
  if (!too_much) {
    health_.set("memory", std::nullopt);
    return {};
  }
  health_.set(
      "memory",
      error{errc::full, "Redis at " + options_.server.text() + " uses " + std::to_string(*used) +
                            " bytes, more than bridge.redis.max_bytes: streams are trimmed "
                            "of what consumers may still need; let them catch up, or raise "
                            "the limit"});
  return trim_by_force(*used);
}

result<std::uint64_t> upkeep::used_memory() {
  auto info = connection_->command({"INFO", "memory"});
  if (!info) return tl::unexpected(info.error());
  return number_in(info->text(), "used_memory");
}

result<void> upkeep::trim(const out_stream& s) {
  if (s.kind == numbering::live) return {};
  const auto cursors = cursors_key(s.name);
  const std::string_view keys[] = {s.name, cursors};
  const auto from = id_text(kept_from(s));
  std::vector<std::string_view> arguments{from};
  if (is_source(s.name))
    arguments.insert(arguments.end(), options_.awaited.begin(), options_.awaited.end());
  auto r = connection_->eval(trim_script(), keys, arguments);
  if (!r) return tl::unexpected(r.error());
  trimmed_.add(static_cast<std::uint64_t>((*r)[0].integer().value_or(0)));
  return {};
}

record::position upkeep::kept_from(const out_stream& s) {
  const auto now = clock::now();
  const auto before = now - std::chrono::nanoseconds(options_.keep);
  auto& ends = ends_[s.name];
  ends.emplace_back(now, pipe_.tail(s));
  while (ends.size() > 1 && ends[1].first <= before) ends.pop_front();
  return ends.front().first <= before ? ends.front().second : record::position{};
}

/// A tenth of the stream that takes the most. Ticks go first: they come back from the journal of
/// the ingest node, which what is derived from them does not.
result<void> upkeep::trim_by_force(std::uint64_t used) {
  std::string largest;
  std::int64_t most = 0;
  const bool ticks_only = used - used / (derived_margin + 1) <= options_.max_bytes;
  for (const auto& s : pipe_.streams()) {
    if (ticks_only && !is_source(s->name)) continue;
    auto r = connection_->command({"MEMORY", "USAGE", s->name});
    if (!r) return tl::unexpected(r.error());
    const auto bytes = r->integer().value_or(0);
    if (bytes > most) {
      most = bytes;
      largest = s->name;
    }
  }
  if (largest.empty()) return {};
  auto length = connection_->command({"XLEN", largest});
  if (!length) return tl::unexpected(length.error());
  const auto entries = length->integer().value_or(0);
  if (entries < 2) return {};
  const auto kept = entries - std::max<std::int64_t>(entries / 10, 1);
  auto gone = connection_->command({"XTRIM", largest, "MAXLEN", "=", std::to_string(kept)});
  if (!gone) return tl::unexpected(gone.error());
  forced_.add();
  runtime::log().error(
      "Redis at {} uses {} bytes of {} allowed: the oldest {} entries of {} are "
      "removed",
      options_.server.text(), used, options_.max_bytes, gone->integer().value_or(0), largest);
  return {};
}

}  // namespace artham::bridge::redis
