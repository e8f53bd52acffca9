#include "actors/ingest/ingestor.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "bridge/common/read_to_end.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::ingestor_actor;

result<newest_times> newest_record_times(bridge::bridge& journal) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) {
    if (tops.error().code == errc::not_found) return newest_times{};
    return tl::unexpected(tops.error());
  }
  newest_times newest;
  // A damaged tail has no time: look further back until a record tells one.
  for (std::uint64_t back = 1; newest.market == 0 && back <= tops->appended.seq; back *= 64) {
    record::position after = tops->appended;
    after.seq -= back;
    if (after.seq == 0) after.epoch = 0;
    auto cursor = bridge::open_to_end(journal, record::ticks_stream(), after);
    if (!cursor) return tl::unexpected(cursor.error());
    for (;;) {
      auto blocks = (*cursor)->pull(1U << 16U);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      for (const auto& b : *blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view) {
          newest.market = std::max(newest.market, record::receive_time(h));
          newest.wall = std::max(newest.wall, record::wall_time(h));
        });
      }
    }
  }
  return newest;
}

ingestor_actor::behavior_type ingestor_state::start(ingestor_actor::pointer self,
                                                    ingestor_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  ticks_ =
      &m.counter("artham_ticks_received_total", "Packets received from the feed and journaled.");
  frames_ =
      &m.counter("artham_frames_received_total", "Frames received from the feed and journaled.");
  gaps_ = &m.counter("artham_gaps_total", "Times that the feed was lost and came back.");
  const runtime::labels full{{"why", "disk_full"}};
  dropped_ticks_ = &m.counter(dropped_ticks_metric, "Packets received and not journaled.", full);
  dropped_frames_ =
      &m.counter("artham_frames_dropped_total", "Frames received and not journaled.", full);
  silent_ = &m.gauge("artham_feed_silent_milliseconds", "Market time since the last tick.");
  stall_limit_ = &m.gauge("artham_feed_stall_limit_milliseconds",
                          "A longer silence is a stall; 0: no tick is expected now.");
  expected_frames_ = &m.gauge("artham_feed_expected_frames_per_hour",
                              "Usual in this phase of the day; 0: not known.");
  market_time_ = &m.gauge("artham_market_time_seconds", "Market time of the newest record.");
  make_formula_metrics();

  auto previous = newest_record_times(*config_.journal);
  if (!previous) throw std::runtime_error(previous.error().message);
  auto options = config_.log;
  options.previous_time = previous->market;
  const auto epoch = std::max(config_.journal->last_epoch() + 1, config_.least_epoch);
  auto writer = config_.journal->open_writer(record::ticks_stream(), epoch);
  if (!writer) throw std::runtime_error(writer.error().message);
  writer_ = std::move(*writer);
  log_ = std::make_unique<ingest_log>(std::move(options), *config_.decoder);
  // After a crash of this actor the feed's break is a gap whatever the first start was.
  config_.log.continuous = false;
  sink_ = std::make_unique<feed_sink>(config_.queue_bytes, m);
  feed_ = config_.make_feed();
  sink_->connect(ingestor_actor{self}, *feed_);
  feed_->start(*sink_);
  return {
      [this](const feed_event_ptr& e) { on_event(e); },
      [this](messages::room_atom) { on_room(); },
  };
}

void ingestor_state::make_formula_metrics() {
  if (!config_.log.formulas) return;
  for (const auto& f : config_.log.formulas->formulas()) {
    const runtime::labels of{{"formula", f.name}};
    formulas_.push_back(
        {&config_.metrics->counter(std::string(formula_ticks_metric),
                                   "Ticks of a formula that were journaled.", of),
         &config_.metrics->counter(std::string(formula_stale_metric),
                                   "Frames with a leg's tick in which a formula was silent, as a "
                                   "leg was stale, unheard or without a price.",
                                   of)});
  }
  published_formulas_.resize(formulas_.size());
}

void ingestor_state::on_room() {
  blocked_ = false;
  if (log_->is_losing()) {
    log_->resume(batch_);
    is_frame_ = false;
    runtime::log().warn("ingest: the disk has room again; {} ticks were dropped so far",
                        log_->counts().dropped_ticks);
  }
  write();
  publish_counts();
  while (!blocked_ && !waiting_.empty()) {
    const auto e = std::move(waiting_.front());
    waiting_.pop_front();
    on_event(e);
  }
}

