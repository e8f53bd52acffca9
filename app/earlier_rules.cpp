#include "app/earlier_rules.hpp"

#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/pipeline.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

/// What the newest epoch was begun under; nothing for an empty journal, or when its beginning is
/// damaged.
result<std::optional<market::config_hashes>> newest_hashes(bridge::bridge& journal) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended.seq == 0) return std::nullopt;
  const record::position before{tops->appended.epoch - 1, UINT64_MAX};
  const auto cursor =
      journal.open_reader(record::ticks_stream(), before, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  const auto blocks = (*cursor)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  for (const auto& b : *blocks) {
    for (const auto& m : b->marks) {
      // Where the epoch's beginning is not kept any more, a config mark stands for it.
      if (m.kind == market::mark_kind::epoch || m.kind == market::mark_kind::config)
        return m.hashes;
    }
  }
  return std::nullopt;
}

}  // namespace

result<void> finish_earlier_rules(bridge::bridge& journal, const earlier_rules_options& o) {
  const auto newest = newest_hashes(journal);
  if (!newest) return tl::unexpected(newest.error());
  if (!*newest) return {};
  const auto then = read_rules(journal, **newest);
  if (!then) return tl::unexpected(then.error());
  if (then->hash() == o.now) return {};
  const auto rules = rules_of(journal);
  if (!rules) return tl::unexpected(rules.error());
  const auto until = rules->periods.back().until;
  const feed::kite::frame_decoder decoder;
  runtime::worker disk("checkpoints", 4);
  actors::bar_reader_config config;
  config.input = &journal;
  config.output = &journal;
  config.decoder = &decoder;
  config.timeframes = rules->last().timeframes;
  config.plan_of = [plans = rules->last().plans()](std::uint32_t token) {
    return plans->of(token);
  };
  config.plan_hash = rules->last().hash();
  config.batch = o.batch;
  config.checkpoint_dir = o.checkpoints;
  config.disk = &disk;
  bar_pipeline pipeline(o.threads, std::move(config));
  runtime::log().info(
      "bars have other settings now: finishing what was journaled under the earlier ones");
  if (auto done = pipeline.wait_for(until); !done) return done;
  return pipeline.check_builders();
}

}  // namespace artham::app
