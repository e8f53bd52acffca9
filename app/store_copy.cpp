#include "app/store_copy.hpp"

#include <deque>
#include <map>
#include <tuple>
#include <utility>

namespace artham::app {

namespace {

constexpr std::size_t rows_at_a_time = 20'000;
constexpr std::size_t features_at_a_time = 500;

using store::stored_position;

class store_copy {
 public:
  store_copy(store::audit& source, store::writer& target, const store_copy_options& o)
      : source_(source), target_(target), options_(o) {}

  result<store_copied> run() {
    auto done = copy_bars();
    if (done) done = copy_features(source_.chains());
    if (done) done = copy_features(source_.instrument_features());
    if (done) done = copy_gaps();
    if (done) done = copy_candles();
    if (done && options_.ticks) done = copy_ticks();
    if (done) done = copy_positions();
    if (!done) return tl::unexpected(done.error());
    return std::move(copied_);
  }

 private:
  result<void> commit(const store::batch& b, std::size_t rows) {
    const auto report = target_.commit(b);
    if (!report) return tl::unexpected(report.error());
    if (copied_.refused == 0) copied_.reason = report->reason;
    copied_.refused += report->refused;
    copied_.rows += rows;
    if (options_.on_progress) options_.on_progress(copied_.rows);
    return {};
  }

  result<void> copy_bars() {
    const auto timeframes = source_.timeframes();
    if (!timeframes) return tl::unexpected(timeframes.error());
    for (const auto& tf : *timeframes) {
      std::vector<record::bar_record> bars;
      result<void> outcome;
      const auto flush = [&] {
        store::batch b;
        b.timeframe = tf;
        b.bars = bars;
        if (!bars.empty()) outcome = commit(b, bars.size());
        bars.clear();
      };
      const auto read = source_.for_each_bar(tf, [&](const store::audited_bar& row) {
        if (!outcome) return;
        bars.push_back(store::as_record(row));
        if (bars.size() == rows_at_a_time) flush();
      });
      if (!read) return read;
      if (outcome) flush();
      if (!outcome) return outcome;
    }
    return {};
  }

  result<void> copy_features(const result<store::audit::feature_rows>& rows) {
    if (!rows) return tl::unexpected(rows.error());
    for (bool more = true; more;) {
      std::vector<record::feature_record> features;
      while (more && features.size() < features_at_a_time) {
        auto next = (*rows)();
        if (!next) return tl::unexpected(next.error());
        more = next->has_value();
        if (more) features.push_back(std::move(**next));
      }
      if (features.empty()) break;
      store::batch b;
      b.features = features;
      if (auto done = commit(b, features.size()); !done) return done;
    }
    return {};
  }

  result<void> copy_gaps() {
    const auto gaps = source_.gaps();
    if (!gaps) return tl::unexpected(gaps.error());
    const auto quarantines = source_.quarantines();
    if (!quarantines) return tl::unexpected(quarantines.error());
    std::vector<market::mark> marks;
    for (const auto& g : *gaps) {
      market::mark m;
      m.kind = market::mark_kind::gap;
      m.position = g.at;
      m.from = g.from;
      m.time = g.to;
      m.cause = g.cause;
      m.subject = g.detail;
      m.tokens = g.tokens;
      marks.push_back(std::move(m));
    }
    store::batch b;
    b.marks = marks;
    b.quarantines = *quarantines;
    return commit(b, marks.size() + quarantines->size());
  }

  result<void> copy_candles() {
    std::vector<market::bar> candles;
    std::string of;
    market::timeframe timeframe;
    result<void> outcome;
    const auto flush = [&] {
      if (candles.empty()) return;
      const auto put = target_.put_candles(of, timeframe, candles);
      if (!put) outcome = tl::unexpected(put.error());
      copied_.rows += candles.size();
      candles.clear();
    };
    const auto read = source_.for_each_candle([&](const store::audited_candle& c) {
      if (!outcome) return;
      if (c.source != of || c.timeframe != timeframe || candles.size() == rows_at_a_time) flush();
      of = c.source;
      timeframe = c.timeframe;
      candles.push_back(c.bar);
    });
    if (!read) return read;
    if (outcome) flush();
    return outcome;
  }

  result<void> copy_ticks() {
    std::vector<store::tick_row> ticks;
    std::deque<std::string> packets;
    result<void> outcome;
    const auto flush = [&] {
      if (ticks.empty()) return;
      for (std::size_t i = 0; i < ticks.size(); ++i) ticks[i].packet = packets[i];
      const auto before = tick_positions(ticks_at_);
      ticks_at_ = ticks.back().core.position();
      const auto after = tick_positions(ticks_at_);
      store::batch b;
      b.ticks = ticks;
      b.expected = before;
      b.positions = after;
      outcome = commit(b, ticks.size());
      ticks.clear();
      packets.clear();
    };
    ticks_at_ = options_.ticks_until;
    const auto read = source_.for_each_tick([&](const store::tick_row& row) {
      if (!outcome || row.core.position() <= options_.ticks_until) return;
      ticks.push_back(row);
      packets.emplace_back(row.packet);
      if (ticks.size() == rows_at_a_time) flush();
    });
    if (!read) return read;
    if (outcome) flush();
    return outcome;
  }

  static std::vector<stored_position> tick_positions(record::position at) {
    return positions_of_copy({{"tick_store", record::ticks_stream(), 0, at, 0}}, true);
  }

  result<void> copy_positions() {
    const auto positions = source_.positions();
    if (!positions) return tl::unexpected(positions.error());
    const auto after = positions_of_copy(*positions, options_.ticks);
    auto before = after;
    for (auto& p : before) p.at = p.consumer == "tick_store" ? ticks_at_ : record::position{};
    store::batch b;
    b.expected = before;
    b.positions = after;
    return commit(b, 0);
  }

  store::audit& source_;
  store::writer& target_;
  const store_copy_options& options_;
  record::position ticks_at_;
  store_copied copied_;
};

}  // namespace

std::vector<stored_position> positions_of_copy(const std::vector<stored_position>& source,
                                               bool ticks) {
  std::vector<stored_position> all;
  for (const auto& p : source) {
    if (p.consumer != "tick_store") {
      all.push_back(p);
      continue;
    }
    if (!ticks) continue;
    for (std::uint32_t shard = 0; shard < store::tick_shards; ++shard) {
      all.push_back(p);
      all.back().shard = shard;
    }
  }
  return all;
}

result<store_copied> copy_store(store::audit& source, store::writer& target,
                                const store_copy_options& o) {
  return store_copy(source, target, o).run();
}

}  // namespace artham::app
