#include "app/journal_upkeep.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "actors/checkpoint.hpp"
#include "actors/features/feature_stream.hpp"
#include "actors/ingest/ingestor.hpp"
#include "app/feature_rules.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

/// Looks between two removals.
constexpr unsigned looks_per_removal = 10;

std::string mib(std::int64_t bytes) {
  return std::to_string(bytes >> 20U) + " MiB";
}

/// When the trading day that `t` lies in began, by the calendar that began it first.
market::timestamp day_begin(const std::vector<market::calendar_ptr>& calendars,
                            market::timestamp t) {
  auto begin = t / market::day * market::day;
  for (const auto& c : calendars) begin = std::min(begin, c->day_of(t).begin);
  return begin;
}

/// The oldest position that a start may read from; nothing when it may read from the beginning.
std::optional<record::position> oldest_checkpoint(const std::filesystem::path& dir) {
  std::optional<record::position> oldest;
  for (const auto& file : actors::checkpoint_directory(dir).newest_first()) {
    const auto at = actors::checkpoint_directory::position_of(file);
    // Nobody knows what one of another name needs.
    if (!at) return std::nullopt;
    oldest = oldest ? std::min(*oldest, *at) : *at;
  }
  return oldest;
}

}  // namespace

journal_upkeep::journal_upkeep(upkeep_options o, bridge::bridge& journal,
                               std::shared_ptr<bridge::local::trimmer> trimmer,
                               store::reader* stored, runtime::metrics& metrics)
    : options_(std::move(o)),
      journal_(journal),
      trimmer_(std::move(trimmer)),
      stored_(stored),
      metrics_(metrics),
      free_(metrics.gauge("artham_journal_free_bytes", "Free room on the journal's disk.")),
      low_(metrics.gauge("artham_journal_low_space",
                         "1 while the journal's disk has less room than journal.reserve.")),
      full_(metrics.gauge(bridge::local::disk_full_metric, "")) {}

void journal_upkeep::began(const bridge::local::open_report& report) {
  const std::lock_guard lock(mutex_);
  for (const auto& k : report.trimmed) {
    if (k.stream == record::ticks_stream()) kept_ = k;
  }
}

void journal_upkeep::look() {
  measure_room();
  if (looks_++ % looks_per_removal != 0) return;
  const auto removed = remove_old();
  const auto failure = removed ? std::nullopt : std::optional(removed.error());
  if (failure && failure != last_failure_)
    runtime::log().error("journal: nothing old could be removed: {}", failure->message);
  last_failure_ = failure;
  if (removed) count(*removed);
  measure_files();
}

void journal_upkeep::measure_room() {
  std::error_code failed;
  const auto room = std::filesystem::space(options_.journal, failed);
  if (failed) {
    runtime::log().warn("journal: the room on its disk cannot be told: {}", failed.message());
    return;
  }
  free_.set(static_cast<std::int64_t>(room.available));
  const bool low = room.available < options_.reserve;
  if (low == (low_.value() != 0)) return;
  low_.set(low ? 1 : 0);
  const auto wanted = mib(static_cast<std::int64_t>(options_.reserve));
  if (low) {
    runtime::log().error(
        "journal: {} are free on the disk of {}, less than journal.reserve ({}): free some, or "
        "keep less with journal.retention",
        mib(free_.value()), options_.journal.string(), wanted);
  } else {
    runtime::log().info("journal: {} are free on its disk, journal.reserve is {}",
                        mib(free_.value()), wanted);
  }
}

void journal_upkeep::measure_files() {
  for (const auto& s : trimmer_->sizes()) {
    const runtime::labels of{{"stream", s.stream}};
    metrics_.gauge("artham_journal_kept_segments", "Segment files of the stream.", of)
        .set(static_cast<std::int64_t>(s.segments));
    metrics_.gauge("artham_journal_kept_bytes", "Bytes of the stream's files.", of)
        .set(static_cast<std::int64_t>(s.bytes));
  }
}

void journal_upkeep::count(const bridge::local::trim_report& done) {
  for (const auto& s : done.removed) {
    const runtime::labels of{{"stream", s.stream}};
    metrics_
        .counter("artham_journal_removed_segments_total", "Segments that retention removed.", of)
        .add(s.segments);
    metrics_.counter("artham_journal_removed_bytes_total", "Bytes that retention removed.", of)
        .add(s.bytes);
    runtime::log().info("journal: {}: removed {} segments, {} bytes", s.stream, s.segments,
                        s.bytes);
  }
  if (!done.kept) return;
  const std::lock_guard lock(mutex_);
  kept_ = done.kept;
}

result<std::optional<bridge::local::trim_limits>> journal_upkeep::limits() const {
  const auto newest = actors::newest_record_times(journal_);
  if (!newest) return tl::unexpected(newest.error());
  bridge::local::trim_limits all;
  all.before =
      std::min(newest->market - options_.retention, day_begin(options_.calendars, newest->market));
  if (options_.passed_ticks) {
    const auto passed = options_.passed_ticks();
    if (!passed) return tl::unexpected(passed.error());
    if (passed->seq == 0) return std::nullopt;
    all.passed.emplace(record::ticks_stream(), *passed);
    return all;
  }
  const auto positions = stored_->positions();
  if (!positions) return tl::unexpected(positions.error());
  if (options_.features) {
    // A start that finds no checkpoint of use reads the day of the newest feature again.
    const auto top = actors::read_features_top(journal_);
    if (!top) return tl::unexpected(top.error());
    if (top->at != 0) all.before = std::min(all.before, day_begin(options_.calendars, top->at));
  }
  std::size_t tick_shards = 0;
  for (const auto& p : *positions) {
    if (p.stream == record::ticks_stream()) ++tick_shards;
    // A quarantine holds until it is lifted, however old its record.
    if (p.stream == record::dead_letters_stream()) continue;
    const auto [it, first] = all.passed.emplace(p.stream, p.at);
    if (!first) it->second = std::min(it->second, p.at);
  }
  if (options_.evaluated) {
    for (auto& [stream, at] : all.passed) at = std::min(at, options_.evaluated(stream));
  }
  const auto ticks = all.passed.find(record::ticks_stream());
  const auto checkpoint = oldest_checkpoint(options_.checkpoints);
  // A shard without a position has stored nothing yet.
  if (tick_shards < options_.tick_shards || ticks == all.passed.end() || !checkpoint)
    return std::nullopt;
  ticks->second = std::min(ticks->second, *checkpoint);
  if (options_.features) {
    const auto features = oldest_checkpoint(feature_checkpoints(options_.checkpoints));
    if (features) ticks->second = std::min(ticks->second, *features);
  }
  return all;
}

result<bridge::local::trim_report> journal_upkeep::remove_old() {
  if (options_.retention == 0) return bridge::local::trim_report{};
  const auto l = limits();
  if (!l) return tl::unexpected(l.error());
  if (!*l) return bridge::local::trim_report{};
  return trimmer_->trim(**l);
}

nlohmann::json journal_upkeep::status() const {
  nlohmann::json j{
      {"free_bytes", free_.value()},
      {"reserve_bytes", options_.reserve},
      {"low", low_.value() != 0},
      {"full", full_.value() != 0},
      {"dropped_ticks",
       metrics_.counter(actors::dropped_ticks_metric, "", {{"why", "disk_full"}}).value()}};
  const std::lock_guard lock(mutex_);
  if (kept_) {
    j["kept_from"] = {{"epoch", kept_->first.epoch},
                      {"seq", kept_->first.seq},
                      {"time", market::to_rfc3339(kept_->from, market::india_offset)}};
  }
  return j;
}

std::string journal_upkeep::unready() const {
  return full_.value() != 0 ? "the journal's disk is full: free some room" : "";
}

}  // namespace artham::app
