#include "app/feature_rules.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "actors/features/feature_reader.hpp"
#include "app/journal_range.hpp"
#include "app/journal_rules.hpp"
#include "app/pipeline.hpp"
#include "app/position_at.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

/// A tick may be so much older by its exchange time than by the clock that journals it.
constexpr market::duration day_margin = 2 * feed::ahead_limit;

/// What the settings say of features, and nothing else.
std::string features_text(const config::settings& s) {
  const auto all = config::canonical_text(s);
  std::string found;
  bool within = false;
  for (std::size_t begin = 0; begin < all.size();) {
    const auto end = std::min(all.find('\n', begin), all.size() - 1) + 1;
    const auto line = std::string_view(all).substr(begin, end - begin);
    if (line.starts_with('[')) within = line.starts_with("[features");
    if (within) found += line;
    begin = end;
  }
  return found;
}

result<void> run_period(bridge::bridge& journal, const feature_period& period,
                        bridge::bridge& outputs, const feature_rebuild& how) {
  auto setup = read_feature_setup(journal, period.hashes);
  if (!setup) return tl::unexpected(setup.error());
  if (!setup->enabled) return {};
  const feed::kite::frame_decoder decoder;
  journal_range input(journal, {{}, period.until, nullptr});
  actors::feature_reader_config config;
  config.input = &input;
  config.output = &outputs;
  config.decoder = &decoder;
  config.plan = setup->plan;
  config.batch = how.batch;
  config.after = period.after;
  config.plan_hash = setup->hash;
  config.checkpoint_dir = how.checkpoints;
  config.day_begin = day_begin_in(input, setup->calendars);
  feature_pipeline pipeline(how.threads, config);
  if (auto done = pipeline.wait_for(period.until, how.on_progress); !done) return done;
  return pipeline.check_groups();
}

}  // namespace

feature_setup feature_setup_of(const config::settings& s, const calendar_set& calendars,
                               std::span<const market::instrument> instruments) {
  feature_setup setup;
  setup.enabled = s.features.enabled;
  for (const auto& entry : calendars.by_name) setup.calendars.push_back(entry.second);
  setup.plan = market::feature::feature_plan::make(instruments, calendar_by_exchange(calendars),
                                                   s.features.rules());
  setup.hash = sha256(std::to_string(market::feature::feature_group::state_version) + "\n" +
                      features_text(s) + calendars.text +
                      market::write_instruments({instruments.begin(), instruments.end()}));
  return setup;
}

result<feature_setup> read_feature_setup(const bridge::bridge& journal,
                                         const market::config_hashes& hashes) {
  const auto settings = read_settings(journal, hashes);
  if (!settings) return tl::unexpected(settings.error());
  const auto calendar_text = journal.get_object(hashes.calendar);
  if (!calendar_text) return tl::unexpected(calendar_text.error());
  const auto calendars = read_calendar_set(*calendar_text);
  if (!calendars) return tl::unexpected(calendars.error());
  const auto csv = journal.get_object(hashes.instruments);
  if (!csv) return tl::unexpected(csv.error());
  const auto instruments = market::parse_instruments(*csv);
  if (!instruments) return tl::unexpected(instruments.error());
  return feature_setup_of(*settings, *calendars, *instruments);
}

result<std::vector<feature_period>> feature_periods(bridge::bridge& journal,
                                                    record::position after) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  std::vector<feature_period> periods;
  if (after.seq != 0) {
    const auto hashes = hashes_of_epoch(journal, after.epoch);
    if (!hashes) return tl::unexpected(hashes.error());
    if (*hashes) periods.push_back({**hashes, {}, {}});
  }
  const auto cursor = journal.open_reader(record::ticks_stream(), after, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  auto last = after;
  for (;;) {
    const auto blocks = (*cursor)->pull(1U << 18U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      for (const auto& m : b->marks) {
        const bool tells =
            m.kind == market::mark_kind::epoch || m.kind == market::mark_kind::config;
        if (!tells || m.position <= after) continue;
        if (!periods.empty() && periods.back().hashes == m.hashes) continue;
        record::position before;
        if (!periods.empty()) {
          const bool first = m.position.seq == b->first_seq;
          before = first ? last : record::position{b->epoch, m.position.seq - 1};
          periods.back().until = before;
        }
        periods.push_back({m.hashes, before, {}});
      }
      last = b->last();
    }
  }
  if (!periods.empty()) periods.back().until = tops->appended;
  return periods;
}

std::filesystem::path feature_checkpoints(const std::filesystem::path& checkpoints) {
  return checkpoints / "features";
}

std::function<result<record::position>(market::timestamp)> day_begin_in(
    bridge::bridge& journal, std::vector<market::calendar_ptr> calendars) {
  return [&journal,
          calendars = std::move(calendars)](market::timestamp t) -> result<record::position> {
    auto begin = t;
    for (const auto& c : calendars) begin = std::min(begin, c->day_of(t).begin);
    auto at = position_at(journal, begin - day_margin);
    // What retention removed cannot be read: the day goes from where the journal begins.
    if (!at && at.error().code == errc::not_found) return record::position{};
    return at;
  };
}

result<void> make_features(bridge::bridge& journal, std::span<const feature_period> periods,
                           bridge::bridge& outputs, const feature_rebuild& how) {
  for (const auto& period : periods) {
    if (auto done = run_period(journal, period, outputs, how); !done) return done;
  }
  return {};
}

result<record::position> finish_earlier_features(bridge::bridge& journal,
                                                 const market::config_hashes& now,
                                                 const feature_rebuild& how) {
  const auto top = actors::read_features_top(journal);
  if (!top) return tl::unexpected(top.error());
  auto periods = feature_periods(journal, top->cause.at);
  if (!periods) return tl::unexpected(periods.error());
  if (periods->empty()) return record::position{};
  auto before_now = periods->back().until;
  if (periods->back().hashes == now) {
    before_now = periods->back().after;
    periods->pop_back();
  }
  if (periods->empty()) return before_now;
  runtime::log().info(
      "features have other settings or instruments now: finishing what was journaled under the "
      "earlier ones");
  if (auto done = make_features(journal, *periods, journal, how); !done)
    return tl::unexpected(done.error());
  return before_now;
}

}  // namespace artham::app
