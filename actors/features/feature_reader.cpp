#include "actors/features/feature_reader.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::feature_reader_actor;
using messages::feature_work_ptr;
using messages::value_or_throw;

namespace {

/// Wall time between two checkpoints that nobody asked for, whatever the speed of market time.
constexpr std::chrono::seconds checkpoint_pause{10};

}  // namespace

feature_reader_actor::behavior_type feature_reader_state::start(
    feature_reader_actor::stateful_pointer<feature_reader_state> self,
    feature_reader_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  lag_ =
      &m.gauge("artham_reader_lag", "Records of the stream that the consumer has not pulled yet.",
               {{"consumer", "feature_reader"}});
  works_ = &m.gauge("artham_feature_works_in_flight", "Blocks that feature actors work on.");
  groups_ = &m.gauge("artham_feature_groups",
                     "Feature actors: one per underlying, or per instrument without derivatives.");
  failed_ = &m.gauge(feature_groups_failed_metric,
                     "Groups without features, as their actor died again and again.");
  quotes_ = &m.counter("artham_feature_quotes_total", "Ticks given to feature actors.");
  unused_ = &m.counter("artham_feature_quotes_unused_total",
                       "Ticks older than what was known, or ahead of market time.");
  expired_ = &m.counter("artham_feature_expired_total", "Ticks of options that had expired.");
  children_ = {config_.names, feature_actors_name};
  maker_ = std::make_unique<feature_maker>(*config_.decoder, config_.plan);
  stream_ = value_or_throw(feature_stream::open(*config_.output, m));
  silent_until_ = stream_->top().cause.at;
  // Its outputs may be there in part: they are made again, and those that are there left out.
  if (silent_until_.seq != 0) --silent_until_.seq;
  silent_until_ = std::max(silent_until_, config_.after);
  restore();
  if (!checkpoint_) {
    const auto top = stream_->top().at;
    if (top != 0) {
      begin_ = day_begin(top);
    } else if (config_.begin) {
      begin_ = value_or_throw(config_.begin());
    }
    maker_->start_at(begin_, 0);
  }
  if (config_.on_begin) config_.on_begin(maker_->at());
  cursor_ = value_or_throw(
      config_.input->open_reader(record::ticks_stream(), maker_->at(), bridge::top::appended, {}));
  if (checkpoint_ && config_.on_processed) config_.on_processed(maker_->at());
  caf::anon_send(feature_reader_actor{self}, messages::ready_atom_v);
  return {
      [this](messages::ready_atom) {
        armed_ = false;
        pull();
      },
      [this](messages::room_atom) {
        blocked_ = false;
        gather();
      },
      [this](messages::done_atom) { gather(); },
      [this](messages::watch_atom, const std::string& group, bool wanted) { watch(group, wanted); },
      [this](messages::credit_atom) { on_credit(); },
      [this](messages::checkpoint_atom) -> caf::typed_response_promise<caf::ok_atom> {
        auto promise = self_->make_response_promise<caf::ok_atom>();
        if (config_.disk == nullptr || config_.checkpoint_dir.empty()) {
          promise.deliver(messages::to_caf({errc::unsupported, "no checkpoint directory"}));
          return promise;
        }
        checkpoint_askers_.push_back(promise);
        checkpoint_wanted_ = true;
        gather();
        return promise;
      },
      [this](const messages::commit_outcome_ptr& o) {
        checkpoint_under_way_ = false;
        if (!o->ok) {
          runtime::log().error("checkpoint of features: {}", o->error);
          checkpoint_clock_ = 0;  // not in five minutes, but when the disk may have recovered
        }
        for (auto& p : std::exchange(checkpoint_askers_, {})) {
          if (o->ok) {
            p.deliver(caf::ok_atom_v);
          } else {
            p.deliver(messages::to_caf({errc::io, o->error}));
          }
        }
        gather();
      },
      [this](const messages::child_event& e) { on_child(e); },
  };
}

