#include <iterator>
#include <utility>

#include "actors/store/stream_store.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::actors {

namespace {

result<void> add_ticks(const record::block_ptr& b, const owned_shards& after, bool sharded,
                       const feed::decoder& decoder, store_rows& rows) {
  result<void> outcome;
  std::vector<market::bar_input> ticks;
  const auto before = rows.ticks.size();
  const auto is_wanted = [&](std::uint32_t token, record::position at) {
    return after.wants(sharded ? store::tick_shard(token) : 0, at);
  };
  record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    const record::position first{b->epoch, seq};
    ticks.clear();
    if (h.kind == record::kind::kite_frame) {
      decoder.bar_inputs(body, record::receive_time(h), first, ticks);
      std::size_t next = 0;
      decoder.packet_views(body, first, [&](record::position at, std::string_view packet) {
        const auto& core = ticks[next++];
        if (!is_wanted(core.token, at)) return;
        rows.ticks.push_back({record::receive_time(h), record::wall_time(h), core, packet});
      });
    } else if (h.kind == record::kind::packed_ticks) {
      auto done = record::decode_ticks(first, body, ticks);
      if (!done && outcome) outcome = std::move(done);
      for (const auto& t : ticks) {
        if (!is_wanted(t.token, t.position())) continue;
        rows.ticks.push_back({record::receive_time(h), record::wall_time(h), t, {}});
      }
    }
  });
  if (rows.ticks.size() != before) rows.blocks.push_back(b);
  return outcome;
}

/// Calls fn(place, value) for each record behind `after`, decoded.
template <class Decode, class Fn>
result<void> decode_each(std::span<const record::block_ptr> blocks, const owned_shards& after,
                         Decode decode, Fn&& fn) {
  result<void> outcome;
  for (const auto& b : blocks) {
    record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      const record::position place{b->epoch, seq};
      if (!after.wants(0, place) || !outcome) return;
      auto value = decode(h, body);
      if (value) {
        fn(place, std::move(*value));
      } else {
        outcome = tl::unexpected(value.error());
      }
    });
  }
  return outcome;
}

template <class T>
void move_to_end(std::vector<T>& to, std::vector<T>&& from) {
  if (to.empty()) {
    to = std::move(from);
  } else {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

}  // namespace

void store_rows::append(store_rows&& more) {
  move_to_end(ticks, std::move(more.ticks));
  move_to_end(blocks, std::move(more.blocks));
  move_to_end(bars, std::move(more.bars));
  move_to_end(marks, std::move(more.marks));
  move_to_end(quarantines, std::move(more.quarantines));
  move_to_end(features, std::move(more.features));
  timeframe = more.timeframe;
  can_wait = can_wait && more.can_wait;
}

row_maker tick_rows(const feed::decoder& decoder, tick_row_rules rules) {
  return [&decoder, rules](std::span<const record::block_ptr> blocks,
                           const owned_shards& after) -> result<store_rows> {
    store_rows rows;
    for (const auto& b : blocks) {
      for (const auto& m : b->marks) {
        const bool whole_gap = m.kind == market::mark_kind::gap && m.flag != market::gap_begins;
        if (rules.gaps && whole_gap && after.wants(0, m.position)) rows.marks.push_back(m);
      }
      if (!rules.table) continue;
      auto added = add_ticks(b, after, rules.sharded, decoder, rows);
      if (!added) return tl::unexpected(added.error());
    }
    rows.can_wait = rows.ticks.empty() && rows.marks.empty();
    return rows;
  };
}

row_maker bar_rows(market::timeframe timeframe) {
  return [timeframe](std::span<const record::block_ptr> blocks,
                     const owned_shards& after) -> result<store_rows> {
    store_rows rows;
    rows.timeframe = timeframe;
    auto done = decode_each(
        blocks, after, record::decode_bar,
        [&](record::position, const record::bar_record& bar) { rows.bars.push_back(bar); });
    if (!done) return tl::unexpected(done.error());
    return rows;
  };
}

row_maker quarantine_rows() {
  return [](std::span<const record::block_ptr> blocks,
            const owned_shards& after) -> result<store_rows> {
    store_rows rows;
    auto done = decode_each(blocks, after, record::decode_dead_letter,
                            [&](record::position place, record::dead_letter&& letter) {
                              rows.quarantines.push_back({place, std::move(letter)});
                            });
    if (!done) return tl::unexpected(done.error());
    return rows;
  };
}

row_maker feature_rows() {
  return [](std::span<const record::block_ptr> blocks,
            const owned_shards& after) -> result<store_rows> {
    store_rows rows;
    auto done = decode_each(blocks, after, record::decode_feature,
                            [&](record::position, record::feature_record&& feature) {
                              rows.features.push_back(std::move(feature));
                            });
    if (!done) return tl::unexpected(done.error());
    return rows;
  };
}

}  // namespace artham::actors
