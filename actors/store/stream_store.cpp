#include "actors/store/stream_store.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::commit_outcome;
using messages::store_actor;

namespace {

constexpr std::chrono::milliseconds retry_after{200};
/// A position with nothing to store before it is committed at the latest after so many records.
constexpr std::uint64_t put_off_at_most = 200'000;

}  // namespace

store_actor::behavior_type stream_store_state::start(store_actor::pointer self,
                                                     stream_store_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  const runtime::labels labels{{"stream", config_.stream}};
  lag_ = &m.gauge("artham_store_lag", "Durable records of the stream that are not stored yet.",
                  labels);
  commits_ = &m.counter("artham_store_commits_total", "Transactions committed.", labels);
  retries_ = &m.counter("artham_store_retries_total",
                        "Transactions that failed and were tried again.", labels);
  rows_stored_ = &m.counter("artham_store_rows_total", "Rows committed.", labels);
  post([writer = config_.writer, consumer = config_.consumer, stream = config_.stream] {
    auto at = writer->position(consumer, stream, 0);
    if (!at) return commit_outcome{false, is_transient(at.error().code), at.error().message, {}};
    return commit_outcome{true, false, {}, *at ? (*at)->at : record::position{}};
  });
  return {
      [this](messages::ready_atom) {
        armed_ = false;
        make_next();
      },
      [this](messages::timeout_atom) { commit(); },
      [this](const messages::commit_outcome_ptr& o) { on_outcome(*o); },
  };
}

void stream_store_state::post(std::function<commit_outcome()> job) {
  const store_actor me{self_};
  const bool taken = config_.writer_thread->post([job = std::move(job), me] {
    caf::anon_send(me, std::make_shared<const commit_outcome>(job()));
  });
  if (!taken) {
    caf::anon_send(me, std::make_shared<const commit_outcome>(commit_outcome{
                           false, true, "the store's queue is full or it is stopping", {}}));
  }
}

void stream_store_state::on_outcome(const commit_outcome& o) {
  if (!o.ok) {
    if (!o.transient || !cursor_) throw std::runtime_error(config_.stream + ": " + o.error);
    retries_->add();
    if (o.error != trouble_)
      runtime::log().warn("store: {}: {}; trying until it works", config_.stream, o.error);
    trouble_ = o.error;
    self_->delayed_send(store_actor{self_}, retry_after, messages::timeout_atom_v);
    return;
  }
  if (!trouble_.empty()) runtime::log().info("store: {}: stores again", config_.stream);
  trouble_.clear();
  stored_ = o.position;
  if (!cursor_) {
    auto cursor = config_.journal->open_reader(config_.stream, stored_, bridge::top::durable, {});
    if (!cursor) throw std::runtime_error(cursor.error().message);
    cursor_ = std::move(*cursor);
    pulled_ = stored_;
  } else {
    commits_->add();
    const auto& rows = *under_way_->rows;
    rows_stored_->add(rows.ticks.size() + rows.bars.size() + rows.quarantines.size() +
                      rows.features.size());
    under_way_.reset();
    commit_next();
  }
  make_next();
}

void stream_store_state::make_next() {
  while (!next_ && cursor_ && !armed_) {
    auto blocks = cursor_->pull(config_.batch);
    if (!blocks) throw std::runtime_error(blocks.error().message);
    lag_->set(static_cast<std::int64_t>(cursor_->lag()));
    if (blocks->empty()) {
      armed_ = true;
      cursor_->when_ready(
          [me = store_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
      return;
    }
    auto rows = config_.make_rows(*blocks, pulled_);
    if (!rows) throw std::runtime_error(config_.stream + ": " + rows.error().message);
    for (const auto& b : *blocks) put_off_ += b->count;
    pulled_ = std::max(pulled_, blocks->back()->last());
    if (rows->can_wait && put_off_ < put_off_at_most) continue;
    put_off_ = 0;
    next_ = transaction{std::make_shared<const store_rows>(std::move(*rows)), pulled_};
    commit_next();
  }
}

void stream_store_state::commit_next() {
  if (under_way_ || !next_) return;
  under_way_ = std::exchange(next_, std::nullopt);
  commit();
}

void stream_store_state::commit() {
  store::stored_position expected{config_.consumer, config_.stream, 0, stored_, 0};
  store::stored_position position = expected;
  position.at = under_way_->until;
  post([writer = config_.writer, rows = under_way_->rows, expected = std::move(expected),
        position = std::move(position)] {
    store::batch b;
    b.ticks = rows->ticks;
    b.timeframe = rows->timeframe;
    b.bars = rows->bars;
    b.marks = rows->marks;
    b.quarantines = rows->quarantines;
    b.features = rows->features;
    b.expected = {&expected, 1};
    b.positions = {&position, 1};
    const auto done = writer->commit(b);
    if (!done)
      return commit_outcome{false, is_transient(done.error().code), done.error().message, {}};
    return commit_outcome{true, false, {}, position.at};
  });
}

store_actor::behavior_type stream_store(store_actor::stateful_pointer<stream_store_state> self,
                                        stream_store_config config) {
  messages::install_handlers(self, stream_store_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