void feature_reader_state::restore() {
  if (config_.checkpoint_dir.empty()) return;
  const auto tops = value_or_throw(config_.input->stream_tops(record::ticks_stream()));
  for (const auto& file : checkpoint_directory(config_.checkpoint_dir).newest_first()) {
    auto loaded = checkpoint_directory::load(file);
    if (!loaded) {
      runtime::log().warn("checkpoint: {}; not used", loaded.error().message);
      continue;
    }
    if (loaded->plan != config_.plan_hash) {
      runtime::log().info("checkpoint: {}: made with other settings or instruments, not used",
                          file.string());
      continue;
    }
    const auto top = loaded->tops.find(record::features_stream());
    if (loaded->at > tops.appended ||
        (top != loaded->tops.end() && top->second > stream_->top().cause)) {
      remove_ahead(file);
      continue;
    }
    checkpoint_ = std::make_shared<const checkpoint>(std::move(*loaded));
    break;
  }
  if (!checkpoint_) return;
  begin_ = checkpoint_->at;
  checkpoint_clock_ = checkpoint_->clock;
  maker_->start_at(checkpoint_->at, checkpoint_->clock);
  for (const auto& entry : checkpoint_->states) {
    const auto slot = maker_->slot_of(entry.first);
    add_new_slots();
    slots_[slot].started_before = true;
    // When it has something to say next is not known: the next clock mark asks it.
    maker_->next_due(slot, checkpoint_->clock);
  }
}

record::position feature_reader_state::day_begin(market::timestamp t) const {
  if (!config_.day_begin || t == 0) return {};
  return value_or_throw(config_.day_begin(t));
}

/// Without its end.
messages::feature_refill feature_reader_state::refill_of(std::uint32_t slot) const {
  messages::feature_refill refill;
  if (!checkpoint_) {
    refill.after = std::max(begin_, day_begin(maker_->clock()));
    return refill;
  }
  const auto it = checkpoint_->states.find(maker_->token(slot));
  // It was parked when the checkpoint was taken.
  if (it != checkpoint_->states.end() && it->second.empty()) {
    refill.after = day_begin(checkpoint_->clock);
    return refill;
  }
  refill.after = checkpoint_->at;
  refill.clock = checkpoint_->clock;
  if (it != checkpoint_->states.end())
    refill.state = std::shared_ptr<const std::string>(checkpoint_, &it->second);
  return refill;
}

std::function<void()> feature_reader_state::on_room() const {
  return [me = feature_reader_actor{self_}] { caf::anon_send(me, messages::room_atom_v); };
}

void feature_reader_state::add_new_slots() {
  while (slots_.size() < maker_->slots()) {
    const auto added = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
    ask_for_actor(added);
  }
  groups_->set(static_cast<std::int64_t>(slots_.size()));
}

void feature_reader_state::ask_for_actor(std::uint32_t slot) {
  feature_actor_config c;
  c.plan = config_.plan;
  c.group = maker_->group(slot);
  c.journal = config_.input;
  c.decoder = config_.decoder;
  c.reader = feature_reader_actor{self_};
  c.before_slice = config_.before_slice;
  messages::child_spec spec;
  spec.id = c.group->name;
  // Two instruments of a list may bear one name.
  if (slot_by_id_.contains(spec.id)) spec.id += " #" + std::to_string(slot);
  slot_by_id_.emplace(spec.id, slot);
  spec.factory = messages::make_factory([c = std::move(c)](const messages::child_context& context) {
    return context.system.spawn(feature_actor, c);
  });
  children_.ask_for(self_, std::move(spec));
}

void feature_reader_state::on_child(const messages::child_event& e) {
  const auto it = slot_by_id_.find(e.id);
  if (it == slot_by_id_.end()) return;
  switch (e.what) {
    case messages::child_event::what::started:
      on_started(it->second, e.handle);
      break;
    case messages::child_event::what::down:
      slots_[it->second].handle = nullptr;
      break;
    case messages::child_event::what::parked:
      on_parked(it->second, e.reason);
      break;
    case messages::child_event::what::removed:
      break;
  }
}

void feature_reader_state::on_started(std::uint32_t slot, const caf::actor& handle) {
  auto& s = slots_[slot];
  s.handle = caf::actor_cast<messages::feature_actor>(handle);
  const auto owed = unanswered(slot);
  if (std::exchange(s.started_before, true)) {
    const auto first =
        std::ranges::find_if(owed, [](const auto& o) { return o.first->first.seq != 0; });
    auto refill = refill_of(slot);
    refill.until = maker_->at();
    if (first != owed.end()) {
      const auto at = first->first->first;
      refill.until = {at.epoch, at.seq - 1};
    }
    self_->send(s.handle, refill);
  }
  for (const auto& [work, index] : owed) self_->send(s.handle, work, index);
}

