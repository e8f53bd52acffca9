#include "app/replay.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/alert_replay.hpp"
#include "app/bar_files.hpp"
#include "app/bundle.hpp"
#include "app/environment.hpp"
#include "app/feature_files.hpp"
#include "app/feature_rules.hpp"
#include "app/journal_rules.hpp"
#include "app/journal_slice.hpp"
#include "app/opened_journal.hpp"
#include "app/pipeline.hpp"
#include "app/progress.hpp"
#include "app/rebuild.hpp"
#include "app/replay_input.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "config/file_text.hpp"
#include "config/settings.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "market/bar_merge.hpp"

namespace artham::app {

namespace {

/// Records between the reader of the input and the bar builders.
constexpr std::uint64_t ahead_at_most = 1'000'000;

result<std::vector<market::instrument>> named_instruments(const replay_options& o) {
  if (o.instruments.empty()) return std::vector<market::instrument>{};
  const auto text = config::read_text(o.instruments);
  if (!text) return fail(text.error().code, "--instruments: " + text.error().message);
  auto list = market::parse_instruments(*text);
  if (!list)
    return fail(list.error().code, "--instruments " + o.instruments + ": " + list.error().message);
  return list;
}

result<bar_rules> default_rules(const config::settings& s,
                                std::span<const market::instrument> instruments) {
  const auto names = config::builtin_calendar_names();
  auto calendars = load_calendar_set(names);
  if (!calendars) return tl::unexpected(calendars.error());
  auto rules = rules_of(s, std::move(*calendars));
  rules.instruments =
      std::make_shared<const actors::instrument_index>(instruments, rules.calendars.by_name);
  return rules;
}

feature_files::offset_of_token offset_by(std::shared_ptr<const plan_book> plans) {
  return [plans = std::move(plans)](std::uint32_t token, market::timestamp t) {
    return plans->calendar_of(token).utc_offset(t);
  };
}

/// The files of features go beside those of bars.
result<void> add_files(feature_files& features, bar_files& files) {
  const auto paths = features.finish();
  if (!paths) return tl::unexpected(paths.error());
  for (const auto& [name, path] : *paths) files.add_written(name, path, features.counts().at(name));
  return {};
}

/// Features of a journal, under what each part of it was written under.
result<void> replay_features(const replay_options& o, bridge::bridge& journal,
                             const rebuild_options& how, std::shared_ptr<const plan_book> plans,
                             alert_replay* alerts, bar_files& files) {
  const auto periods = feature_periods(journal, {});
  if (!periods) return tl::unexpected(periods.error());
  auto written = feature_files::create(o.out, offset_by(std::move(plans)));
  if (!written) return tl::unexpected(written.error());
  if (alerts != nullptr)
    written->tell([alerts](const record::feature_record& r) { alerts->take(r); });
  const auto outputs = bridge::memory::make();
  progress bar("features");
  result<void> outcome;
  feature_rebuild options;
  options.threads = how.threads;
  options.batch = std::min(options.batch, how.batch);
  options.on_progress = [&](record::position at) {
    bar.at(at.seq, periods->back().until.seq);
    if (outcome) outcome = written->drain(*outputs);
  };
  if (auto done = make_features(journal, *periods, *outputs, options); !done) return done;
  if (outcome) outcome = written->drain(*outputs);
  if (!outcome) return outcome;
  return add_files(*written, files);
}

struct replay_result {
  std::uint64_t ticks = 0;
  double seconds = 0;
  bar_files files;
  std::string digest;
};

/// Changes `rules` as the options ask; returns the timeframes that files are asked of.
result<std::vector<market::timeframe>> apply_overrides(const replay_options& o, bar_rules& rules) {
  auto asked = rules.timeframes;
  if (!o.timeframes.empty()) {
    auto list = market::parse_timeframes(o.timeframes, true);
    if (!list) return fail(list.error().code, "--timeframes: " + list.error().message);
    asked = rules.timeframes = std::move(*list);
    const bool periods = std::erase_if(rules.timeframes, market::is_period) != 0;
    if (periods && std::ranges::count(rules.timeframes, market::one_trading_day) == 0) {
      rules.timeframes.push_back(market::one_trading_day);
      std::ranges::sort(rules.timeframes);
    }
  }
  if (!o.calendar.empty()) {
    auto c = config::load_calendar(o.calendar);
    if (!c) return fail(c.error().code, "--calendar: " + c.error().message);
    rules.only = c->calendar;
  }
  return asked;
}

/// Bars of weeks and longer out of final 1D bars, which are sorted as bars_of does.
result<std::vector<record::bar_record>> periods_of(const std::vector<record::bar_record>& days,
                                                   market::timeframe period,
                                                   const plan_book& plans) {
  std::vector<record::bar_record> all;
  std::vector<market::bar> of_one;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const auto& b = days[i].bar;
    const bool more = i + 1 < days.size() && days[i + 1].bar.token == b.token;
    if (!more || days[i + 1].bar.start != b.start) of_one.push_back(b);
    if (more) continue;
    const auto merged = market::merge_bars(of_one, period, plans.of(b.token)->cal);
    if (!merged) return tl::unexpected(merged.error());
    for (const auto& m : *merged) all.push_back({{}, m});
    of_one.clear();
  }
  return all;
}

/// The final bars that are in `outputs`, as files.
result<void> add_bars(bridge::bridge& outputs, const bar_rules& rules,
                      const std::vector<market::timeframe>& asked, bar_files& files) {
  const auto plans = rules.plans();
  for (const auto& tf : asked) {
    const bool period = market::is_period(tf);
    auto bars = bars_of(outputs, period ? market::one_trading_day : tf);
    if (bars && period) bars = periods_of(*bars, tf, *plans);
    if (!bars) return tl::unexpected(bars.error());
    files.add(tf, *bars, [&](std::uint32_t token) -> const market::calendar& {
      return plans->calendar_of(token);
    });
  }
  return {};
}

/// The rules that were in force in this journal; none where they are not asked for.
result<std::optional<alert_replay>> alerts_of(const replay_options& o, const config::settings& s,
                                              const std::vector<market::timeframe>& timeframes) {
  if (!o.alerts) return std::nullopt;
  if (!o.bundle.empty() || !o.from.empty() || !o.to.empty()) {
    return fail(errc::usage,
                "--alerts is for a whole journal beside the store that has the rules: leave out "
                "the bundle, --from and --to");
  }
  auto alerts = alert_replay::open(s, o.journal);
  if (!alerts) return tl::unexpected(alerts.error());
  if (auto fits = alerts->check(timeframes, o.features); !fits) return tl::unexpected(fits.error());
  return std::optional(std::move(*alerts));
}

/// What they say to ticks and bars, and all of it as a file.
result<void> add_alerts(const replay_options& o, alert_replay& alerts, bridge::bridge& journal,
                        bridge::bridge& outputs, const std::vector<market::timeframe>& timeframes,
                        bar_files& files) {
  const feed::kite::frame_decoder decoder;
  for (const auto& input : actors::alert_inputs(timeframes, false)) {
    auto& from = input.of == actors::alert_input::what::ticks ? journal : outputs;
    if (auto done = alerts.take(from, input, decoder); !done) return done;
  }
  const auto written = alerts.write(o.out);
  if (!written) return tl::unexpected(written.error());
  files.add_written("alerts.csv", written->first, written->second);
  return {};
}

result<std::filesystem::path> journal_of(const replay_options& o) {
  if (!o.bundle.empty()) return open_bundle(o.bundle);
  const std::filesystem::path dir = o.journal;
  if (!std::filesystem::exists(dir))
    return fail(errc::not_found, "--journal: there is no directory " + o.journal);
  return std::filesystem::is_directory(dir / "journal") ? dir / "journal" : dir;
}

result<replay_result> replay_journal(const replay_options& o, const config::settings& settings) {
  const auto dir = journal_of(o);
  if (!dir) return tl::unexpected(dir.error());
  const auto opened = bridge::local::open_read_only(*dir);
  if (!opened) return tl::unexpected(opened.error());
  tell_trimmed(opened->report);
  record_range range{{}, {}, nullptr};
  if (o.from.empty() && o.to.empty()) {
    const auto tops = opened->journal->stream_tops(record::ticks_stream());
    if (!tops) return tl::unexpected(tops.error());
    range.until = tops->appended;
  } else {
    const auto filter = parse_selection({o.from, o.to, {}}, {});
    if (!filter) return tl::unexpected(filter.error());
    const auto found = find_range(*opened->journal, *filter);
    if (!found) return tl::unexpected(found.error());
    range = *found;
  }
  journal_range journal(*opened->journal, range);
  const auto named = rules_of(journal);
  if (!named) return tl::unexpected(named.error());
  auto periods = named->periods;
  if (!o.timeframes.empty() || !o.calendar.empty())
    periods.erase(periods.begin(), periods.end() - 1);
  const auto asked = apply_overrides(o, periods.back().rules);
  if (!asked) return tl::unexpected(asked.error());
  auto alerts = alerts_of(o, settings, periods.back().rules.timeframes);
  if (!alerts) return tl::unexpected(alerts.error());
  const auto outputs = bridge::memory::make();
  progress bar("replay");
  const auto quarantines = read_quarantines(*opened->journal);
  if (!quarantines) return tl::unexpected(quarantines.error());
  rebuild_options how;
  how.quarantines = *quarantines;
  how.threads = static_cast<std::size_t>(settings.runtime.threads);
  how.batch = static_cast<std::uint64_t>(settings.runtime.batch);
  how.on_progress = [&](record::position at) { bar.at(at.seq, periods.back().until.seq); };
  const auto ticks = rebuild(journal, periods, *outputs, how);
  if (!ticks) return tl::unexpected(ticks.error());
  replay_result answer;
  answer.ticks = *ticks;
  if (auto done = add_bars(*outputs, periods.back().rules, *asked, answer.files); !done)
    return tl::unexpected(done.error());
  if (o.features) {
    auto done = replay_features(o, journal, how, periods.back().rules.plans(),
                                *alerts ? &**alerts : nullptr, answer.files);
    if (!done) return tl::unexpected(done.error());
  }
  if (*alerts) {
    auto done =
        add_alerts(o, **alerts, journal, *outputs, periods.back().rules.timeframes, answer.files);
    if (!done) return tl::unexpected(done.error());
  }
  return answer;
}

result<replay_result> replay_ticks(const replay_options& o, const config::settings& settings) {
  const auto instruments = named_instruments(o);
  if (!instruments) return tl::unexpected(instruments.error());
  auto rules = default_rules(settings, *instruments);
  if (!rules) return tl::unexpected(rules.error());
  const auto asked = apply_overrides(o, *rules);
  if (!asked) return tl::unexpected(asked.error());
  const auto plans = rules->plans();
  const feed::kite::frame_decoder decoder;
  const auto memory = bridge::memory::make();
  const auto outputs = bridge::memory::make();
  actors::bar_reader_config config;
  config.input = memory.get();
  config.output = outputs.get();
  config.decoder = &decoder;
  config.timeframes = rules->timeframes;
  config.plan_of = [plans](std::uint32_t token) { return plans->of(token); };
  config.batch = static_cast<std::uint64_t>(settings.runtime.batch);
  replay_result answer;
  {
    const auto writer = memory->open_writer(record::ticks_stream(), 1);
    if (!writer) return tl::unexpected(writer.error());
    progress bar("replay");
    bar_pipeline pipeline(static_cast<std::size_t>(settings.runtime.threads), config);
    std::optional<feature_files> csv;
    std::optional<feature_pipeline> features;
    const auto feature_outputs = bridge::memory::make();
    if (o.features) {
      auto made = feature_files::create(o.out, offset_by(plans));
      if (!made) return tl::unexpected(made.error());
      csv = std::move(*made);
      actors::feature_reader_config f;
      f.input = memory.get();
      f.output = feature_outputs.get();
      f.decoder = &decoder;
      f.plan = feature_setup_of(settings, rules->calendars, *instruments).plan;
      features.emplace(static_cast<std::size_t>(settings.runtime.threads), f);
    }
    /// Both stages have come so far, and what the features said is written.
    const auto wait = [&](record::position at) -> result<void> {
      if (auto done = pipeline.wait_for(at); !done || !features) return done;
      if (auto done = features->wait_for(at); !done) return done;
      return csv->drain(*feature_outputs);
    };
    replay_file file;
    file.path = o.ticks.empty() ? o.recording : o.ticks;
    file.volume =
        o.sizes ? feed::recording::volume_use::sizes : feed::recording::volume_use::cumulative;
    file.quantity_digits = o.quantity_scale;
    file.lateness = rules->lateness;
    file.calendar_of = [&plans](std::uint32_t token) -> const market::calendar& {
      return plans->calendar_of(token);
    };
    const auto written = [&](const replay_counts& counts) -> result<void> {
      bar.at(counts.ticks);
      if (counts.last.seq <= ahead_at_most) return {};
      const record::position wanted{counts.last.epoch, counts.last.seq - ahead_at_most};
      if (auto done = wait(wanted); !done) return done;
      memory->drop_before(record::ticks_stream(), wanted);
      return {};
    };
    const auto counts = o.ticks.empty() ? write_recording(file, **writer, written)
                                        : write_tick_csv(file, **writer, written);
    if (!counts) return tl::unexpected(counts.error());
    if (auto done = wait(counts->last); !done) return tl::unexpected(done.error());
    if (auto whole = pipeline.check_builders(); !whole) return tl::unexpected(whole.error());
    if (features) {
      if (auto whole = features->check_groups(); !whole) return tl::unexpected(whole.error());
      if (auto done = add_files(*csv, answer.files); !done) return tl::unexpected(done.error());
    }
    answer.ticks = pipeline.ticks();
  }
  if (auto done = add_bars(*outputs, *rules, *asked, answer.files); !done)
    return tl::unexpected(done.error());
  return answer;
}

result<replay_result> run_replay(const replay_options& o) {
  config::settings_sources sources;
  sources.environment = environment();
  sources.sets = o.sets;
  const auto settings = config::load_settings(sources);
  if (!settings) return tl::unexpected(settings.error());
  std::error_code ec;
  std::filesystem::create_directories(o.out, ec);
  if (ec) return fail(errc::io, "--out: cannot create " + o.out.string() + ": " + ec.message());
  const auto begun = std::chrono::steady_clock::now();
  const bool journaled = !o.journal.empty() || !o.bundle.empty();
  if (!journaled && (!o.from.empty() || !o.to.empty())) {
    return fail(
        errc::usage,
        "--from and --to are for a journal or a bundle: leave them out, or shorten the file");
  }
  if (!journaled && o.alerts)
    return fail(errc::usage, "--alerts is for a journal beside the store that has the rules");
  auto answer = journaled ? replay_journal(o, *settings) : replay_ticks(o, *settings);
  if (!answer) return answer;
  answer->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (auto done = answer->files.write(o.out); !done) return tl::unexpected(done.error());
  auto digest = answer->files.digest();
  if (!digest) return tl::unexpected(digest.error());
  answer->digest = std::move(*digest);
  return answer;
}

}  // namespace

int replay(const replay_options& options) {
  const auto answer = run_replay(options);
  if (!answer) return report(answer.error());
  const double rate =
      answer->seconds > 0 ? static_cast<double>(answer->ticks) / answer->seconds : 0;
  if (options.json) {
    nlohmann::json j{{"ticks", answer->ticks},
                     {"seconds", answer->seconds},
                     {"ticks_per_second", rate},
                     {"bars", answer->files.counts()},
                     {"digest", answer->digest}};
    std::printf("%s\n", j.dump().c_str());
    return 0;
  }
  std::printf("ticks %llu\n", static_cast<unsigned long long>(answer->ticks));
  for (const auto& [name, count] : answer->files.counts())
    std::printf("%s %zu\n", name.c_str(), count);
  std::printf("rate %.0f ticks/s\n", rate);
  std::printf("digest %s\n", answer->digest.c_str());
  return 0;
}

}  // namespace artham::app
