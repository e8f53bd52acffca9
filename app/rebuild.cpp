#include "app/rebuild.hpp"

#include <utility>

#include "app/journal_range.hpp"
#include "app/pipeline.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace artham::app {

result<std::vector<record::dead_letter>> read_quarantines(bridge::bridge& journal) {
  const auto found = actors::read_dead_letters(journal);
  if (!found) return tl::unexpected(found.error());
  std::vector<record::dead_letter> all;
  for (const auto& l : *found) all.push_back(l.letter);
  return all;
}

result<std::uint64_t> rebuild(bridge::bridge& journal, const std::vector<rule_period>& periods,
                              bridge::bridge& outputs, const rebuild_options& o) {
  const feed::kite::frame_decoder decoder;
  std::uint64_t ticks = 0;
  for (const auto& period : periods) {
    journal_range input(journal, {{}, period.until, nullptr});
    actors::bar_reader_config config;
    config.input = &input;
    config.output = &outputs;
    config.decoder = &decoder;
    config.timeframes = period.rules.timeframes;
    config.plan_of = [plans = period.rules.plans()](std::uint32_t token) {
      return plans->of(token);
    };
    config.batch = o.batch;
    config.quarantines = o.quarantines;
    config.repaired = actors::repaired_bars::give;
    bar_pipeline pipeline(o.threads, config);
    if (auto done = pipeline.wait_for(period.until, o.on_progress); !done)
      return tl::unexpected(done.error());
    if (auto whole = pipeline.check_builders(); !whole) return tl::unexpected(whole.error());
    ticks = pipeline.ticks();
  }
  return ticks;
}

}  // namespace artham::app