void feature_reader_state::on_parked(std::uint32_t slot, const caf::error& reason) {
  auto& s = slots_[slot];
  if (std::exchange(s.parked, true)) return;
  s.handle = nullptr;
  failed_->add(1);
  runtime::log().error("features of {}: {}; they stop until the next start",
                       maker_->group(slot)->name, messages::error_text(reason));
  for (const auto& [work, index] : unanswered(slot)) answer_empty(*work, work->slices[index]);
  gather();
}

void feature_reader_state::answer_empty(messages::feature_work& work,
                                        messages::feature_slice& slice) {
  slice.rows.clear();
  slice.live.clear();
  slice.counted = {};
  slice.state.clear();
  slice.next_due = market::never;
  work.answer(slice);
}

std::vector<std::pair<feature_work_ptr, std::uint32_t>> feature_reader_state::unanswered(
    std::uint32_t slot) const {
  std::vector<std::pair<feature_work_ptr, std::uint32_t>> owed;
  for (const auto& work : in_flight_) {
    for (std::uint32_t i = 0; i < work->slice_count; ++i) {
      const auto& s = work->slices[i];
      if (s.slot == slot && !s.answered.load(std::memory_order_acquire)) owed.emplace_back(work, i);
    }
  }
  return owed;
}

void feature_reader_state::pull() {
  while (!armed_ && !blocked_ && !checkpoint_wanted_ && in_flight_.size() < max_in_flight) {
    const auto blocks = value_or_throw(cursor_->pull(config_.batch));
    if (blocks.empty()) {
      armed_ = true;
      cursor_->when_ready(
          [me = feature_reader_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
      break;
    }
    std::set<std::uint32_t> busy;
    for (const auto& w : in_flight_) {
      for (std::uint32_t i = 0; i < w->slice_count; ++i) busy.insert(w->slices[i].slot);
    }
    auto work = value_or_throw(maker_->make(blocks, busy));
    work->silent_until = silent_until_;
    quotes_->add(work->quotes.size());
    add_new_slots();
    dispatch(std::move(work));
  }
  lag_->set(static_cast<std::int64_t>(cursor_->lag()));
  works_->set(static_cast<std::int64_t>(in_flight_.size()));
}

void feature_reader_state::dispatch(feature_work_ptr work) {
  in_flight_.push_back(work);
  for (std::uint32_t i = 0; i < work->slice_count; ++i) send_slice(work, i);
  runtime::failpoint("features.dispatched");
  if (work->open.load(std::memory_order_acquire) == 0)
    caf::anon_send(feature_reader_actor{self_}, messages::done_atom_v);
}

void feature_reader_state::send_slice(const feature_work_ptr& work, std::uint32_t index) {
  auto& slice = work->slices[index];
  const auto& s = slots_[slice.slot];
  if (s.parked) {
    answer_empty(*work, slice);
  } else if (s.handle) {
    self_->send(s.handle, work, index);
  }
  // Else its actor is on its way: on_started sends what is unanswered.
}

void feature_reader_state::gather() {
  while (!blocked_) {
    if (!value_or_throw(stream_->flush(on_room()))) {
      blocked_ = true;
      return;
    }
    if (in_flight_.empty() || in_flight_.front()->open.load(std::memory_order_acquire) != 0) break;
    const auto work = std::move(in_flight_.front());
    in_flight_.pop_front();
    finish(*work);
  }
  if (checkpoint_wanted_ && !checkpoint_under_way_ && !blocked_ && in_flight_.empty())
    want_checkpoint();
  pull();
}

void feature_reader_state::finish(messages::feature_work& work) {
  rows_.clear();
  for (std::uint32_t i = 0; i < work.slice_count; ++i) {
    auto& slice = work.slices[i];
    maker_->next_due(slice.slot, slice.next_due);
    unused_->add(slice.counted.unused);
    expired_->add(slice.counted.expired);
    std::ranges::move(slice.rows.chains, std::back_inserter(rows_.chains));
    std::ranges::move(slice.rows.instruments, std::back_inserter(rows_.instruments));
    for (auto& c : slice.live) {
      const std::pair key(c.underlying, c.expiry);
      live_.insert_or_assign(key, std::move(c));
    }
  }
  if (work.save_state) {
    send_live();
    finish_checkpoint(work);
    return;
  }
  stream_->add(rows_);
  send_live();
  if (work.last.seq == 0) return;
  if (!value_or_throw(stream_->flush(on_room()))) {
    blocked_ = true;
  } else if (config_.on_processed) {
    config_.on_processed(work.last);
  }
  const auto now = std::chrono::steady_clock::now();
  if (config_.disk != nullptr && !config_.checkpoint_dir.empty() && !checkpoint_under_way_ &&
      maker_->clock() - checkpoint_clock_ >= config_.checkpoint_interval &&
      now - checkpoint_at_ >= checkpoint_pause) {
    checkpoint_wanted_ = true;
  }
}

void feature_reader_state::want_checkpoint() {
  checkpoint_wanted_ = false;
  checkpoint_under_way_ = true;
  // The barrier stands here: works behind it may be under way before its answers are in.
  barrier_ = std::make_shared<checkpoint>();
  barrier_->at = maker_->at();
  barrier_->clock = maker_->clock();
  barrier_->plan = config_.plan_hash;
  barrier_->tops.emplace(record::features_stream(), stream_->top().cause);
  dispatch(maker_->request_state());
}

void feature_reader_state::finish_checkpoint(messages::feature_work& work) {
  const auto c = std::exchange(barrier_, nullptr);
  checkpoint_clock_ = c->clock;
  checkpoint_at_ = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < work.slice_count; ++i) {
    auto& slice = work.slices[i];
    // A group that is only watched has seen nothing.
    if (const auto token = maker_->token(slice.slot); token != 0)
      c->states.emplace(token, std::move(slice.state));
  }
  checkpoint_ = c;
  const auto done = [me = feature_reader_actor{self_}](const result<void>& saved) {
    caf::anon_send(me, std::make_shared<const messages::commit_outcome>(messages::commit_outcome{
                           saved.has_value(), false, saved ? "" : saved.error().message}));
  };
  const bool taken = config_.disk->post(
      [c, done, dir = config_.checkpoint_dir, saved_one = config_.on_checkpoint] {
        const auto saved = checkpoint_directory(dir).save(*c);
        if (saved && saved_one) saved_one(*c);
        done(saved);
      });
  if (!taken) done(fail(errc::io, "the disk's queue is full"));
}

void feature_reader_state::on_credit() {
  live_to_ = self_->current_sender();
  const auto from = caf::actor_cast<caf::actor_addr>(live_to_);
  if (std::exchange(credited_, from) != from) {
    // Another life of the hub says anew what it wants.
    for (std::uint32_t slot = 0; slot < maker_->slots(); ++slot) maker_->watch(slot, false);
    live_.clear();
  }
  send_live();
}

void feature_reader_state::watch(const std::string& group, bool wanted) {
  const auto it = config_.plan->chains().find(group);
  if (it == config_.plan->chains().end()) return;
  const auto slot = maker_->add(it->second);
  add_new_slots();
  maker_->watch(slot, wanted);
  if (wanted) {
    dispatch(maker_->request(slot));
  } else {
    std::erase_if(live_, [&](const auto& entry) { return entry.first.first == group; });
  }
}

void feature_reader_state::send_live() {
  if (!live_to_ || live_.empty()) return;
  auto batch = std::make_shared<messages::live_chains>();
  batch->reserve(live_.size());
  for (auto& entry : live_) batch->push_back(std::move(entry.second));
  live_.clear();
  self_->send(caf::actor_cast<messages::hub_actor>(std::exchange(live_to_, nullptr)),
              messages::live_chains_ptr(std::move(batch)));
}

feature_reader_actor::behavior_type feature_reader(
    feature_reader_actor::stateful_pointer<feature_reader_state> self,
    feature_reader_config config) {
  messages::install_handlers(self, feature_reader_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
