#include "actors/bars/bar_builder.hpp"

#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/bars/checkpoint.hpp"
#include "actors/bars/tick_stream.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

using messages::bar_builder_actor;

namespace {

constexpr std::uint64_t refill_records = 65'536;

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
  const std::span<const market::bar_input> ticks(work.ticks.data() + slice.first_tick,
                                                 slice.last_tick - slice.first_tick);
  const auto before = aggregator_->counts();
  aggregator_->consume(ticks, work.marks, work.clock_before, slice.closed);
  slice.counted = aggregator_->counts().since(before);
  if (slice.watch != 0) aggregator_->live(slice.watch, slice.live);
  slice.next_close = aggregator_->next_close();
  if (work.save_state) aggregator_->save(slice.state);
  if (work.answer(slice)) caf::anon_send(config_.reader, messages::done_atom_v);
  runtime::failpoint("bars.answered");
}

void bar_builder_state::refill(const messages::bar_refill& r) {
  record::position after;
  market::timestamp clock = 0;
  if (r.from) {
    after = r.from->at;
    clock = r.from->clock;
    if (const auto it = r.from->builders.find(config_.token); it != r.from->builders.end()) {
      std::string_view bytes = it->second;
      auto loaded = market::bar_aggregator::load(config_.plan, bytes);
      if (!loaded) throw std::runtime_error(loaded.error().message);
      aggregator_.emplace(std::move(*loaded));
    }
  }
  runtime::failpoint("bars.refilled");
  if (after >= r.until) return;
  const std::uint32_t tokens[] = {config_.token};
  auto cursor =
      config_.journal->open_reader(record::ticks_stream(), after, bridge::top::appended, tokens);
  if (!cursor) throw std::runtime_error(cursor.error().message);
  std::vector<market::bar_input> all;
  std::vector<market::bar_input> own;
  std::vector<market::mark> marks;
  std::vector<market::closed_bar> made_before;
  while (after < r.until) {
    auto blocks = (*cursor)->pull(refill_records);
    if (!blocks) throw std::runtime_error(blocks.error().message);
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      if (b->first() > r.until) return;
      all.clear();
      own.clear();
      marks.clear();
      made_before.clear();
      auto decoded = decode_for_bars(*b, after, *config_.decoder, all, marks);
      if (!decoded) throw std::runtime_error(decoded.error().message);
      for (const auto& t : all) {
        if (t.token == config_.token && t.position() <= r.until) own.push_back(t);
      }
      std::erase_if(marks, [&](const auto& m) { return m.position > r.until; });
      aggregator_->consume(own, marks, clock, made_before);
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
