#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <caf/send.hpp>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/store/stream_store.hpp"
#include "bridge/memory/memory.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/mark_codec.hpp"
#include "runtime/log.hpp"
#include "tests/support/deterministic.hpp"

namespace artham::test {

/// What a database holds, by the rules of store::writer; it may be away, and may refuse rows.
class remembered_rows final : public store::writer {
 public:
  result<store::commit_report> commit(const store::batch& b) override {
    if (failure) return tl::unexpected(*failure);
    for (const auto& p : b.expected) {
      if (at(p.consumer, p.stream, p.shard) != p.at)
        return fail(errc::conflict, "somebody else has stored " + p.stream);
    }
    std::size_t shard_of_others = 0;
    for (const auto& t : b.ticks) {
      ++ticks[t.core.position()];
      const auto own = [&](const auto& p) { return p.shard == store::tick_shard(t.core.token); };
      if (std::ranges::none_of(b.positions, own)) ++shard_of_others;
    }
    strange += shard_of_others;
    for (const auto& m : b.marks) ++marks[m.position];
    for (const auto& p : b.positions) positions[{p.consumer, p.stream, p.shard}] = p.at;
    sizes.push_back(b.ticks.size());
    return refuses;
  }
  result<std::optional<store::stored_position>> position(std::string_view consumer,
                                                         std::string_view stream,
                                                         std::uint32_t shard) override {
    ++asked;
    if (failure) return tl::unexpected(*failure);
    return store::stored_position{std::string(consumer), std::string(stream), shard,
                                  at(consumer, stream, shard), 0};
  }
  result<void> put_bars(market::timeframe, std::span<const record::bar_record>) override {
    return {};
  }
  result<void> put_instruments(std::span<const market::instrument>, market::date) override {
    return {};
  }
  result<store::candle_counts> put_candles(std::string_view, market::timeframe,
                                           std::span<const market::bar>) override {
    return {};
  }

  std::optional<error> failure;  ///< of every call
  store::commit_report refuses;  ///< of every commit
  std::map<record::position, int> ticks;
  std::map<record::position, int> marks;
  std::size_t strange = 0;         ///< ticks of a shard that the transaction was not of
  std::vector<std::size_t> sizes;  ///< ticks of each transaction
  std::size_t asked = 0;           ///< for a position
  std::map<std::tuple<std::string, std::string, std::uint32_t>, record::position> positions;

 private:
  [[nodiscard]] record::position at(std::string_view consumer, std::string_view stream,
                                    std::uint32_t shard) const {
    const auto found = positions.find({std::string(consumer), std::string(stream), shard});
    return found == positions.end() ? record::position{} : found->second;
  }
};

/// A worker whose jobs are done in `run` only, while the caller waits.
class held_worker {
 public:
  held_worker() { hold(); }
  ~held_worker() { gate_->set_value(); }
  held_worker(const held_worker&) = delete;
  held_worker& operator=(const held_worker&) = delete;

  void run() {
    const auto gate = gate_;
    const auto idle = hold();
    gate->set_value();
    idle.wait();
  }
  runtime::worker thread{"store-writer", 64};

 private:
  std::future<void> hold() {
    gate_ = std::make_shared<std::promise<void>>();
    auto reached = std::make_shared<std::promise<void>>();
    auto idle = reached->get_future();
    REQUIRE(thread.post([reached, gate = gate_->get_future().share()] {
      reached->set_value();
      gate.wait();
    }));
    return idle;
  }
  std::shared_ptr<std::promise<void>> gate_;
};

/// md:ticks in memory, in blocks of ten records, and the actors that store it.
struct store_world {
  store_world() { runtime::set_log_level("off"); }
  ~store_world() {
    stop();
    runtime::set_log_level("info");
  }
  store_world(const store_world&) = delete;
  store_world& operator=(const store_world&) = delete;

  /// Ticks of one instrument after the other, each a record.
  void append(int n) {
    for (int i = 0; i < n; ++i) {
      market::tick t;
      t.token = (++appended * 7919U) << 8U | 1U;
      t.mode = market::tick_mode::full;
      t.last.units = 100 * market::price_scale;
      feed::kite::frame_builder frame;
      REQUIRE(frame.add(t));
      put(record::with_times(record::kind::kite_frame, 1, appended, appended), frame.finish());
    }
  }
  void append_gap() {
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.cause = market::gap_cause::disconnected;
    put(record::with_times(record::kind::mark, 1, 1, 1), record::encode(m));
    ++gaps;
  }

  [[nodiscard]] actors::stream_store_config config() {
    actors::stream_store_config c;
    c.consumer = "tick_store";
    c.stream = record::ticks_stream();
    c.journal = journal.get();
    c.writer = &db;
    c.writer_thread = &worker.thread;
    c.metrics = &metrics;
    c.board = board;
    c.make_rows = actors::tick_rows(decoder, {true});
    return c;
  }
  void spawn(const actors::stream_store_config& c) {
    stores.push_back(system.system.spawn(actors::stream_store, c));
  }
  /// `n` actors that share the stream.
  void spawn_shared(std::uint32_t n, std::uint64_t batch) {
    for (std::uint32_t i = 0; i < n; ++i) {
      auto c = config();
      c.part = i;
      c.batch = batch;
      c.make_rows = actors::tick_rows(decoder, {true, true});
      c.shards = actors::shards_of_part(i, n);
      spawn(c);
    }
  }
  /// Until nothing moves but time.
  void run() {
    do {
      system.run();
      worker.run();
    } while (system.run() != 0);
  }
  void advance(std::chrono::milliseconds by) {
    run();
    for (; by.count() > 0; --by) {
      system.advance(std::chrono::milliseconds(1));
      run();
    }
  }
  void stop() {
    for (const auto& s : std::exchange(stores, {}))
      caf::anon_send_exit(s, caf::exit_reason::user_shutdown);
    run();
  }
  [[nodiscard]] std::int64_t metric(const std::string& name) const {
    for (const auto& s : metrics.samples()) {
      if (s.name == name) return s.value;
    }
    return -1;
  }
  /// Each tick is there, and each once.
  [[nodiscard]] bool all_stored_once() const {
    return db.ticks.size() == appended &&
           std::ranges::all_of(db.ticks, [](const auto& t) { return t.second == 1; });
  }

  deterministic system;
  held_worker worker;
  remembered_rows db;
  feed::kite::frame_decoder decoder;
  runtime::metrics metrics;
  std::shared_ptr<actors::store_board> board = std::make_shared<actors::store_board>();
  std::shared_ptr<bridge::bridge> journal = bridge::memory::make({10});
  std::uint32_t appended = 0;
  std::size_t gaps = 0;
  std::vector<messages::store_actor> stores;

 private:
  void put(const record::header& h, const std::string& body) {
    std::string bytes;
    record::append(bytes, h, body);
    REQUIRE(ticks_->append(bytes, 1, {}));
  }
  std::unique_ptr<bridge::writer> ticks_ = *journal->open_writer(record::ticks_stream(), 1);
};

}  // namespace artham::test