ingestor_state::~ingestor_state() {
  if (sink_) sink_->disconnect();
  if (feed_) feed_->stop();
}

void ingestor_state::on_event(const feed_event_ptr& e) {
  if (blocked_) {
    waiting_.push_back(e);
    return;
  }
  is_frame_ = std::holds_alternative<frame_event>(e->what);
  log_->on(*e, batch_);
  if (batch_.count != 0) runtime::failpoint("ingest.read");
  write();
  sink_->handled(e->weight());
  publish_counts();
  if (std::holds_alternative<time_event>(e->what)) publish_expectation();
  if (!std::holds_alternative<frame_event>(e->what)) publish_connections();
}

void ingestor_state::write() {
  if (batch_.count == 0) return;
  auto at = writer_->append(batch_.bytes, batch_.count, batch_.tokens);
  if (at) {
    runtime::failpoint("ingest.appended");
    batch_.clear();
    return;
  }
  if (!is_transient(at.error().code)) throw std::runtime_error(at.error().message);
  if (!config_.feed_waits && writer_->disk_is_full()) {
    lose(at.error().message);
  } else {
    blocked_ = true;
  }
  writer_->when_room([to = ingestor_actor{self_}] { caf::anon_send(to, messages::room_atom_v); });
}

void ingestor_state::lose(const std::string& why) {
  if (is_frame_) {
    log_->drop(batch_);
  } else {
    put_urgently();
  }
  log_->lose(why, !is_frame_, batch_);
  put_urgently();
  runtime::log().error("ingest: {}: what comes in is dropped until there is room", why);
}

void ingestor_state::put_urgently() {
  if (auto put = writer_->append_urgent(batch_.bytes, batch_.count); !put)
    throw std::runtime_error(put.error().message);
  batch_.clear();
}

void ingestor_state::publish_counts() {
  // What waits is not journaled yet.
  if (blocked_) return;
  const auto& now = log_->counts();
  ticks_->add(now.ticks - published_.ticks);
  frames_->add(now.frames - published_.frames);
  gaps_->add(now.gaps - published_.gaps);
  dropped_ticks_->add(now.dropped_ticks - published_.dropped_ticks);
  dropped_frames_->add(now.dropped_frames - published_.dropped_frames);
  published_ = now;
  market_time_->set(log_->market_time() / market::second);
  if (!formulas_.empty()) publish_formulas();
}

void ingestor_state::publish_formulas() {
  auto now = log_->formula_counts();
  for (std::size_t i = 0; i < now.size(); ++i) {
    formulas_[i].ticks->add(now[i].ticks - published_formulas_[i].ticks);
    formulas_[i].silent->add(now[i].silent - published_formulas_[i].silent);
  }
  published_formulas_ = std::move(now);
}

void ingestor_state::publish_expectation() {
  const auto e = feed_->expectation();
  const auto silent = e.last == 0 ? 0 : std::max<market::duration>(log_->market_time() - e.last, 0);
  silent_->set(silent / market::millisecond);
  stall_limit_->set(e.limit / market::millisecond);
  expected_frames_->set(e.frames_per_hour);
}

void ingestor_state::publish_connections() {
  const auto all = feed_->connections();
  while (connections_.size() < all.size()) {
    const runtime::labels of{{"connection", std::to_string(connections_.size() + 1)}};
    auto& m = *config_.metrics;
    connections_.push_back(
        {&m.gauge(connection_state_metric, "As artham_feed_state, of one connection.", of),
         &m.gauge(connection_instruments_metric, "Instruments wanted of a connection.", of),
         &m.gauge(connection_silent_metric, "Market time since a connection's last tick.", of)});
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto last = all[i].expected.last;
    const auto silent = last == 0 ? 0 : std::max<market::duration>(log_->market_time() - last, 0);
    connections_[i].state->set(static_cast<std::int64_t>(all[i].state));
    connections_[i].instruments->set(static_cast<std::int64_t>(all[i].instruments));
    connections_[i].silent->set(silent / market::millisecond);
  }
}

ingestor_actor::behavior_type ingestor(ingestor_actor::stateful_pointer<ingestor_state> self,
                                       ingestor_config config) {
  messages::install_handlers(self, ingestor_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
