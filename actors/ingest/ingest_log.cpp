#include "actors/ingest/ingest_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::actors {

using market::gap_cause;
using market::mark;
using market::mark_kind;

ingest_log::ingest_log(ingest_options options, const feed::decoder& decoder)
    : options_(std::move(options)),
      decoder_(decoder),
      clock_(options_.calendars, options_.clock_interval, options_.lateness),
      market_time_(options_.previous_time),
      session_open_(options_.calendars.size(), false) {
  if (options_.formulas && !options_.formulas->formulas().empty()) {
    formulas_.emplace(options_.formulas, options_.formula_stale);
    formula_ticks_.resize(options_.formulas->formulas().size());
  }
  clock_.start_behind(options_.previous_time);
  if (options_.previous_time != 0 && !options_.continuous) {
    restart_ = loss{options_.previous_time, gap_cause::restart, "artham was not running", {}};
    after_restart_ = true;
  }
}

void ingest_log::put(mark m, record_batch& out) {
  const auto h = record::with_times(record::kind::mark, 1, m.time, m.wall);
  record::append(out.bytes, h, record::encode(m));
  ++out.count;
}

void ingest_log::put_clocks(market::timestamp wall, record_batch& out) {
  for (const auto t : due_) {
    for (std::size_t i = 0; i < session_open_.size(); ++i) {
      const bool open = options_.calendars[i]->session_at(t).has_value();
      if (open == session_open_[i]) continue;
      session_open_[i] = open;
      mark s;
      s.kind = mark_kind::session;
      s.time = t;
      s.wall = wall;
      s.flag = open ? 1 : 0;
      s.subject = options_.calendars[i]->name();
      put(std::move(s), out);
    }
    mark m;
    m.kind = mark_kind::clock;
    m.time = t;
    m.wall = wall;
    put(std::move(m), out);
    ++counts_.clock_marks;
  }
  due_.clear();
}

void ingest_log::begin(const feed_event& e, record_batch& out) {
  begun_ = true;
  mark m;
  m.kind = mark_kind::epoch;
  m.time = std::max(e.market_time, market_time_);
  m.wall = e.wall;
  m.hashes = options_.hashes;
  put(std::move(m), out);
  if (!restart_) {
    clock_.force(e.market_time, due_);
    put_clocks(e.wall, out);
  }
}

void ingest_log::move_time(const feed_event& e, record_batch& out) {
  market_time_ = std::max(market_time_, e.market_time);
  clock_.advance(market_time_, due_);
  put_clocks(e.wall, out);
}

void ingest_log::on_state(const feed_event& e, const feed::state_change& s, record_batch& out) {
  if (s.state == feed::state::live) {
    auto over = take_loss(s.connection);
    if (!over) return;
    put(whole_loss(*std::move(over)), out);
    ++counts_.gaps;
    clock_.force(market_time_, due_);
    put_clocks(e.wall, out);
    return;
  }
  // Bars that close while the feed is lost must know: the loss is told when it begins, and again,
  // with its length, when it is over.
  if (const auto* begun = note_loss(s)) put_loss_begins(*begun, market_time_, out);
}

const ingest_log::loss* ingest_log::note_loss(const feed::state_change& s) {
  if (s.cause == gap_cause::none) return nullptr;
  const bool absent = s.state == feed::state::connecting;
  if (absent ? !after_restart_ : connected_.erase(s.connection) == 0) return nullptr;
  if (s.tokens && s.tokens->empty()) return nullptr;
  // Clock marks may have gone on since; what was lost begins with the silence.
  const auto from = s.heard != 0 ? std::min(s.heard, market_time_) : market_time_;
  return &losses_.insert_or_assign(s.connection, loss{from, s.cause, s.detail, s.tokens})
              .first->second;
}

std::optional<ingest_log::loss> ingest_log::take_loss(std::uint32_t connection) {
  connected_.insert(connection);
  if (restart_) return std::exchange(restart_, std::nullopt);
  auto found = losses_.extract(connection);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

void ingest_log::note_subscribed(std::vector<std::uint32_t> tokens) {
  if (losses_.empty()) return;
  std::ranges::sort(tokens);
  for (auto& [connection, l] : losses_) {
    if (!l.tokens) continue;
    std::vector<std::uint32_t> rest;
    std::ranges::set_difference(*l.tokens, tokens, std::back_inserter(rest));
    l.tokens = std::move(rest);
  }
  std::erase_if(losses_, [](const auto& entry) {
    const auto& lost = entry.second.tokens;
    return lost && lost->empty();
  });
}

void ingest_log::put_loss_begins(const loss& l, market::timestamp at, record_batch& out) {
  mark m;
  m.kind = mark_kind::gap;
  m.flag = market::gap_begins;
  m.from = l.from;
  m.time = at;
  m.wall = wall_;
  m.cause = l.cause;
  m.subject = l.detail;
  if (l.tokens) m.tokens = *l.tokens;
  put(std::move(m), out);
}

mark ingest_log::whole_loss(loss l) const {
  mark m;
  m.kind = mark_kind::gap;
  m.from = l.from;
  m.time = market_time_;
  m.wall = wall_;
  m.cause = l.cause;
  m.subject = std::move(l.detail);
  if (l.tokens) m.tokens = *std::move(l.tokens);
  return m;
}

void ingest_log::put_frame(const feed_event& e, const frame_event& f, record_batch& out) {
  market_time_ = std::max(market_time_, e.market_time);
  frame_ticks_ = decoder_.packets(f.bytes);
  const auto h = record::with_times(record::kind::kite_frame, frame_ticks_, market_time_, e.wall);
  record::append(out.bytes, h, f.bytes);
  out.count += frame_ticks_;
  decoder_.tokens(f.bytes, out.tokens);
  counts_.ticks += frame_ticks_;
  ++counts_.frames;
  frame_formulas_.clear();
  if (formulas_ && formulas_->concerns(out.tokens)) put_formulas(f.bytes, e.wall, out);
}

void ingest_log::put_formulas(std::string_view frame, market::timestamp wall, record_batch& out) {
  quotes_.clear();
  decoder_.quotes(frame, market_time_, {}, quotes_);
  formulas_->take(quotes_, frame_formulas_);
  if (frame_formulas_.empty()) return;
  std::string body;
  record::encode(body, frame_formulas_);
  const auto count = static_cast<std::uint16_t>(frame_formulas_.size());
  record::append(out.bytes,
                 record::with_times(record::kind::packed_ticks, count, market_time_, wall), body);
  out.count += count;
  for (const auto& t : frame_formulas_) {
    out.tokens.push_back(t.token);
    ++formula_ticks_[t.slot];
  }
}

std::vector<ingest_log::formula_counters> ingest_log::formula_counts() const {
  std::vector<formula_counters> all;
  for (std::size_t i = 0; i < formula_ticks_.size(); ++i)
    all.push_back({formula_ticks_[i], formulas_->silent()[i]});
  return all;
}

void ingest_log::drop(record_batch& batch) {
  counts_.ticks -= frame_ticks_;
  --counts_.frames;
  counts_.dropped_ticks += frame_ticks_;
  ++counts_.dropped_frames;
  for (const auto& t : frame_formulas_) --formula_ticks_[t.slot];
  batch.clear();
}

void ingest_log::lose(std::string detail, bool kept, record_batch& out) {
  losing_ = true;
  if (formulas_) formulas_->forget();
  // Nothing behind this time is in the journal: should the program end now, the gap that its next
  // start tells begins here too.
  losing_from_ = kept ? market_time_ : before_;
  losing_why_ = std::move(detail);
  put_loss_begins({losing_from_, gap_cause::disk_full, losing_why_, {}}, losing_from_, out);
}

void ingest_log::on_while_losing(const feed_event& e) {
  market_time_ = std::max(market_time_, e.market_time);
  if (const auto* f = std::get_if<frame_event>(&e.what)) {
    counts_.dropped_ticks += decoder_.packets(f->bytes);
    ++counts_.dropped_frames;
  } else if (const auto* s = std::get_if<subscription_event>(&e.what)) {
    for (const auto token : s->tokens) subscriptions_[token] = {s->mode, s->added};
    if (s->added) note_subscribed(s->tokens);
  } else if (const auto* c = std::get_if<feed::state_change>(&e.what)) {
    if (c->state == feed::state::live) {
      auto over = take_loss(c->connection);
      if (over && over->from < losing_from_) losses_over_.push_back(whole_loss(*std::move(over)));
    } else {
      note_loss(*c);
    }
  }
}

void ingest_log::resume(record_batch& out) {
  losing_ = false;
  for (auto& over : std::exchange(losses_over_, {})) {
    put(std::move(over), out);
    ++counts_.gaps;
  }
  mark gap;
  gap.kind = mark_kind::gap;
  gap.from = losing_from_;
  gap.time = market_time_;
  gap.wall = wall_;
  gap.cause = gap_cause::disk_full;
  gap.subject = std::exchange(losing_why_, {});
  put(std::move(gap), out);
  ++counts_.gaps;
  std::map<std::pair<bool, market::tick_mode>, std::vector<std::uint32_t>> changes;
  for (const auto& [token, w] : std::exchange(subscriptions_, {}))
    changes[{w.added, w.mode}].push_back(token);
  for (auto& [how, tokens] : changes) {
    mark m;
    m.kind = mark_kind::subscription;
    m.time = market_time_;
    m.wall = wall_;
    m.flag = how.first ? 1 : 0;
    m.mode = how.second;
    m.tokens = std::move(tokens);
    put(std::move(m), out);
  }
  // That mark said that all is well again.
  for (const auto& entry : losses_) put_loss_begins(entry.second, market_time_, out);
  clock_.force(market_time_, due_);
  put_clocks(wall_, out);
}

void ingest_log::on(const feed_event& e, record_batch& out) {
  const auto* state = std::get_if<feed::state_change>(&e.what);
  before_ = market_time_;
  wall_ = e.wall;
  if (!begun_) {
    // Nothing is known of the feed's time before it is live.
    if (!state || state->state != feed::state::live) return;
    begin(e, out);
  }
  if (losing_) return on_while_losing(e);
  if (const auto* f = std::get_if<frame_event>(&e.what)) {
    put_frame(e, *f, out);
    return;
  }
  if (state) {
    const bool ends = restart_ || losses_.contains(state->connection);
    if (ends && state->state == feed::state::live) {
      market_time_ = std::max(market_time_, e.market_time);
    } else {
      move_time(e, out);
    }
    on_state(e, *state, out);
    return;
  }
  if (const auto* s = std::get_if<subscription_event>(&e.what)) {
    mark m;
    m.kind = mark_kind::subscription;
    m.time = market_time_;
    m.wall = e.wall;
    m.flag = s->added ? 1 : 0;
    m.mode = s->mode;
    m.tokens = s->tokens;
    std::sort(m.tokens.begin(), m.tokens.end());
    if (s->added) note_subscribed(m.tokens);
    put(std::move(m), out);
    return;
  }
  move_time(e, out);
}

}  // namespace artham::actors
