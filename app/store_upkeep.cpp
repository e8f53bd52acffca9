#include "app/store_upkeep.hpp"

#include <spdlog/spdlog.h>

#include "actors/ingest/ingestor.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

constexpr unsigned looks_per_removal = 60;

}  // namespace

store_upkeep::store_upkeep(store::retention keep, bridge::bridge& journal, store::database& stored,
                           runtime::metrics& metrics)
    : keep_(keep), journal_(journal), stored_(stored), metrics_(metrics) {}

result<std::vector<store::removed_rows>> store_upkeep::remove_old() {
  if (keep_.ticks == 0 && keep_.bars == 0 && keep_.features == 0)
    return std::vector<store::removed_rows>{};
  const auto newest = actors::newest_record_times(journal_);
  if (!newest) return tl::unexpected(newest.error());
  return stored_.remove_old(keep_, newest->market);
}

void store_upkeep::look() {
  if (looks_++ % looks_per_removal != 0) return;
  const auto removed = remove_old();
  const auto failure = removed ? std::nullopt : std::optional(removed.error());
  if (failure && failure != last_failure_)
    runtime::log().error("store: nothing old could be removed: {}", failure->message);
  last_failure_ = failure;
  if (!removed) return;
  for (const auto& r : *removed) {
    metrics_
        .counter("artham_store_removals_total", "Times that retention removed rows of a table.",
                 {{"table", r.table}})
        .add();
    runtime::log().info("store: {} begins at {} now, as store.postgres.keep_* says", r.table,
                        market::to_rfc3339(r.before, market::india_offset));
  }
}

}  // namespace artham::app
