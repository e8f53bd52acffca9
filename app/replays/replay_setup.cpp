#include "app/replays/replay_setup.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "app/journal_rules.hpp"
#include "app/position_at.hpp"
#include "app/rebuild.hpp"
#include "bridge/common/marks_in_force.hpp"
#include "bridge/common/read_to_end.hpp"

namespace artham::app {

namespace {

/// More than a tick may be ahead of market time, so that none of the day is passed over.
constexpr market::duration day_margin = market::minute;
constexpr std::uint64_t records_at_once = 65'536;

std::string text_of(market::timestamp t) {
  return market::to_rfc3339(t, market::india_offset);
}

/// When the last record was received; 0: there is none.
result<market::timestamp> last_time(bridge::bridge& journal, record::position last) {
  auto after = last;
  if (after.seq != 0) --after.seq;
  const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), after);
  if (!cursor) return tl::unexpected(cursor.error());
  const auto blocks = (*cursor)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  market::timestamp t = 0;
  for (const auto& b : *blocks) {
    record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view) {
      t = std::max(t, record::receive_time(h));
    });
    for (const auto& m : b->marks) t = std::max(t, m.time);
  }
  return t;
}

/// Looks for what is in force, from the beginning of an epoch up to the first tick of an interval.
class rules_search {
 public:
  rules_search(record::position base, record::position start, record::position until)
      : base_(base), start_(start), until_(until) {}

  /// False when it is over.
  bool take(const record::block& b) {
    auto mark = b.marks.begin();
    if (b.payload.empty()) {
      if (mark != b.marks.end()) take_mark(*mark);
      return b.last() < until_;
    }
    bool more = true;
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
      if (!more) return;
      const record::position at{b.epoch, seq};
      if (at > until_) {
        more = false;
      } else if (h.kind == record::kind::mark) {
        if (!first_ && at > base_) note_first(at, *mark);
        take_mark(*mark++);
      } else if (h.kind != record::kind::elsewhere) {
        if (!first_ && at > base_) first_ = at;
        // What is in force here is in force for the interval.
        ticks_ = at > start_;
        more = !ticks_;
      }
    });
    return more;
  }

  [[nodiscard]] bool has_ticks() const { return ticks_; }
  [[nodiscard]] const std::optional<market::config_hashes>& hashes() const { return hashes_; }
  [[nodiscard]] record::position told_at() const { return told_at_; }
  /// Null: nothing was before, or it begins with the first record.
  [[nodiscard]] record::block_ptr preamble(market::timestamp at) const {
    if (!first_ || with_epoch_ || base_.seq == 0) return nullptr;
    return before_.block_before(*first_, at);
  }

 private:
  void note_first(record::position at, const market::mark& m) {
    first_ = at;
    with_epoch_ = m.kind == market::mark_kind::epoch;
  }
  void take_mark(const market::mark& m) {
    if (m.position <= base_) before_.note(m);
    if (m.kind != market::mark_kind::epoch && m.kind != market::mark_kind::config) return;
    hashes_ = m.hashes;
    told_at_ = m.position;
  }

  record::position base_;
  record::position start_;
  record::position until_;
  bridge::marks_in_force before_;
  std::optional<record::position> first_;  ///< behind base
  bool with_epoch_ = false;
  bool ticks_ = false;
  std::optional<market::config_hashes> hashes_;
  record::position told_at_;
};

result<void> search(bridge::bridge& journal, record::position after, rules_search& s) {
  const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), after);
  if (!cursor) return tl::unexpected(cursor.error());
  for (;;) {
    const auto blocks = (*cursor)->pull(records_at_once);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return {};
    for (const auto& b : *blocks)
      if (!s.take(*b)) return {};
  }
}

/// What retention or trimming has removed is told as that.
result<record::position> place_of(bridge::bridge& journal, market::timestamp t) {
  auto at = position_at(journal, t);
  if (at || at.error().code != errc::not_found) return at;
  return fail(errc::refused, at.error().message);
}

/// When the trading day of `t` begins, by whichever calendar it begins first.
market::timestamp day_begin(const cluster::rules_in_force& rules, market::timestamp t) {
  auto begin = t;
  for (const auto& entry : rules.bars.calendars.by_name)
    begin = std::min(begin, entry.second->day_of(t).begin);
  return begin - day_margin;
}

}  // namespace

bool replay_setup::same_rules(bridge::bridge& journal, const market::config_hashes& hashes) const {
  if (hashes == rules->hashes) return true;
  const auto others = cluster::read_rules_in_force(journal, hashes);
  if (!others) return false;
  return (*others)->bars_hash == rules->bars_hash &&
         (*others)->features.hash == rules->features.hash &&
         hashes.instruments == rules->hashes.instruments;
}

result<replay_setup> set_up_replay(bridge::bridge& journal, market::timestamp from,
                                   market::timestamp to) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended.seq == 0)
    return fail(errc::not_found, "nothing is journaled yet: there are no ticks to replay");
  const auto kept = kept_from(journal);
  if (!kept) return tl::unexpected(kept.error());
  const auto newest = last_time(journal, tops->appended);
  if (!newest) return tl::unexpected(newest.error());
  const auto no_ticks = [&] {
    return fail(errc::not_found, "there are no ticks from " + text_of(from) + " to " + text_of(to) +
                                     "; the journal has records from " + text_of(kept->from) +
                                     " to " + text_of(*newest));
  };
  if (from > *newest || to <= kept->from) return no_ticks();
  replay_setup s;
  s.from = from;
  s.to = std::min(to, *newest - *newest % market::microsecond + market::microsecond);
  const auto start = place_of(journal, from - 1);
  if (!start) return tl::unexpected(start.error());
  const auto until = place_of(journal, s.to - 1);
  if (!until) return tl::unexpected(until.error());
  s.until = *until;
  if (s.until <= *start) return no_ticks();
  // Which day it is, is said by what is in force; what is in force, is read from the day's epoch
  // on. The calendars of the newest epoch tell well enough where that is.
  const auto hashes = newest_hashes(journal);
  if (!hashes) return tl::unexpected(hashes.error());
  auto rules = cluster::read_rules_in_force(journal, *hashes);
  if (!rules) return tl::unexpected(rules.error());
  const auto begin = day_begin(**rules, from);
  const auto base = place_of(journal, begin);
  if (!base) {
    if (base.error().code != errc::refused) return tl::unexpected(base.error());
    return fail(errc::refused, "the trading day of " + text_of(from) +
                                   " is not kept from its beginning on, without which its bars "
                                   "cannot be made again: " +
                                   base.error().message + "; begin with a later day");
  }
  s.base = *base;
  rules_search found(s.base, *start, s.until);
  const auto epoch_begin =
      s.base.seq == 0 ? record::position{} : end_before(std::max(s.base.epoch, 1U));
  if (auto done = search(journal, epoch_begin, found); !done) return tl::unexpected(done.error());
  if (!found.has_ticks()) return no_ticks();
  s.preamble = found.preamble(begin);
  s.rules_after = found.told_at();
  s.rules = *rules;
  if (found.hashes() && *found.hashes() != (*rules)->hashes) {
    auto then = cluster::read_rules_in_force(journal, *found.hashes());
    if (!then) return tl::unexpected(then.error());
    s.rules = std::move(*then);
  }
  auto letters = read_quarantines(journal);
  if (letters) {
    s.quarantines = std::move(*letters);
  } else if (letters.error().code != errc::not_found) {
    return tl::unexpected(letters.error());
  }
  return s;
}

}  // namespace artham::app
