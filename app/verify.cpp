#include "app/verify.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/bar_check.hpp"
#include "app/bar_files.hpp"
#include "app/data_directory.hpp"
#include "app/environment.hpp"
#include "app/feature_check.hpp"
#include "app/feature_rules.hpp"
#include "app/findings.hpp"
#include "app/journal_rules.hpp"
#include "app/opened_journal.hpp"
#include "app/opened_store.hpp"
#include "app/progress.hpp"
#include "app/quarantine_check.hpp"
#include "app/rebuild.hpp"
#include "app/repair.hpp"
#include "app/stored_progress.hpp"
#include "app/tick_check.hpp"
#include "bridge/memory/memory.hpp"
#include "config/settings.hpp"
#include "store/bar_tables.hpp"

namespace artham::app {

namespace {

constexpr int found_difference = 1;

/// What was compared.
struct verified {
  std::size_t instruments = 0;
  std::vector<std::pair<std::string, std::size_t>> bars;  ///< made again, per timeframe
  std::uint64_t ticks = 0;                                ///< rows of the tick table
  std::size_t chains = 0;                                 ///< made again
  std::size_t features = 0;                               ///< of instruments, likewise
  std::string digest;
};

std::string text_of(const record::position& p) {
  return "(" + std::to_string(p.epoch) + ", " + std::to_string(p.seq) + ")";
}

std::string text_of(const repaired_builder& r) {
  if (!r.error.empty()) {
    return "note: " + r.instrument + " still cannot be built from md:ticks " + text_of(r.from) +
           " on: " + r.error;
  }
  return "repaired " + r.instrument + ": " + std::to_string(r.bars) + " rows of md:ticks " +
         text_of(r.from) + " to " + text_of(r.until);
}

class verification {
 public:
  verification(bridge::bridge& journal, store::audit& stored, findings& found)
      : journal_(journal), stored_(stored), found_(found) {}

  /// Retention removed what came before.
  void begins_at(const bridge::local::open_report::kept& k) {
    if (k.stream == record::ticks_stream()) context_.kept = k;
  }

  result<verified> run(const std::optional<market::date>& day, const rebuild_options& how) {
    auto rules = rules_of(journal_);
    if (!rules) return tl::unexpected(rules.error());
    rules_ = std::move(*rules);
    plans_ = rules_.last().plans();
    context_.name_of = [this](std::uint32_t token) { return rules_.name_of(token); };
    context_.calendar_of = [this](std::uint32_t token) -> const market::calendar& {
      return plans_->calendar_of(token);
    };
    context_.day = day;
    auto positions = stored_.positions();
    if (!positions) return tl::unexpected(positions.error());
    if (auto known = read_positions(*positions); !known) return tl::unexpected(known.error());
    if (auto known = read_what_may_lack(); !known) return tl::unexpected(known.error());
    const auto outputs = bridge::memory::make();
    progress bar("verify");
    const auto letters = actors::read_dead_letters(journal_);
    if (!letters) return tl::unexpected(letters.error());
    auto watched = how;
    for (const auto& l : *letters) watched.quarantines.push_back(l.letter);
    watched.on_progress = [&](record::position at) {
      bar.at(at.seq, rules_.periods.back().until.seq);
    };
    if (const auto made = rebuild(journal_, rules_.periods, *outputs, watched); !made)
      return tl::unexpected(made.error());
    if (auto done = compare_bars(*outputs); !done) return tl::unexpected(done.error());
    if (auto done = compare_features(how); !done) return tl::unexpected(done.error());
    if (auto done = compare_ticks(); !done) return tl::unexpected(done.error());
    const auto letters_until = stored_until_[record::dead_letters_stream()][0];
    if (auto done = check_quarantines(stored_, *letters, letters_until, context_, found_); !done)
      return tl::unexpected(done.error());
    note_quarantines(*letters, context_, found_);
    answer_.instruments = seen_.size();
    const auto digest = files_.digest();
    if (!digest) return tl::unexpected(digest.error());
    answer_.digest = *digest;
    return std::move(answer_);
  }

