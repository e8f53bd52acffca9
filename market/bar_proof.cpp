#include "market/bar_proof.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "market/bar_zone.hpp"

namespace artham::market {

namespace {

bool is_used(tick_fate f) {
  return f == tick_fate::used || f == tick_fate::late || f == tick_fate::outside;
}

bar_tick as_folded(const bar_input& t) {
  return {t.time, t.volume_or_size, t.seq, t.last, t.oi, t.epoch, 0, t.fields};
}

tick_fate fate_of(const bar_aggregator::counters& counted) {
  if (counted.duplicates != 0) return tick_fate::duplicate;
  if (counted.ahead != 0) return tick_fate::ahead;
  if (counted.too_late != 0) return tick_fate::too_late;
  if (counted.outside != 0) return tick_fate::outside;
  return counted.late != 0 ? tick_fate::late : tick_fate::used;
}

}  // namespace

std::string_view to_string(tick_fate f) {
  switch (f) {
    case tick_fate::used:
      return "used";
    case tick_fate::late:
      return "late";
    case tick_fate::duplicate:
      return "duplicate";
    case tick_fate::ahead:
      return "ahead";
    case tick_fate::too_late:
      return "too_late";
    case tick_fate::outside:
      return "outside";
    case tick_fate::quarantined:
      return "quarantined";
  }
  return "";
}

bar_prover::bar_prover(std::shared_ptr<const bar_plan> plan, std::uint32_t token,
                       const proof_subject& subject, std::size_t max_ticks)
    : plan_(plan), subject_(subject), max_ticks_(max_ticks), bars_(std::move(plan), token) {
  const auto zone = zone_at(*plan_->cal, subject.start);
  day_begin_ = zone.day_begin;
  day_end_ = zone.day_end;
}

void bar_prover::take(const mark& m) {
  bars_.consume({}, {&m, 1}, clock_, closed_);
  if (m.kind == mark_kind::clock) clock_ = std::max(clock_, m.time);
  keep_revisions();
}

void bar_prover::take(const bar_input& t, timestamp receive) {
  if (t.time >= day_end_ && !baseline_) baseline_ = bars_.baseline_volume();
  const auto before = bars_.counts();
  bars_.consume({&t, 1}, {}, clock_, closed_);
  keep(t, receive, fate_of(bars_.counts().since(before)));
  keep_revisions();
}

void bar_prover::leave_out(const bar_input& t, timestamp receive) {
  keep(t, receive, tick_fate::quarantined);
}

void bar_prover::keep_revisions() {
  for (const auto& c : closed_) {
    if (c.timeframe == subject_.timeframe && c.bar.start == subject_.start) revisions_.push_back(c);
  }
  closed_.clear();
}

bool bar_prover::is_before(const bar_input& t) const {
  return subject_.ticks ? key_of(t) < subject_.ticks->first : t.time < subject_.start;
}

bool bar_prover::is_behind(const bar_input& t) const {
  return subject_.ticks ? subject_.ticks->second < key_of(t) : t.time >= subject_.end;
}

void bar_prover::keep(const bar_input& t, timestamp receive, tick_fate fate) {
  if (!is_before(t) && !is_behind(t)) {
    too_many_ = too_many_ || ticks_.size() >= max_ticks_;
    if (!too_many_) ticks_.push_back({t, receive, fate, std::nullopt});
    return;
  }
  const bool earlier =
      t.time >= day_begin_ && is_before(t) && is_used(fate) && (t.fields & bar_input::volume) != 0;
  if (earlier && (!before_ || key_of(*before_) < key_of(t))) before_ = t;
}

std::vector<proven_tick> bar_prover::ticks() const {
  auto all = ticks_;
  std::sort(all.begin(), all.end(), [](const proven_tick& a, const proven_tick& b) {
    return key_of(a.tick) < key_of(b.tick);
  });
  // Where no tick with volume lies in front, the baseline tells what the marks said.
  const auto baseline = baseline_ ? *baseline_ : bars_.baseline_volume();
  const feed_coverage covered{baseline == 0 ? INT64_MIN : never, 0};
  bar_fold fold(std::span<const timeframe>{});
  if (before_) fold.add(as_folded(*before_), covered, {}, *plan_->cal);
  for (auto& p : all) {
    if (!is_used(p.fate)) continue;
    const auto outside = fold.outside;
    const auto volume = fold.segment.volume;
    fold.add(as_folded(p.tick), covered, {}, *plan_->cal);
    if ((p.tick.fields & (bar_input::volume | bar_input::size)) == 0) continue;
    if (!fold.zone.in_session) {
      p.counted = fold.outside - outside;
    } else {
      p.counted = fold.segment.volume - (fold.segment.ticks == 1 ? 0 : volume);
    }
  }
  return all;
}

}  // namespace artham::market
