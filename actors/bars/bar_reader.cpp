#include "actors/bars/bar_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::bar_reader_actor;
using messages::bar_work_ptr;
using messages::value_or_throw;

namespace {

/// Wall time between two checkpoints that nobody asked for, whatever the speed of market time.
constexpr std::chrono::seconds checkpoint_pause{10};

}  // namespace

bar_reader_actor::behavior_type bar_reader_state::start(
    bar_reader_actor::stateful_pointer<bar_reader_state> self, bar_reader_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  lag_ =
      &m.gauge("artham_reader_lag", "Records of the stream that the consumer has not pulled yet.",
               {{"consumer", "bar_reader"}});
  works_ = &m.gauge("artham_bar_works_in_flight", "Blocks that builders work on.");
  builders_ = &m.gauge("artham_bar_builders", "Bar builders, one per instrument seen.");
  failed_ = &m.gauge("artham_bar_builders_failed",
                     "Bar builders that stopped in this process: they died again and again.");
  ticks_ = &m.counter("artham_bar_ticks_total", "Ticks given to bar builders.");
  late_ = &m.counter("artham_bar_ticks_late_total", "Ticks that revised a final bar.");
  const auto unused = [&m](const char* why) {
    return &m.counter("artham_bar_ticks_unused_total", "Ticks that no bar counts.", {{"why", why}});
  };
  too_late_ = unused("too_late");
  duplicates_ = unused("duplicate");
  ahead_ = unused("ahead");
  left_out_ = unused("quarantined");
  const auto recorded = [&m](const char* what) {
    return &m.counter(quarantines_metric, "Quarantines recorded by this process.",
                      {{"what", what}});
  };
  new_records_ = recorded("record");
  new_builders_ = recorded("builder");
  const auto in_force = [&m](const char* what) {
    return &m.gauge(quarantined_metric,
                    "Records that a bar builder leaves out, and builders that take nothing more.",
                    {{"what", what}});
  };
  quarantined_records_ = in_force("record");
  quarantined_builders_ = in_force("builder");
  children_ = {config_.names, builders_name};
  maker_ = std::make_unique<work_maker>(*config_.decoder);
  derived_ = value_or_throw(derived_streams::open(*config_.output, config_.timeframes, m));
  const auto known = value_or_throw(read_dead_letters(*config_.output));
  for (const auto& l : config_.quarantines) book_.add(l);
  for (const auto& l : known) book_.add(l.letter);
  log_ = value_or_throw(quarantine_log::open(*config_.output, known));
  show_quarantines();
  restore();
  if (!checkpoint_ && config_.begin) maker_->start_at(value_or_throw(config_.begin()), 0);
  if (config_.on_begin) config_.on_begin(maker_->at());
  cursor_ = value_or_throw(
      config_.input->open_reader(record::ticks_stream(), maker_->at(), bridge::top::appended, {}));
  if (checkpoint_ && config_.on_processed) config_.on_processed(maker_->at());
  const bar_reader_actor me{self};
  caf::anon_send(me, messages::ready_atom_v);
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
      [this](messages::watch_atom, std::uint32_t token, std::uint32_t mask) { watch(token, mask); },
      [this](messages::credit_atom) {
        live_to_ = self_->current_sender();
        send_live();
      },
      [this](messages::checkpoint_atom) -> caf::typed_response_promise<caf::ok_atom> {
        auto promise = self_->make_response_promise<caf::ok_atom>();
        if (config_.checkpoint_dir.empty() || !parked_.empty()) {
          promise.deliver(
              messages::to_caf({errc::unsupported, config_.checkpoint_dir.empty()
                                                       ? "no checkpoint directory"
                                                       : "a bar builder was parked just now"}));
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
          runtime::log().error("checkpoint: {}", o->error);
          checkpoint_clock_ = 0;  // not in five minutes, but when the disk may have recovered
        }
        for (auto& p : std::exchange(checkpoint_askers_, {})) {
          if (o->ok) {
            p.deliver(caf::ok_atom_v);
          } else {
            p.deliver(messages::to_caf({errc::io, o->error}));
          }
        }
      },
      [this](const messages::child_event& e) { on_child(e); },
  };
}

void bar_reader_state::restore() {
  if (config_.checkpoint_dir.empty()) return;
  const auto input_tops = value_or_throw(config_.input->stream_tops(record::ticks_stream()));
  const auto derived = derived_->tops();
  for (const auto& file : checkpoint_directory(config_.checkpoint_dir).newest_first()) {
    auto loaded = checkpoint_directory::load(file);
    if (!loaded) {
      runtime::log().warn("checkpoint: {}: not used", loaded.error().message);
      continue;
    }
    if (loaded->plan != config_.plan_hash) {
      runtime::log().info("checkpoint: {}: made with other settings, not used", file.string());
      continue;
    }
    const bool ahead =
        loaded->at > input_tops.appended ||
        std::any_of(loaded->tops.begin(), loaded->tops.end(), [&](const auto& entry) {
          const auto it = derived.find(entry.first);
          return it == derived.end() || entry.second > it->second;
        });
    if (ahead) {
      remove_ahead(file);
      continue;
    }
    checkpoint_ = std::make_shared<const checkpoint>(std::move(*loaded));
    break;
  }
  if (!checkpoint_) return;
  runtime::failpoint("bars.restored");
  maker_->start_at(checkpoint_->at, checkpoint_->clock);
  checkpoint_clock_ = checkpoint_->clock;
  for (const auto& entry : checkpoint_->states) {
    const auto slot = slot_for(entry.first);
    slots_[slot].started_before = true;
    // When it closes its next bar is not known: the next clock mark asks it.
    maker_->next_close(slot, checkpoint_->clock);
  }
  for (const auto token : book_.stopped_at(checkpoint_->at)) {
    if (checkpoint_->states.contains(token) || book_.end_of(token) <= checkpoint_->at) continue;
    auto& s = slots_[slot_for(token)];
    s.started_before = s.whole = true;
  }
}

std::uint32_t bar_reader_state::slot_for(std::uint32_t token) {
  const auto slot = maker_->add(token);
  while (slots_.size() < maker_->slots()) {
    const auto added = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back().end = book_.end_of(maker_->token(added));
    ask_for_builder(added);
  }
  builders_->set(static_cast<std::int64_t>(slots_.size()));
  return slot;
}

void bar_reader_state::ask_for_builder(std::uint32_t slot) {
  const auto token = maker_->token(slot);
  bar_builder_config c;
  c.token = token;
  c.plan = config_.plan_of(token);
  c.journal = config_.input;
  c.decoder = config_.decoder;
  c.reader = bar_reader_actor{self_};
  c.before_slice = config_.before_slice;
  c.before_records = config_.before_records;
  messages::child_spec spec;
  spec.id = std::to_string(token);
  spec.factory = messages::make_factory([c = std::move(c)](const messages::child_context& context) {
    return context.system.spawn(bar_builder, c);
  });
  children_.ask_for(self_, std::move(spec));
}

void bar_reader_state::on_child(const messages::child_event& e) {
  std::uint32_t token = 0;
  std::from_chars(e.id.data(), e.id.data() + e.id.size(), token);
  const auto slot = maker_->find(token);
  if (slot == token_slots::none) return;
  switch (e.what) {
    case messages::child_event::what::started:
      on_started(slot, e.handle);
      break;
    case messages::child_event::what::down:
      on_down(slot, e.reason);
      break;
    case messages::child_event::what::parked:
      on_parked(slot, e.reason);
      break;
    case messages::child_event::what::removed:
      break;
  }
}

void bar_reader_state::on_started(std::uint32_t slot, const caf::actor& handle) {
  auto& s = slots_[slot];
  s.handle = caf::actor_cast<messages::bar_builder_actor>(handle);
  const auto owed = unanswered(slot);
  auto refill = std::make_shared<messages::bar_refill>();
  refill->left_out = book_.of(maker_->token(slot));
  if (s.started_before) {
    if (!s.whole) refill->from = checkpoint_;
    // What it has not answered is sent again below; everything before that it must know.
    const auto first = std::find_if(owed.begin(), owed.end(),
                                    [](const auto& o) { return o.first->first.seq != 0; });
    refill->until = maker_->at();
    if (first != owed.end()) {
      const auto at = first->first->first;
      refill->until = {at.epoch, at.seq - 1};
    }
  }
  if (s.started_before || refill->left_out)
    self_->send(s.handle, messages::bar_refill_ptr(std::move(refill)));
  s.started_before = true;
  for (const auto& [work, index] : owed) {
    work->slices[index].at = {};
    self_->send(s.handle, work, index);
  }
}

void bar_reader_state::on_down(std::uint32_t slot, const caf::error& reason) {
  auto& s = slots_[slot];
  s.handle = nullptr;
  if (!messages::is_crash(reason) || messages::is_transient(reason)) return;
  const auto owed = unanswered(slot);
  if (owed.empty()) return;
  const auto& work = *owed.front().first;
  auto& slice = work.slices[owed.front().second];
  const auto at = slice.at;
  if (at.seq == 0) return;  // in its refill, or with a work that carries no records
  if (!slice.record_by_record) {
    slice.record_by_record = true;
    s.suspect = record::position{};
    return;
  }
  const bool again = s.suspect && (s.suspect->seq == 0 || *s.suspect == at);
  if (again) {
    s.suspect.reset();
    leave_out(slot, work, at, messages::error_text(reason));
  } else {
    s.suspect = at;
  }
}

void bar_reader_state::leave_out(std::uint32_t slot, const messages::bar_work& work,
                                 record::position at, std::string why) {
  record::dead_letter l;
  l.token = maker_->token(slot);
  l.at = at;
  l.text = std::move(why);
  const auto& slice = work.slices[*work.slice_of(slot)];
  const auto ticks =
      std::span(work.ticks).subspan(slice.first_tick, slice.last_tick - slice.first_tick);
  const auto tick = std::ranges::find(ticks, at, &market::bar_input::position);
  if (tick != ticks.end()) {
    l.time = tick->time;
  } else {
    // A mark: nothing behind it can be made without what it says.
    l.what = record::letter_kind::actor;
    l.time = std::ranges::find(work.marks, at, &market::mark::position)->time;
  }
  quarantine(std::move(l));
}

void bar_reader_state::stop_builder(std::uint32_t slot, const messages::bar_work& work,
                                    std::string why) {
  if (slots_[slot].end <= work.first) return;
  record::dead_letter l;
  l.what = record::letter_kind::actor;
  l.token = maker_->token(slot);
  l.at = work.first;
  l.time = work.clock_before;
  l.text = std::move(why);
  quarantine(std::move(l));
}

void bar_reader_state::quarantine(record::dead_letter letter) {
  using what = record::letter_kind;
  letter.cause.at = letter.at;
  const bool stops = letter.what == what::actor;
  runtime::log().error(
      "bar builder of token {}: md:ticks ({}, {}): {}; {}", letter.token, letter.at.epoch,
      letter.at.seq, letter.text,
      stops ? "its bars stop here; artham verify --repair makes them when the cause is gone"
            : "it leaves this record out");
  (stops ? new_builders_ : new_records_)->add();
  book_.add(letter);
  if (stops) {
    slots_[maker_->find(letter.token)].end = book_.end_of(letter.token);
    failed_->add(1);
  }
  show_quarantines();
  log_->put(std::move(letter));
  static_cast<void>(value_or_throw(log_->lets_pass(
      {}, [me = bar_reader_actor{self_}] { caf::anon_send(me, messages::done_atom_v); })));
}

void bar_reader_state::show_quarantines() {
  quarantined_records_->set(static_cast<std::int64_t>(book_.records()));
  quarantined_builders_->set(static_cast<std::int64_t>(book_.builders()));
}

std::vector<std::pair<bar_work_ptr, std::uint32_t>> bar_reader_state::unanswered(
    std::uint32_t slot) const {
  std::vector<std::pair<bar_work_ptr, std::uint32_t>> owed;
  for (const auto& work : in_flight_) {
    const auto index = work->slice_of(slot);
    if (index && !work->slices[*index].answered.load(std::memory_order_acquire)) {
      owed.emplace_back(work, *index);
    }
  }
  return owed;
}

void bar_reader_state::on_parked(std::uint32_t slot, const caf::error& reason) {
  auto& s = slots_[slot];
  if (s.parked) return;
  const auto why = messages::error_text(reason);
  if (messages::is_transient(reason)) {
    throw messages::failure({errc::unavailable, "the bar builder of token " +
                                                    std::to_string(maker_->token(slot)) +
                                                    " cannot work: " + why});
  }
  s.parked = true;
  s.handle = nullptr;
  const auto owed = unanswered(slot);
  const auto first =
      std::find_if(owed.begin(), owed.end(), [](const auto& o) { return o.first->first.seq != 0; });
  if (first != owed.end()) {
    stop_builder(slot, *first->first, why);
  } else {
    parked_.emplace(slot, why);
  }
  for (const auto& [work, index] : owed) answer_empty(*work, work->slices[index]);
  gather();
}

bool bar_reader_state::is_out(const builder_slot& s, const messages::bar_work& work) const {
  return s.parked || s.end <= (work.first.seq != 0 ? work.first : maker_->at());
}

void bar_reader_state::answer_empty(messages::bar_work& work, messages::bar_slice& slice) {
  slice.closed.clear();
  slice.live.clear();
  slice.state.clear();
  slice.counted = {};
  slice.next_close = market::never;
  slice.left_out = slice.last_tick - slice.first_tick;
  work.answer(slice);
}

void bar_reader_state::pull() {
  while (!armed_ && !blocked_ && !checkpoint_wanted_ && in_flight_.size() < max_in_flight) {
    auto blocks = value_or_throw(cursor_->pull(config_.batch));
    if (blocks.empty()) {
      armed_ = true;
      cursor_->when_ready(
          [me = bar_reader_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
      break;
    }
    std::vector<std::uint32_t> added;
    auto work = value_or_throw(
        maker_->make(blocks, added, [this](const std::function<void(std::uint32_t)>& fn) {
          for (const auto& w : in_flight_) {
            for (std::uint32_t i = 0; i < w->slice_count; ++i) fn(w->slices[i].slot);
          }
        }));
    for (const auto slot : added) static_cast<void>(slot_for(maker_->token(slot)));
    ticks_->add(work->ticks.size());
    for (auto& [slot, why] : parked_) stop_builder(slot, *work, std::move(why));
    parked_.clear();
    dispatch(std::move(work));
  }
  lag_->set(static_cast<std::int64_t>(cursor_->lag()));
  works_->set(static_cast<std::int64_t>(in_flight_.size()));
}

void bar_reader_state::dispatch(bar_work_ptr work) {
  in_flight_.push_back(work);
  for (std::uint32_t i = 0; i < work->slice_count; ++i) send_slice(work, i);
  runtime::failpoint("bars.dispatched");
  if (work->open.load(std::memory_order_acquire) == 0) {
    caf::anon_send(bar_reader_actor{self_}, messages::done_atom_v);
  }
}

void bar_reader_state::send_slice(const bar_work_ptr& work, std::uint32_t index) {
  auto& slice = work->slices[index];
  const auto& s = slots_[slice.slot];
  if (is_out(s, *work)) {
    answer_empty(*work, slice);
  } else if (s.handle) {
    self_->send(s.handle, work, index);
  }
  // Else its builder is on its way: on_started sends what is unanswered.
}

void bar_reader_state::gather() {
  while (!blocked_) {
    if (!value_or_throw(derived_->flush(
            [me = bar_reader_actor{self_}] { caf::anon_send(me, messages::room_atom_v); }))) {
      blocked_ = true;
      return;
    }
    if (in_flight_.empty() || in_flight_.front()->open.load(std::memory_order_acquire) != 0) break;
    if (!value_or_throw(log_->lets_pass(in_flight_.front()->last, [me = bar_reader_actor{self_}] {
          caf::anon_send(me, messages::done_atom_v);
        }))) {
      return;
    }
    const auto work = std::move(in_flight_.front());
    in_flight_.pop_front();
    finish(*work);
  }
  if (checkpoint_wanted_ && !checkpoint_under_way_ && in_flight_.empty()) want_checkpoint();
  pull();
}

void bar_reader_state::finish(messages::bar_work& work) {
  closed_.clear();
  for (std::uint32_t i = 0; i < work.slice_count; ++i) {
    auto& slice = work.slices[i];
    maker_->next_close(slice.slot, slice.next_close);
    late_->add(slice.counted.late);
    too_late_->add(slice.counted.too_late);
    duplicates_->add(slice.counted.duplicates);
    ahead_->add(slice.counted.ahead);
    left_out_->add(slice.left_out);
    std::move(slice.closed.begin(), slice.closed.end(), std::back_inserter(closed_));
    for (auto& l : slice.live) {
      live_[std::uint64_t{l.bar.token} << 32U | l.timeframe] = {l.timeframe, l.bar};
    }
  }
  if (work.save_state) {
    finish_checkpoint(work);
    return;
  }
  for (const auto slot : work.watched) live_answers_.push_back(maker_->token(slot));
  if (work.last.seq != 0) live_at_ = work.last;
  if (!closed_.empty()) runtime::failpoint("bars.closed");
  derived_->add(closed_, book_, config_.repaired);
  send_live();
  // With nothing held back, everything up to here is on its way into the streams.
  if (work.last.seq != 0 && config_.on_processed) {
    if (value_or_throw(derived_->flush(
            [me = bar_reader_actor{self_}] { caf::anon_send(me, messages::room_atom_v); }))) {
      config_.on_processed(work.last);
    } else {
      blocked_ = true;
    }
  }
  const auto now = std::chrono::steady_clock::now();
  if (!config_.checkpoint_dir.empty() && parked_.empty() && !checkpoint_under_way_ &&
      maker_->clock() - checkpoint_clock_ >= config_.checkpoint_interval &&
      now - checkpoint_at_ >= checkpoint_pause) {
    checkpoint_wanted_ = true;
  }
}

void bar_reader_state::want_checkpoint() {
  checkpoint_wanted_ = false;
  checkpoint_under_way_ = true;
  std::vector<std::uint32_t> all(slots_.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  auto work = maker_->request(all);
  work->save_state = true;
  // The barrier stands here: works behind it may be under way before its answers are in.
  barrier_ = std::make_shared<checkpoint>();
  barrier_->at = maker_->at();
  barrier_->clock = maker_->clock();
  barrier_->plan = config_.plan_hash;
  barrier_->tops = derived_->tops();
  dispatch(std::move(work));
  runtime::failpoint("checkpoint.barrier");
}

void bar_reader_state::finish_checkpoint(messages::bar_work& work) {
  const auto c = std::exchange(barrier_, nullptr);
  checkpoint_clock_ = c->clock;
  checkpoint_at_ = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < work.slice_count; ++i) {
    auto& slice = work.slices[i];
    auto& s = slots_[slice.slot];
    // A builder in quarantine is left out; one that was parked behind the barrier is not done.
    if (slice.state.empty() && s.end <= c->at) continue;
    if (slice.state.empty()) {
      caf::anon_send(bar_reader_actor{self_},
                     std::make_shared<const messages::commit_outcome>(messages::commit_outcome{
                         false, false, "a bar builder was parked meanwhile"}));
      return;
    }
    s.whole = false;
    c->states.emplace(maker_->token(slice.slot), std::move(slice.state));
  }
  checkpoint_ = c;
  runtime::failpoint("checkpoint.gathered");
  const bool taken = config_.disk->post([c, dir = config_.checkpoint_dir,
                                         saved_one = config_.on_checkpoint,
                                         me = bar_reader_actor{self_}] {
    const auto saved = checkpoint_directory(dir).save(*c);
    if (saved && saved_one) saved_one(*c);
    caf::anon_send(me, std::make_shared<const messages::commit_outcome>(messages::commit_outcome{
                           saved.has_value(), false, saved ? "" : saved.error().message}));
  });
  if (!taken) {
    caf::anon_send(bar_reader_actor{self_},
                   std::make_shared<const messages::commit_outcome>(
                       messages::commit_outcome{false, true, "the disk's queue is full"}));
  }
}

void bar_reader_state::watch(std::uint32_t token, std::uint32_t mask) {
  const auto slot = maker_->find(token);
  if (slot == token_slots::none) {
    // No tick yet: nothing to show, but its first tick must find the watch in place.
    if (mask == 0) return;
    const auto added = slot_for(token);
    maker_->watch(added, mask);
    live_answers_.push_back(token);
    send_live();
    return;
  }
  maker_->watch(slot, mask);
  if (mask == 0) {
    for (unsigned tf = 0; tf < config_.timeframes.size(); ++tf)
      live_.erase(std::uint64_t{token} << 32U | tf);
    return;
  }
  const std::uint32_t one[] = {slot};
  auto work = maker_->request(one);
  work->watched.push_back(slot);
  dispatch(std::move(work));
}

void bar_reader_state::send_live() {
  if (!live_to_ || (live_.empty() && live_answers_.empty())) return;
  auto batch = std::make_shared<messages::live_batch>();
  batch->at = live_at_;
  batch->bars.reserve(live_.size());
  for (auto& entry : live_) batch->bars.push_back(entry.second);
  live_.clear();
  batch->watched = std::exchange(live_answers_, {});
  self_->send(caf::actor_cast<messages::hub_actor>(std::exchange(live_to_, nullptr)),
              messages::live_batch_ptr(std::move(batch)));
}

bar_reader_actor::behavior_type bar_reader(
    bar_reader_actor::stateful_pointer<bar_reader_state> self, bar_reader_config config) {
  messages::install_handlers(self, bar_reader_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
