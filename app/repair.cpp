#include "app/repair.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "actors/bars/derived_streams.hpp"
#include "actors/bars/quarantine_book.hpp"
#include "actors/ingest/ingestor.hpp"
#include "app/bar_files.hpp"
#include "app/journal_rules.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/memory/memory.hpp"
#include "store/sqlite/database.hpp"

namespace artham::app {

namespace {

using letter = record::dead_letter;

class repair_run {
 public:
  repair_run(bridge::bridge& journal, store_opener open, rebuild_options how)
      : journal_(journal), open_(std::move(open)), how_(std::move(how)) {}

  result<std::vector<repaired_builder>> run() {
    auto known = actors::read_dead_letters(journal_);
    if (!known) return tl::unexpected(known.error());
    known_ = std::move(*known);
    for (const auto& k : known_) {
      ever_stopped_ = ever_stopped_ || k.letter.what == record::letter_kind::actor;
      if (k.letter.what == record::letter_kind::actor) {
        const auto& first = stopped_.try_emplace(k.letter.token, k.letter).first->second;
        if (k.letter.at < first.at) stopped_.insert_or_assign(k.letter.token, k.letter);
      }
      if (k.letter.what == record::letter_kind::lifted) stopped_.erase(k.letter.token);
    }
    if (!ever_stopped_) return std::move(answer_);
    auto rules = rules_of(journal_);
    if (!rules) return tl::unexpected(rules.error());
    rules_ = std::move(*rules);
    if (auto done = prepare_lifts(); !done) return tl::unexpected(done.error());
    auto outputs = rebuild_what_can_be();
    if (!outputs) return tl::unexpected(outputs.error());
    if (auto done = store_bars(**outputs); !done) return tl::unexpected(done.error());
    if (auto done = append_lifts(); !done) return tl::unexpected(done.error());
    for (auto& entry : lifts_) answer_.push_back(std::move(done_[entry.first]));
    return std::move(answer_);
  }

 private:
  result<void> prepare_lifts() {
    const auto tops = journal_.stream_tops(record::ticks_stream());
    if (!tops) return tl::unexpected(tops.error());
    const auto newest = actors::newest_record_times(journal_);
    if (!newest) return tl::unexpected(newest.error());
    for (const auto& [token, stopped] : stopped_) {
      letter lift = stopped;
      lift.what = record::letter_kind::lifted;
      lift.cause = {tops->appended, 0};
      lift.time = newest->market;
      lift.text = "repaired";
      lifts_.emplace(token, std::move(lift));
      done_[token] = {rules_.name_of(token), stopped.at, tops->appended, 0, {}};
    }
    return {};
  }

  /// Leaves a builder that fails again as it is and starts over without it.
  result<std::unique_ptr<bridge::bridge>> rebuild_what_can_be() {
    for (;;) {
      auto outputs = bridge::memory::make();
      auto how = how_;
      for (const auto& k : known_) how.quarantines.push_back(k.letter);
      for (const auto& entry : lifts_) how.quarantines.push_back(entry.second);
      const auto made = rebuild(journal_, rules_.periods, *outputs, how);
      if (made) return std::unique_ptr<bridge::bridge>(std::move(outputs));
      const auto failed = actors::read_dead_letters(*outputs);
      if (!failed) return tl::unexpected(failed.error());
      bool fewer = false;
      for (const auto& f : *failed) {
        if (lifts_.erase(f.letter.token) == 0) continue;
        fewer = true;
        auto& stays = done_[f.letter.token];
        stays.error = f.letter.text;
        answer_.push_back(stays);
      }
      if (!fewer) return tl::unexpected(made.error());
    }
  }

  result<void> store_bars(bridge::bridge& outputs) {
    std::set<market::timeframe> timeframes;
    for (const auto& p : rules_.periods)
      timeframes.insert(p.rules.timeframes.begin(), p.rules.timeframes.end());
    auto store = open_({timeframes.begin(), timeframes.end()});
    if (!store) return tl::unexpected(store.error());
    store_ = std::move(*store);
    for (const auto& tf : timeframes) {
      auto bars = bars_of(outputs, tf);
      if (!bars) return tl::unexpected(bars.error());
      std::erase_if(*bars, [](const record::bar_record& r) {
        return r.cause.ordinal < actors::first_repaired_ordinal;
      });
      for (const auto& r : *bars) {
        const auto lift = lifts_.find(r.bar.token);
        if (lift != lifts_.end() && r.cause.at >= lift->second.at) ++done_[r.bar.token].bars;
      }
      if (auto put = store_->writing().put_bars(tf, *bars); !put) return put;
    }
    return {};
  }

  result<void> append_lifts() {
    if (lifts_.empty()) return {};
    const auto stream = record::dead_letters_stream();
    auto writer = journal_.open_writer(stream, std::max(journal_.last_epoch(), 1U));
    if (!writer) return tl::unexpected(writer.error());
    std::uint32_t ordinal = 0;
    for (auto& [token, lift] : lifts_) {
      lift.cause.ordinal = ordinal++;
      std::string body;
      record::encode(body, lift);
      std::string bytes;
      record::append(bytes, record::with_cause(record::kind::dead_letter, lift.cause), body);
      const std::uint32_t tokens[] = {token};
      const auto at = (*writer)->append(bytes, 1, tokens);
      if (!at) return tl::unexpected(at.error());
      known_.push_back({*at, lift});
    }
    journal_.stop();
    const auto tops = journal_.stream_tops(stream);
    if (!tops) return tl::unexpected(tops.error());
    if (tops->durable < known_.back().place) {
      return fail(errc::io, stream + " could not be written: is there room on the disk?");
    }
    return store_letters();
  }

  result<void> store_letters() {
    store::stored_position position{"quarantine_store", record::dead_letters_stream(), 0, {}, 0};
    const auto stored = store_->writing().position(position.consumer, position.stream, 0);
    if (!stored) return tl::unexpected(stored.error());
    store::batch b;
    std::vector<store::quarantine_row> rows;
    if (*stored) position = **stored;
    const auto before = position;
    position.at = known_.back().place;
    for (const auto& k : known_) {
      if (k.place > before.at) rows.push_back({k.place, k.letter});
    }
    b.quarantines = rows;
    b.expected = {&before, 1};
    b.positions = {&position, 1};
    const auto done = store_->writing().commit(b);
    if (!done) return tl::unexpected(done.error());
    return {};
  }

  bridge::bridge& journal_;
  store_opener open_;
  rebuild_options how_;
  std::vector<actors::placed_letter> known_;
  bool ever_stopped_ = false;
  journal_rules rules_;
  std::map<std::uint32_t, letter> stopped_;  ///< in quarantine, by token
  std::map<std::uint32_t, letter> lifts_;
  std::map<std::uint32_t, repaired_builder> done_;
  std::vector<repaired_builder> answer_;
  std::unique_ptr<store::database> store_;
};

}  // namespace

result<std::vector<repaired_builder>> repair(const std::filesystem::path& data,
                                             const rebuild_options& how, const store_opener& open) {
  bridge::local::options o;
  o.dir = data / "journal";
  auto opened = bridge::local::open(std::move(o));
  if (!opened) return tl::unexpected(opened.error());
  auto done = repair_run(*opened->journal, open, how).run();
  opened->journal->stop();
  return done;
}

result<std::vector<repaired_builder>> repair(const std::filesystem::path& data,
                                             const rebuild_options& how) {
  return repair(data, how, [&](const std::vector<market::timeframe>& timeframes) {
    return store::sqlite::open(data / "artham.db", {false, timeframes});
  });
}

}  // namespace artham::app
