#include "app/earlier_rules.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "app/pipeline.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

namespace artham::app {

result<void> finish_earlier_rules(bridge::bridge& journal, const earlier_rules_options& o) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended.seq == 0) return {};
  const auto newest = hashes_of_epoch(journal, tops->appended.epoch);
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
  bar_pipeline pipeline(o.threads, config);
  runtime::log().info(
      "bars have other settings now: finishing what was journaled under the earlier ones");
  runtime::failpoint("rules.begun");
  // What could not be built is recorded beside the bars, as in a run.
  auto done = pipeline.wait_for(until);
  runtime::failpoint("rules.finished");
  return done;
}

}  // namespace artham::app