 private:
  /// How far everything is stored. A cluster stores each of its shards.
  result<void> read_positions(const std::vector<store::stored_position>& positions) {
    std::uint32_t last = 0;
    bool named = false;
    for (const auto& p : positions) {
      const auto [base, shard] = parse_shard(p.stream);
      named = named || base != p.stream;
      last = std::max(last, shard);
    }
    if (named) {
      const auto hashes = newest_hashes(journal_);
      if (!hashes) return tl::unexpected(hashes.error());
      const auto setup = read_feature_setup(journal_, *hashes);
      if (!setup) return tl::unexpected(setup.error());
      shards_ = std::make_shared<const market::feature::shard_map>(*setup->plan, last + 1);
      ticks_until_.divide(shards_);
    }
    for (const auto& p : positions) {
      const auto [base, shard] = parse_shard(p.stream);
      stored_until_[std::string(base)][shard] = p.at;
      if (base == record::ticks_stream()) ticks_until_.add(shard, p.shard, p.at);
    }
    return {};
  }

  /// What the store does not hold, and says so.
  result<void> read_what_may_lack() {
    const auto refused = stored_.refused();
    if (!refused) return tl::unexpected(refused.error());
    for (const auto& r : *refused) {
      context_.refused.insert({r.stream, {r.at, r.ordinal}, r.token});
      found_.note("note: the database refused " + r.stream + " " + text_of(r.at) +
                  (r.token == 0 ? "" : " of " + rules_.name_of(r.token)) + ": " + r.reason);
    }
    const auto timeframes = all_timeframes();
    if (!timeframes) return tl::unexpected(timeframes.error());
    std::vector<std::string> tables{"ticks", "tick_packs", "chain_features", "instrument_features"};
    for (const auto tf : *timeframes) tables.push_back(store::bar_table(tf));
    for (const auto& table : tables) {
      const auto since = stored_.kept_since(table);
      if (!since) return tl::unexpected(since.error());
      if (*since == 0) continue;
      // Ticks rest in one or the other.
      auto& before = context_.removed_before[table == "tick_packs" ? "ticks" : table];
      before = std::max(before, *since);
      found_.note("note: rows of " + table + " before " +
                  market::to_rfc3339(*since, market::india_offset) +
                  " need not be there: retention removed them");
    }
    return {};
  }

  /// Every timeframe that is stored or was ever set.
  result<std::set<market::timeframe>> all_timeframes() {
    const auto stored = stored_.timeframes();
    if (!stored) return tl::unexpected(stored.error());
    std::set<market::timeframe> all(stored->begin(), stored->end());
    for (const auto& p : rules_.periods)
      all.insert(p.rules.timeframes.begin(), p.rules.timeframes.end());
    return all;
  }

  result<void> compare_bars(bridge::bridge& outputs) {
    const auto timeframes = all_timeframes();
    if (!timeframes) return tl::unexpected(timeframes.error());
    for (const auto& tf : *timeframes) {
      auto rebuilt = bars_of(outputs, tf);
      if (!rebuilt) return tl::unexpected(rebuilt.error());
      std::erase_if(*rebuilt, [&](const record::bar_record& r) {
        return !context_.wanted(r.bar.token, r.bar.start) ||
               !context_.is_kept(r.bar.token, r.bar.start);
      });
      for (const auto& r : *rebuilt) seen_.insert(r.bar.token);
      const auto text = market::to_string(tf);
      answer_.bars.emplace_back(text, rebuilt->size());
      if (std::ranges::count(rules_.last().timeframes, tf) != 0)
        files_.add(tf, *rebuilt, context_.calendar_of);
      if (auto done = compare_timeframe(tf, *rebuilt); !done) return done;
    }
    return {};
  }

  result<void> compare_timeframe(market::timeframe tf,
                                 const std::vector<record::bar_record>& rebuilt) {
    const auto text = market::to_string(tf);
    const auto stream = record::final_bars_stream(text);
    const auto until = progress_of(stream);
    if (!until) return tl::unexpected(until.error());
    const auto behind = check_bars(stored_, tf, rebuilt, *until, context_, found_);
    if (!behind) return tl::unexpected(behind.error());
    if (*behind != 0) {
      found_.note("note: " + text + " is stored up to the bar that md:ticks " +
                  text_of(until->least().at) + " closed: " + std::to_string(*behind) +
                  " bars of the journal are not stored yet; the next artham run stores them");
    }
    return {};
  }

  result<stored_progress> progress_of(const std::string& stream) {
    const auto& positions = stored_until_[stream];
    const auto tops = journal_.stream_tops(stream);
    const bool journaled = tops && tops->appended.seq != 0;
    if (journaled || (positions.empty() && !shards_)) {
      const auto it = positions.find(0);
      const auto at = cause_at(stream, it == positions.end() ? record::position{} : it->second);
      if (!at) return tl::unexpected(at.error());
      return stored_progress(*at);
    }
    // A cluster's derived streams are in Redis: there, positions are those of the causes.
    std::map<std::uint32_t, record::cause> causes;
    for (const auto& [shard, at] : positions) causes[shard] = {at, UINT32_MAX};
    return stored_progress(std::move(causes), shards_);
  }

  /// The cause of the last stored record of a stream.
  result<record::cause> cause_at(const std::string& stream, record::position stored) {
    if (stored.seq == 0) return record::cause{};
    const auto tops = journal_.stream_tops(stream);
    if (!tops) return tl::unexpected(tops.error());
    if (stored > tops->appended) {
      found_.difference(stream + " is stored up to " + text_of(stored) +
                            ", and the journal has it only up to " + text_of(tops->appended),
                        {{"what", "position"},
                         {"stream", stream},
                         {"stored", text_of(stored)},
                         {"journaled", text_of(tops->appended)}});
      return record::cause{{UINT32_MAX, UINT64_MAX}, UINT32_MAX};
    }
    const auto cursor =
        journal_.open_reader(stream, {stored.epoch, stored.seq - 1}, bridge::top::appended, {});
    if (!cursor) return tl::unexpected(cursor.error());
    const auto blocks = (*cursor)->pull(1);
    if (!blocks) return tl::unexpected(blocks.error());
    record::cause found;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
        if (seq == stored.seq) found = record::cause_of(h);
      });
    }
    return found;
  }

  result<void> compare_features(const rebuild_options& how) {
    const auto stream = record::features_stream();
    const auto until = progress_of(stream);
    if (!until) return tl::unexpected(until.error());
    auto check = feature_check::begin(stored_, *until, context_, found_);
    if (!check) return tl::unexpected(check.error());
    const auto periods = feature_periods(journal_, {});
    if (!periods) return tl::unexpected(periods.error());
    const auto outputs = bridge::memory::make();
    progress bar("features");
    result<void> outcome;
    feature_rebuild options;
    options.threads = how.threads;
    options.on_progress = [&](record::position at) {
      bar.at(at.seq, periods->back().until.seq);
      if (outcome) outcome = (*check)->take(*outputs);
    };
    if (auto done = make_features(journal_, *periods, *outputs, options); !done) return done;
    if (outcome) outcome = (*check)->take(*outputs);
    if (!outcome) return outcome;
    auto counts = (*check)->finish();
    if (!counts) return tl::unexpected(counts.error());
    answer_.chains = counts->chains;
    answer_.features = counts->instruments;
    if (counts->behind != 0) {
      found_.note("note: features are stored up to those that md:ticks " +
                  text_of(until->least().at) + " made: " + std::to_string(counts->behind) +
                  " of the journal are not stored yet; the next artham run stores them");
    }
    return {};
  }

  result<void> compare_ticks() {
    const auto rows = check_ticks(stored_, journal_, ticks_until_, context_, found_);
    if (!rows) return tl::unexpected(rows.error());
    answer_.ticks = *rows;
    const auto until = ticks_until_.least();
    const auto top = rules_.periods.back().until;
    if (*rows != 0 && until < top) {
      found_.note("note: ticks are stored up to md:ticks " + text_of(until) + " of " +
                  text_of(top) + "; the next artham run stores the rest");
    }
    return {};
  }

  bridge::bridge& journal_;
  store::audit& stored_;
  findings& found_;
  journal_rules rules_;
  std::shared_ptr<const plan_book> plans_;
  check_context context_;
  std::map<std::string, std::map<std::uint32_t, record::position>> stored_until_;
  std::shared_ptr<const market::feature::shard_map> shards_;  ///< of a cluster with several
  tick_positions ticks_until_;
  std::set<std::uint32_t> seen_;
  bar_files files_;
  verified answer_;
};

