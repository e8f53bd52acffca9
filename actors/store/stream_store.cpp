#include "actors/store/stream_store.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "messages/caf_compat.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::store_actor;
using messages::store_outcome;

namespace {

constexpr std::chrono::milliseconds first_retry{200};
constexpr std::chrono::milliseconds longest_retry{5000};
/// A position with nothing to store before it is committed at the latest after so many records.
constexpr std::uint64_t put_off_at_most = 200'000;

store_outcome failed(const error& e) {
  store_outcome o;
  o.ok = false;
  o.transient = is_transient(e.code);
  o.error = e.message;
  return o;
}

store::batch batch_of(const store_rows& rows) {
  store::batch b;
  b.ticks = rows.ticks;
  b.timeframe = rows.timeframe;
  b.bars = rows.bars;
  b.marks = rows.marks;
  b.quarantines = rows.quarantines;
  b.features = rows.features;
  return b;
}

}  // namespace

stream_store_state::~stream_store_state() {
  *ended_ = true;
}

store_actor::behavior_type stream_store_state::start(store_actor::pointer self,
                                                     stream_store_config config) {
  self_ = self;
  config_ = std::move(config);
  stored_ = pulled_ = owned_shards(config_.shards);
  retry_after_ = first_retry;
  auto& m = *config_.metrics;
  const runtime::labels stream{{"stream", config_.stream}};
  auto own = stream;
  if (config_.part) own.emplace_back("part", std::to_string(*config_.part));
  lag_ =
      &m.gauge("artham_store_lag", "Durable records of the stream that are not stored yet.", own);
  waiting_ = &m.gauge("artham_store_waiting", "1 while the store does not answer.", own);
  commits_ = &m.counter("artham_store_commits_total", "Transactions committed.", stream);
  retries_ = &m.counter("artham_store_retries_total",
                        "Transactions that failed and were tried again.", stream);
  rows_stored_ = &m.counter("artham_store_rows_total", "Rows committed.", stream);
  rows_refused_ = &m.counter(refused_rows_metric, "Rows that the database would not take.", stream);
  goes_on();
  ask_store();
  return {
      [this](messages::ready_atom) {
        armed_ = false;
        advance();
      },
      [this](messages::timeout_atom) {
        ask_store();
        if (cursor_) show_lag();
      },
      [this](messages::timeout_atom, std::uint64_t number) {
        if (number != next_.number) return;
        next_.waited = true;
        advance();
      },
      [this](const messages::store_outcome_ptr& o) { on_outcome(*o); },
  };
}

void stream_store_state::post(std::function<store_outcome()> job) {
  const store_actor me{self_};
  const bool taken = config_.writer_thread->post([job = std::move(job), me, ended = ended_] {
    // A store that does not answer would be waited for once more.
    if (*ended) return;
    caf::anon_send(me, std::make_shared<const store_outcome>(job()));
  });
  if (!taken) {
    caf::anon_send(me, std::make_shared<const store_outcome>(
                           failed({errc::full, "the store's queue is full or it is stopping"})));
  }
}

void stream_store_state::ask_store() {
  if (cursor_) {
    commit();
  } else {
    ask_positions();
  }
}

void stream_store_state::on_outcome(const store_outcome& o) {
  if (!o.ok) {
    on_failure(o);
    return;
  }
  goes_on();
  note_refused(o);
  for (std::size_t i = 0; i < config_.shards.size(); ++i)
    stored_.set(config_.shards[i], o.stored[i]);
  if (cursor_) {
    commits_->add();
    const std::uint64_t rows = under_way_->rows->size();
    rows_stored_->add(rows - std::min(rows, o.refused));
    config_.journal->passed(config_.stream, config_.consumer_name(), stored_.smallest());
    under_way_.reset();
  } else {
    open_cursor();
  }
  advance();
}

void stream_store_state::on_failure(const store_outcome& o) {
  if (!o.transient) throw std::runtime_error(config_.name() + ": " + o.error);
  if (cursor_) retries_->add();
  // All streams that one store keeps waiting have one reason: it is logged once.
  if (config_.board->waits(config_.name(), o.error))
    runtime::log().warn("store: {}: {}; trying until it works", config_.name(), o.error);
  waiting_->set(1);
  self_->delayed_send(store_actor{self_}, retry_after_, messages::timeout_atom_v);
  retry_after_ = std::min(2 * retry_after_, longest_retry);
}

