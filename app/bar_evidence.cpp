#include "app/bar_evidence.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/bars/quarantine_book.hpp"
#include "app/journal_ticks.hpp"
#include "app/position_at.hpp"
#include "bridge/common/read_to_end.hpp"
#include "store/audit.hpp"

namespace artham::app {

namespace {

/// More than a tick may be ahead of market time, so that none of the day is passed over.
constexpr market::duration day_margin = market::minute;

std::string text_of(const record::position& p) {
  return "(" + std::to_string(p.epoch) + ", " + std::to_string(p.seq) + ")";
}

tl::unexpected<error> not_in_journal(const std::string& why) {
  return fail(errc::not_found, "the bar cannot be proven: " + why);
}

/// Replays an instrument from the beginning of an epoch.
class day_replay {
 public:
  day_replay(bridge::bridge& journal, const feed::decoder& decoder, std::uint32_t token,
             market::timestamp day_begin, record::position oldest,
             std::shared_ptr<const messages::left_out> left_out, const std::atomic<bool>& stopping,
             market::bar_prover& prover)
      : journal_(journal),
        decoder_(decoder),
        token_(token),
        day_begin_(day_begin),
        oldest_(oldest),
        left_out_(std::move(left_out)),
        stopping_(stopping),
        prover_(prover) {}

  result<void> run(record::position after, record::position until) {
    if (left_out_ && left_out_->from <= until)
      until = {left_out_->from.epoch, left_out_->from.seq - 1};
    result<void> outcome;
    const auto on_mark = [&](const market::mark& m) {
      if (m.position > until) return false;
      outcome = take(m);
      return outcome.has_value();
    };
    const auto on_tick = [&](const journaled_tick& t) {
      if (t.core.position() > until) return false;
      take(t);
      return !prover_.has_too_many();
    };
    auto done = for_each_in(journal_, decoder_, on_tick, on_mark, {after, {token_}});
    return done ? outcome : done;
  }

  [[nodiscard]] record::position first() const { return first_; }
  /// Nothing that the bar may depend on was missing.
  [[nodiscard]] bool is_whole() const { return whole_; }

 private:
  void begin(record::position at, bool with_epoch) {
    if (first_.epoch != 0) return;
    first_ = at;
    whole_ = with_epoch;
  }

  result<void> take(const market::mark& m) {
    if (stopping_) return fail(errc::unavailable, "the program is stopping");
    begin(m.position, m.kind == market::mark_kind::epoch);
    if (m.cause == market::gap_cause::journal_damaged && m.kind == market::mark_kind::gap)
      whole_ = false;
    if (m.kind == market::mark_kind::epoch && !mentioned_) epoch_ = m;
    if (m.kind == market::mark_kind::subscription) mentioned_ = mentioned_ || names(m);
    const bool lost = m.kind == market::mark_kind::gap && (m.tokens.empty() || names(m));
    if (lost && !mentioned_ && m.time > day_begin_) {
      const auto before = is_mentioned_before(first_.epoch);
      if (!before) return tl::unexpected(before.error());
      if (*before) mention();
      whole_ = whole_ && (*before || oldest_.seq == 1);
      mentioned_ = true;
    }
    prover_.take(m);
    return {};
  }

  void take(const journaled_tick& t) {
    begin(t.core.position(), false);
    if (t.core.token != token_) return;
    if (left_out_ && std::ranges::binary_search(left_out_->records, t.core.position())) {
      prover_.leave_out(t.core, t.receive);
      return;
    }
    mentioned_ = true;
    prover_.take(t.core, t.receive);
  }

  [[nodiscard]] bool names(const market::mark& m) const {
    return std::ranges::binary_search(m.tokens, token_);
  }