result<verified> run_verify(const verify_options& o, findings& found) {
  std::optional<market::date> day;
  if (!o.day.empty()) {
    const auto parsed = market::parse_date(o.day);
    if (!parsed) return fail(errc::usage, "--day: " + parsed.error().message);
    day = *parsed;
  }
  config::settings_sources sources;
  sources.environment = environment();
  auto settings = config::load_settings(sources);
  if (!settings) return tl::unexpected(settings.error());
  if (o.in_file) settings->store.kind = config::store_kind::sqlite;
  if (!o.postgres.empty()) {
    if (auto used = use_postgres(*settings, o.postgres); !used) return tl::unexpected(used.error());
  }
  const auto dir = find_journal(o.data);
  if (!dir) return tl::unexpected(dir.error());
  if (auto free = check_not_in_use(*dir); !free) return tl::unexpected(free.error());
  if (auto intact = check_undamaged(*dir); !intact) return tl::unexpected(intact.error());
  // A repair would make the file that is not there.
  if (const auto there = open_store_audit(*settings, o.data); !there)
    return tl::unexpected(there.error());
  rebuild_options how;
  how.threads = static_cast<std::size_t>(settings->runtime.threads);
  how.batch = static_cast<std::uint64_t>(settings->runtime.batch);
  if (o.repair) {
    const auto repaired = repair(o.data, how, [&](const auto& timeframes) {
      return open_store(*settings, o.data, {.timeframes = timeframes});
    });
    if (!repaired) return tl::unexpected(repaired.error());
    for (const auto& r : *repaired) found.note(text_of(r));
  }
  const auto opened = bridge::local::open_read_only(*dir);
  if (!opened) return tl::unexpected(opened.error());
  const auto stored = open_store_audit(*settings, o.data);
  if (!stored) return tl::unexpected(stored.error());
  verification check(*opened->journal, **stored, found);
  for (const auto& k : opened->report.trimmed) check.begins_at(k);
  if (const auto text = trimmed_text(opened->report); !text.empty()) found.note("note: " + text);
  auto answer = check.run(day, how);
  if (answer && day && answer->instruments == 0 && found.differences() == 0) {
    return fail(errc::not_found,
                "--day " + o.day + ": neither the journal nor the store has a bar of that date");
  }
  return answer;
}

}  // namespace

int verify(const verify_options& options) {
  findings found(options.json);
  const auto answer = run_verify(options, found);
  if (!answer) return report(answer.error());
  const bool equal = found.differences() == 0;
  if (options.json) {
    auto bars = nlohmann::json::object();
    for (const auto& [tf, count] : answer->bars) bars[tf] = count;
    const nlohmann::json j{{"equal", equal},
                           {"instruments", answer->instruments},
                           {"bars", bars},
                           {"chains", answer->chains},
                           {"features", answer->features},
                           {"ticks", answer->ticks},
                           {"differences", found.gathered()},
                           {"notes", found.notes()},
                           {"digest", answer->digest}};
    std::printf("%s\n", j.dump().c_str());
    return equal ? 0 : found_difference;
  }
  std::printf("instruments %zu\n", answer->instruments);
  for (const auto& [tf, count] : answer->bars) std::printf("bars %s %zu\n", tf.c_str(), count);
  if (answer->chains != 0) std::printf("chains %zu\n", answer->chains);
  if (answer->features != 0) std::printf("features %zu\n", answer->features);
  if (answer->ticks != 0)
    std::printf("ticks %llu\n", static_cast<unsigned long long>(answer->ticks));
  std::printf("differences %zu\n", found.differences());
  std::printf("digest %s\n", answer->digest.c_str());
  return equal ? 0 : found_difference;
}

}  // namespace artham::app
