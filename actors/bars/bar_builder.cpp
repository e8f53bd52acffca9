#include "actors/bars/bar_builder.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/bars/tick_stream.hpp"
#include "actors/checkpoint.hpp"
#include "bridge/common/read_to_end.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

using messages::bar_builder_actor;

namespace {

constexpr std::uint64_t refill_records = 65'536;

std::span<const market::bar_input> ticks_of(const messages::bar_work& work,
                                            const messages::bar_slice& slice) {
  return {work.ticks.data() + slice.first_tick, slice.last_tick - slice.first_tick};
}

}  // namespace

bar_builder_actor::behavior_type bar_builder_state::start(bar_builder_actor::pointer self,
                                                          bar_builder_config config) {
  self_ = self;
  config_ = std::move(config);
  aggregator_.emplace(config_.plan, config_.token);
  return {
      [this](const messages::bar_work_ptr& work, std::uint32_t index) {
        consume(*work, work->slices[index]);
      },
      [this](const messages::bar_refill_ptr& r) { refill(*r); },
  };
}

void bar_builder_state::consume(messages::bar_work& work, messages::bar_slice& slice) {
  if (config_.before_slice) config_.before_slice(work, slice);
  slice.closed.clear();
  slice.live.clear();
  slice.left_out = 0;
  slice.at = slice.record_by_record ? market::position{} : work.first;
  const auto before = aggregator_->counts();
  if (slice.record_by_record) {
    consume_record_by_record(work, slice);
  } else {
    slice.left_out = take(ticks_of(work, slice), work.marks, work.clock_before, slice.closed);
  }
  slice.counted = aggregator_->counts().since(before);
  if (slice.watch != 0) aggregator_->live(slice.watch, slice.live);
  slice.next_close = aggregator_->next_close();
  if (work.save_state) aggregator_->save(slice.state);
  if (work.answer(slice)) caf::anon_send(config_.reader, messages::done_atom_v);
  runtime::failpoint("bars.answered");
}

void bar_builder_state::consume_record_by_record(const messages::bar_work& work,
                                                 messages::bar_slice& slice) {
  const auto ticks = ticks_of(work, slice);
  const std::span<const market::mark> marks = work.marks;
  auto clock = work.clock_before;
  for (std::size_t t = 0, m = 0; t < ticks.size() || m < marks.size();) {
    const bool tick =
        m == marks.size() || (t < ticks.size() && ticks[t].position() < marks[m].position);
    slice.at = tick ? ticks[t].position() : marks[m].position;
    slice.left_out +=
        take(ticks.subspan(t, tick ? 1 : 0), marks.subspan(m, tick ? 0 : 1), clock, slice.closed);
    if (!tick && marks[m].kind == market::mark_kind::clock) clock = marks[m].time;
    ++(tick ? t : m);
  }
  slice.at = {};
}

std::uint32_t bar_builder_state::take(std::span<const market::bar_input> ticks,
                                      std::span<const market::mark> marks,
                                      market::timestamp clock_before,
                                      std::vector<market::closed_bar>& out) {
  std::vector<market::bar_input> kept;
  const auto given = ticks.size();
  if (left_out_) {
    const auto end = left_out_->from;
    marks = marks.first(static_cast<std::size_t>(
        std::ranges::lower_bound(marks, end, {}, &market::mark::position) - marks.begin()));
    const auto& records = left_out_->records;
    std::ranges::copy_if(ticks, std::back_inserter(kept), [&](const market::bar_input& t) {
      return t.position() < end && !std::ranges::binary_search(records, t.position());
    });
    ticks = kept;
  }
  if (config_.before_records) config_.before_records(config_.token, ticks, marks);
  aggregator_->consume(ticks, marks, clock_before, out);
  return static_cast<std::uint32_t>(given - ticks.size());
}

void bar_builder_state::refill(const messages::bar_refill& r) {
  left_out_ = r.left_out;
  record::position after;
  market::timestamp clock = 0;
  if (r.from) {
    after = r.from->at;
    clock = r.from->clock;
    if (const auto it = r.from->states.find(config_.token); it != r.from->states.end()) {
      std::string_view bytes = it->second;
      aggregator_.emplace(
          messages::value_or_throw(market::bar_aggregator::load(config_.plan, bytes)));
    }
  }
  runtime::failpoint("bars.refilled");
  if (after >= r.until) return;
  const std::uint32_t tokens[] = {config_.token};
  const auto cursor = messages::value_or_throw(bridge::open_to_end(
      *config_.journal, record::ticks_stream(), after, bridge::top::appended, tokens));
  std::vector<market::bar_input> all;
  std::vector<market::bar_input> own;
  std::vector<market::mark> marks;
  std::vector<market::closed_bar> made_before;
  while (after < r.until) {
    const auto blocks = messages::value_or_throw(cursor->pull(refill_records));
    if (blocks.empty()) break;
    for (const auto& b : blocks) {
      if (b->first() > r.until) return;
      all.clear();
      own.clear();
      marks.clear();
      made_before.clear();
      const auto decoded = decode_for_bars(*b, after, *config_.decoder, all, marks);
      if (!decoded) throw messages::failure(decoded.error());
      for (const auto& t : all) {
        if (t.token == config_.token && t.position() <= r.until) own.push_back(t);
      }
      std::erase_if(marks, [&](const auto& m) { return m.position > r.until; });
      take(own, marks, clock, made_before);
      for (const auto& m : marks) {
        if (m.kind == market::mark_kind::clock) clock = m.time;
      }
      after = b->last();
    }
  }
}

bar_builder_actor::behavior_type bar_builder(
    bar_builder_actor::stateful_pointer<bar_builder_state> self, bar_builder_config config) {
  messages::install_handlers(self, bar_builder_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
