#include "actors/features/feature_actor.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/features/quote_stream.hpp"
#include "bridge/common/read_to_end.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

namespace {

constexpr std::uint64_t refill_records = 65'536;

std::vector<std::uint32_t> tokens_of(const market::feature::group_plan& g) {
  std::vector<std::uint32_t> tokens;
  if (g.spot != 0) tokens.push_back(g.spot);
  for (const auto& f : g.futures) tokens.push_back(f.token);
  for (const auto& o : g.options) tokens.push_back(o.what.token);
  std::ranges::sort(tokens);
  return tokens;
}

}  // namespace

messages::feature_actor::behavior_type feature_actor_state::start(messages::feature_actor::pointer,
                                                                  feature_actor_config config) {
  config_ = std::move(config);
  group_.emplace(config_.group, config_.plan->rules());
  return {
      [this](const messages::feature_work_ptr& work, std::uint32_t index) {
        consume(*work, work->slices[index]);
      },
      [this](const messages::feature_refill& r) { refill(r); },
  };
}

void feature_actor_state::consume(messages::feature_work& work, messages::feature_slice& slice) {
  if (config_.before_slice) config_.before_slice(*config_.group, work);
  slice.rows.clear();
  slice.live.clear();
  group_->begin_at(work.clock_before);
  const auto before = group_->counts();
  const std::span<const market::quote> quotes(work.quotes.data() + slice.first_quote,
                                              slice.last_quote - slice.first_quote);
  group_->consume(quotes, work.marks, work.silent_until, slice.rows);
  if (slice.watched) group_->live(slice.live);
  slice.next_due = group_->next_due();
  slice.counted = group_->counts().since(before);
  if (work.save_state) slice.state = group_->save();
  if (work.answer(slice)) caf::anon_send(config_.reader, messages::done_atom_v);
  runtime::failpoint("features.answered");
}

void feature_actor_state::refill(const messages::feature_refill& r) {
  const auto tokens = tokens_of(*config_.group);
  auto after = r.after;
  auto clock = r.clock;
  if (r.state) {
    const auto loaded = group_->load(*r.state);
    if (!loaded) throw messages::failure(loaded.error());
  }
  group_->begin_at(clock);
  if (after >= r.until) return;
  const auto cursor = messages::value_or_throw(bridge::open_to_end(
      *config_.journal, record::ticks_stream(), after, bridge::top::appended, tokens));
  std::vector<market::quote> all;
  std::vector<market::mark> marks;
  market::feature::feature_rows made_before;
  while (after < r.until) {
    const auto blocks = messages::value_or_throw(cursor->pull(refill_records));
    if (blocks.empty()) break;
    for (const auto& b : blocks) {
      if (b->first() > r.until) return;
      all.clear();
      marks.clear();
      const auto decoded = decode_for_features(*b, after, *config_.decoder, clock, all, marks);
      if (!decoded) throw messages::failure(decoded.error());
      std::erase_if(all, [&](const market::quote& q) {
        return q.position() > r.until || !std::ranges::binary_search(tokens, q.token);
      });
      std::erase_if(marks, [&](const auto& m) { return m.position > r.until; });
      group_->consume(all, marks, r.until, made_before);
      after = b->last();
    }
  }
}

messages::feature_actor::behavior_type feature_actor(
    messages::feature_actor::stateful_pointer<feature_actor_state> self,
    feature_actor_config config) {
  messages::install_handlers(self, feature_actor_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
