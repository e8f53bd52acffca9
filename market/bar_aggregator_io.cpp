#include "market/bar_aggregator_state.hpp"
#include "market/state_bytes.hpp"

// The state of an aggregator as bytes: u8 version, u64 fingerprint of the plan, then the members in
// the order of `fields` below; little-endian, booleans as one byte, lists with a u32 count in
// front.
namespace artham::market {

namespace {

constexpr auto version = bar_aggregator::state_version;

using writer = state_writer;
using reader = state_reader;

template <class Io, class Position>
void position_fields(Io& io, Position& p) {
  numbers(io, p.epoch, p.seq);
}

template <class Io, class Sums>
void sums_fields(Io& io, Sums& s) {
  numbers(io, s.ticks, s.start, s.end, s.flags);
  if (s.ticks == 0) return;
  numbers(io, s.value, s.open.units, s.high.units, s.low.units, s.close.units, s.volume, s.oi,
          s.oi_before, s.fields);
  position_fields(io, s.first);
  position_fields(io, s.last);
}

template <class Io, class Zone>
void zone_fields(Io& io, Zone& z) {
  numbers(io, z.begin, z.end, z.day_begin, z.day_end, z.day_open, z.day_close, z.in_session,
          z.is_short, z.has_short);
}

template <class Io, class Fold>
void fold_fields(Io& io, Fold& f) {
  zone_fields(io, f.zone);
  numbers(io, f.segment_end, f.bars_end, f.baseline, f.outside, f.last_volume, f.last_oi,
          f.last_volume_losses, f.volume_seen, f.baseline_set, f.blind, f.oi_seen);
  sums_fields(io, f.segment);
  io.list(f.open, [](auto& o, auto& s) { sums_fields(o, s); });
  io.list(f.events, [](auto& o, auto& s) { sums_fields(o, s); });
  io.list(f.passed, [](auto& o, auto& p) {
    o.number(p.timeframe);
    sums_fields(o, p.sums);
  });
}

void revised_fields(writer& out, const revision_book& revised) {
  out.list(revised.bars(),
           [](auto& o, auto& r) { numbers(o, r.timeframe, r.revision, r.start, r.end); });
}

void revised_fields(reader& in, revision_book& revised) {
  std::vector<revised_bar> bars;
  in.list(bars, [](auto& o, auto& r) { numbers(o, r.timeframe, r.revision, r.start, r.end); });
  revised.restore(std::move(bars));
}

template <class Io, class State>
void fields(Io& io, State& s) {
  io.list(s.held, [](auto& o, auto& t) {
    numbers(o, t.time, t.volume_or_size, t.seq, t.last.units, t.oi, t.epoch, t.coverage, t.fields);
  });
  numbers(io, s.open_until, s.late_floor, s.closed_floor, s.close_at, s.digest, s.expect_duplicate,
          s.watermark, s.known, s.subscribed, s.dropped, s.lost_from, s.lost_told);
  io.list(s.losses, [](auto& o, auto& l) { numbers(o, l.from, l.to, l.told); });
  io.list(s.coverages, [](auto& o, auto& c) { numbers(o, c.since, c.losses); });
  numbers(io, s.first_coverage, s.coverage_used);
  zone_fields(io, s.zone);
  numbers(io, s.outside_clock, s.folded.time, s.folded.volume);
  position_fields(io, s.folded.position);
  fold_fields(io, s.fold);
  revised_fields(io, s.revised);
  auto& c = s.count;
  numbers(io, c.ticks, c.duplicates, c.ahead, c.late, c.too_late, c.outside);
}

template <class Io, class Key>
void key_fields(Io& io, Key& k) {
  numbers(io, k.time, k.volume);
  position_fields(io, k.position);
}

void save_history(writer& out, const tick_history& h) {
  auto forgotten = h.forgotten();
  key_fields(out, forgotten);
  out.list(h.stretches(), [](writer& o, const tick_history::stretch& s) {
    fold_fields(o, s.before);
    o.number(static_cast<std::uint32_t>(s.ticks.size()));
    o.text(s.ticks.bytes());
  });
}

/// False when it cannot be what was saved.
bool load_history(reader& in, std::span<const timeframe> timeframes, tick_history& h) {
  tick_key forgotten;
  key_fields(in, forgotten);
  std::uint32_t count = 0;
  in.number(count);
  std::vector<tick_history::stretch> stretches;
  for (std::uint32_t i = 0; i < count && !in.is_short(); ++i) {
    tick_history::stretch s{bar_fold(timeframes), {}, {}, 0, {}};
    fold_fields(in, s.before);
    std::uint32_t size = 0;
    in.number(size);
    const auto bytes = in.text();
    if (in.is_short()) return true;
    if (!s.restore(bytes, size)) return false;
    stretches.push_back(std::move(s));
  }
  h.restore(std::move(stretches), forgotten);
  return true;
}

/// FNV-1a over what decides how a state is to be read on.
std::uint64_t fingerprint(const bar_plan& plan) {
  std::string bytes;
  writer out(bytes);
  for (const auto& tf : plan.timeframes) {
    out.number(tf.kind);
    out.number(tf.length);
  }
  out.number(plan.lateness);
  out.number(plan.revision_horizon);
  bytes += plan.cal->name();
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

void bar_aggregator::save(std::string& out) const {
  writer w(out);
  w.number(version);
  w.number(fingerprint(*state_->plan));
  w.number(state_->token);
  fields(w, *state_);
  save_history(w, state_->history);
}

result<bar_aggregator> bar_aggregator::load(std::shared_ptr<const bar_plan> plan,
                                            std::string_view& in) {
  reader r(in);
  std::uint8_t written_by = 0;
  std::uint64_t written_for = 0;
  std::uint32_t token = 0;
  numbers(r, written_by, written_for, token);
  if (!r.is_short() && written_by != version) {
    return fail(errc::unsupported, "state of a bar builder has version " +
                                       std::to_string(written_by) + ", this program reads " +
                                       std::to_string(version) +
                                       "; remove the checkpoint to recompute it from the journal");
  }
  if (!r.is_short() && written_for != fingerprint(*plan)) {
    return fail(errc::conflict, "state of the bar builder of token " + std::to_string(token) +
                                    " was saved with other timeframes, lateness or calendar; "
                                    "remove the checkpoint to recompute it from the journal");
  }
  bar_aggregator made(std::move(plan), token);
  auto& s = *made.state_;
  fields(r, s);
  const auto refuse = [&](const char* why) {
    return fail(errc::corrupt, "state of the bar builder of token " + std::to_string(token) + " " +
                                   why +
                                   "; remove the checkpoint to recompute it from the journal");
  };
  const bool whole = load_history(r, s.plan->timeframes, s.history);
  if (r.is_short()) return refuse("breaks off");
  if (!whole) return refuse("has ticks that cannot be read");
  if (!s.is_consistent()) return refuse("contradicts itself");
  s.round_capacity();
  in = r.rest();
  return made;
}

}  // namespace artham::market