  /// A loss concerns an instrument that was known before it, which an earlier epoch may tell alone.
  [[nodiscard]] result<bool> is_mentioned_before(std::uint32_t epoch) {
    bool found = false;
    auto done = for_each_in(
        journal_, decoder_,
        [&](const journaled_tick& t) {
          found = t.core.epoch < epoch && t.core.token == token_;
          return !found && t.core.epoch < epoch;
        },
        [&](const market::mark& m) {
          found = m.position.epoch < epoch && m.kind == market::mark_kind::subscription && names(m);
          return !found && m.position.epoch < epoch;
        },
        {{}, {token_}});
    if (!done) return tl::unexpected(done.error());
    return found;
  }
  void mention() {
    auto subscribed = epoch_;
    subscribed.kind = market::mark_kind::subscription;
    subscribed.flag = 1;
    subscribed.tokens = {token_};
    prover_.take(subscribed);
    prover_.take(epoch_);  // which takes the subscription back, but not that it is known
  }

  bridge::bridge& journal_;
  const feed::decoder& decoder_;
  std::uint32_t token_;
  market::timestamp day_begin_;
  record::position oldest_;                             ///< the journal's first record
  std::shared_ptr<const messages::left_out> left_out_;  ///< by a quarantine; null: nothing
  const std::atomic<bool>& stopping_;
  market::bar_prover& prover_;
  market::mark epoch_;
  record::position first_;
  bool whole_ = false;
  bool mentioned_ = false;
};

/// All columns but those that other instruments or the store decide.
std::vector<web::bar_evidence::difference> compare(const record::bar_record& stored,
                                                   const record::bar_record& recomputed,
                                                   market::duration utc_offset) {
  const auto a = store::as_row(stored);
  const auto b = store::as_row(recomputed);
  std::vector<web::bar_evidence::difference> all;
  for (std::size_t i = 0; i < store::bar_columns.size(); ++i) {
    const auto column = store::bar_columns[i];
    if (column == "cause_ordinal" || a.values[i] == b.values[i]) continue;
    all.push_back({std::string(column), store::column_text(column, a.values[i], utc_offset),
                   store::column_text(column, b.values[i], utc_offset)});
  }
  return all;
}

}  // namespace

result<record::position> evidence_reader::first_record() const {
  const auto cursor = bridge::open_to_end(journal_, record::ticks_stream(), {});
  if (!cursor) return tl::unexpected(cursor.error());
  const auto blocks = (*cursor)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  if (blocks->empty()) return not_in_journal("the journal is empty");
  return blocks->front()->first();
}

result<evidence_reader::rules_ptr> evidence_reader::rules_under(
    const market::config_hashes& hashes) {
  const std::lock_guard lock(mutex_);
  if (newest_ && newest_hashes_ == hashes) return newest_;
  auto rules = read_rules(journal_, hashes);
  if (!rules) return tl::unexpected(rules.error());
  const auto csv = journal_.get_object(hashes.instruments);
  if (!csv) return tl::unexpected(csv.error());
  const auto list = market::parse_instruments(*csv);
  if (!list) return tl::unexpected(list.error());
  rules->instruments =
      std::make_shared<const actors::instrument_index>(*list, rules->calendars.by_name);
  newest_ = std::make_shared<const bar_rules>(std::move(*rules));
  newest_hashes_ = hashes;
  return newest_;
}

/// Those of the cause's epoch; when they had no such timeframe, those of the next epoch that had,
/// which made its bars from the journal's beginning.
result<evidence_reader::rules_ptr> evidence_reader::rules_that_made(market::timeframe tf,
                                                                    record::position cause) {
  const auto tops = journal_.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (cause > tops->appended) {
    return not_in_journal("its cause is md:ticks " + text_of(cause) +
                          ", and the journal ends with " + text_of(tops->appended));
  }
  for (auto epoch = cause.epoch; epoch <= tops->appended.epoch; ++epoch) {
    const auto hashes = hashes_of_epoch(journal_, epoch);
    if (!hashes) return tl::unexpected(hashes.error());
    if (!*hashes) continue;
    auto rules = rules_under(**hashes);
    if (!rules) return tl::unexpected(rules.error());
    if (std::ranges::count((*rules)->timeframes, tf) != 0) return rules;
  }
  return not_in_journal("the beginnings of the epochs from " + std::to_string(cause.epoch) +
                        " on, which tell the rules in force, are not in the journal any more");
}

result<market::tick_key> evidence_reader::key_at(record::position at, std::uint32_t token) const {
  std::optional<market::tick_key> found;
  auto done = for_each_in(
      journal_, decoder_,
      [&](const journaled_tick& t) {
        if (t.core.position() == at && t.core.token == token) found = market::key_of(t.core);
        return t.core.position() < at;
      },
      [&](const market::mark& m) { return m.position < at; }, {{at.epoch, at.seq - 1}, {token}});
  if (!done) return tl::unexpected(done.error());
  if (!found) return not_in_journal("its tick md:ticks " + text_of(at) + " is not there");
  return *found;
}

result<market::proof_subject> evidence_reader::subject_of(const market::bar_plan& plan,
                                                          market::timeframe tf,
                                                          const market::bar& bar) const {
  const auto index = std::ranges::find(plan.timeframes, tf) - plan.timeframes.begin();
  market::proof_subject subject{static_cast<std::uint32_t>(index), bar.start, bar.end, {}};
  if (!market::is_event(tf)) return subject;
  if (bar.ticks == 0) {
    // Withdrawn: no tick lies in it.
    subject.ticks.emplace(market::tick_key{market::never, 0, {}}, market::tick_key{});
    return subject;
  }
  const auto first = key_at(bar.first, bar.token);
  if (!first) return tl::unexpected(first.error());
  const auto last = key_at(bar.last, bar.token);
  if (!last) return tl::unexpected(last.error());
  subject.ticks.emplace(*first, *last);
  return subject;
}

result<web::bar_evidence> evidence_reader::read(market::timeframe tf,
                                                const record::bar_record& stored) {
  const auto& bar = stored.bar;
  const auto too_many = [&] {
    return fail(errc::full, "the bar has more than " + std::to_string(web::max_proof_ticks) +
                                " ticks, the most that a proof lists: prove the shorter bars in "
                                "it, or all of them with artham verify");
  };
  if (bar.ticks > web::max_proof_ticks) return too_many();
  const auto oldest = first_record();
  if (!oldest) return tl::unexpected(oldest.error());
  if (bar.ticks != 0 && bar.first < *oldest) {
    return not_in_journal("its first tick is md:ticks " + text_of(bar.first) +
                          ", and the journal begins with " + text_of(*oldest));
  }
  const auto rules = rules_that_made(tf, stored.cause.at);
  if (!rules) return tl::unexpected(rules.error());
  const auto plan = (*rules)->plans()->of(bar.token);
  const auto day = plan->cal->day_of(bar.start);
  const auto before_day = position_at(journal_, day.begin - day_margin);
  if (!before_day) return tl::unexpected(before_day.error());
  record::position after;
  if (before_day->epoch != 0) after = end_before(before_day->epoch);

  const auto letters = actors::read_dead_letters(journal_);
  if (!letters) return tl::unexpected(letters.error());
  actors::quarantine_book quarantines;
  for (const auto& l : *letters) quarantines.add(l.letter);

  const auto subject = subject_of(*plan, tf, bar);
  if (!subject) return tl::unexpected(subject.error());
  market::bar_prover prover(plan, bar.token, *subject, web::max_proof_ticks);
  day_replay replay(journal_, decoder_, bar.token, day.begin, *oldest, quarantines.of(bar.token),
                    stopping_, prover);
  if (auto done = replay.run(after, stored.cause.at); !done) return tl::unexpected(done.error());
  if (prover.has_too_many()) return too_many();

  web::bar_evidence evidence;
  evidence.replayed_from = replay.first();
  evidence.replayed_to = stored.cause.at;
  evidence.ticks = prover.ticks();
  for (const auto& made : prover.revisions()) {
    if (made.bar.revision == bar.revision)
      evidence.recomputed = {{made.cause, stored.cause.ordinal}, made.bar};
  }
  if (evidence.recomputed) {
    evidence.differences = compare(stored, *evidence.recomputed, plan->cal->utc_offset(bar.start));
  }
  if (!evidence.equal() && !replay.is_whole()) {
    return not_in_journal("the journal lacks records from " + text_of(replay.first()) + " to " +
                          text_of(stored.cause.at) +
                          ", or those in front of them: artham journal verify names what is "
                          "damaged");
  }
  return evidence;
}

}  // namespace artham::app