void stream_store_state::goes_on() {
  if (config_.board->goes_on(config_.name())) runtime::log().info("store: all is stored again");
  retry_after_ = first_retry;
  waiting_->set(0);
}

void stream_store_state::note_refused(const store_outcome& o) {
  if (o.refused == 0) return;
  rows_refused_->add(o.refused);
  config_.board->refused(config_.name(), o.refused, o.refusal);
  if (o.refusal == refusal_) return;
  refusal_ = o.refusal;
  runtime::log().error("store: {}: rows that the database would not take are in dead_letters: {}",
                       config_.name(), o.refusal);
}

void stream_store_state::open_cursor() {
  auto cursor =
      config_.journal->open_consumer(config_.stream, stored_.smallest(), config_.consumer_name());
  if (!cursor) throw std::runtime_error(cursor.error().message);
  cursor_ = std::move(*cursor);
  pulled_ = stored_;
}

void stream_store_state::advance() {
  if (!cursor_) return;
  fill();
  if (under_way_ || !is_due()) return;
  under_way_ = transaction{std::make_shared<const store_rows>(std::move(next_.rows)), next_.records,
                           pulled_};
  next_ = {{}, 0, 0, next_.number + 1, false};
  commit();
  fill();
}

bool stream_store_state::is_due() const {
  if (next_.put_off >= put_off_at_most) return true;
  return next_.records >= config_.batch || (next_.records != 0 && next_.waited);
}

void stream_store_state::fill() {
  while (!armed_ && next_.records < config_.batch && next_.put_off < put_off_at_most) {
    auto blocks = cursor_->pull(config_.batch - next_.records);
    if (!blocks) throw std::runtime_error(blocks.error().message);
    if (blocks->empty()) {
      armed_ = true;
      cursor_->when_ready(
          [me = store_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
      break;
    }
    auto rows = config_.make_rows(*blocks, pulled_);
    if (!rows) throw std::runtime_error(config_.name() + ": " + rows.error().message);
    std::uint64_t records = 0;
    for (const auto& b : *blocks) records += b->count;
    pulled_.raise(blocks->back()->last());
    add(std::move(*rows), records);
  }
  show_lag();
}

void stream_store_state::add(store_rows&& rows, std::uint64_t records) {
  if (rows.can_wait) {
    next_.put_off += records;
    return;
  }
  if (next_.records == 0) {
    next_.rows = std::move(rows);
    next_.waited = config_.linger.count() == 0;
    if (!next_.waited) {
      self_->delayed_send(store_actor{self_}, config_.linger, messages::timeout_atom_v,
                          next_.number);
    }
  } else {
    next_.rows.append(std::move(rows));
  }
  next_.records += records;
}

void stream_store_state::show_lag() {
  const auto held = next_.records + (under_way_ ? under_way_->records : 0);
  lag_->set(static_cast<std::int64_t>((cursor_ ? cursor_->lag() : 0) + held));
}

std::vector<store::stored_position> stream_store_state::positions(const owned_shards& at) const {
  std::vector<store::stored_position> all;
  for (const auto shard : config_.shards)
    all.push_back({config_.consumer, config_.stream, shard, at.of(shard), 0});
  return all;
}

void stream_store_state::ask_positions() {
  post([writer = config_.writer, wanted = positions(stored_)] {
    store_outcome o;
    for (const auto& p : wanted) {
      const auto at = writer->position(p.consumer, p.stream, p.shard);
      if (!at) return failed(at.error());
      o.stored.push_back(*at ? (*at)->at : record::position{});
    }
    return o;
  });
}

void stream_store_state::commit() {
  post([writer = config_.writer, rows = under_way_->rows, before = positions(stored_),
        after = positions(under_way_->until)] {
    auto b = batch_of(*rows);
    b.expected = before;
    b.positions = after;
    auto done = writer->commit(b);
    if (!done) return failed(done.error());
    store_outcome o;
    for (const auto& p : after) o.stored.push_back(p.at);
    o.refused = done->refused;
    o.refusal = std::move(done->reason);
    return o;
  });
}

store_actor::behavior_type stream_store(store_actor::stateful_pointer<stream_store_state> self,
                                        stream_store_config config) {
  messages::install_handlers(self, stream_store_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors
