#include "app/position_at.hpp"

#include <algorithm>
#include <utility>

#include "bridge/common/read_to_end.hpp"
namespace artham::app {

namespace {

/// What a block tells about a point in time.
struct seen {
  record::position last;  ///< its last record that came by then; seq 0 when none did
  bool all = false;       ///< all of it came by then
};

seen look_at(const record::block& b, market::timestamp t) {
  seen s;
  s.all = true;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
    if (record::receive_time(h) <= t) {
      s.last = {b.epoch, seq + h.count - 1};
    } else {
      s.all = false;
    }
  });
  if (s.all) s.last = b.last();
  return s;
}

}  // namespace

result<record::position> position_at(bridge::bridge& journal, market::timestamp t) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  record::position found;
  std::uint64_t low = 0;  // everything up to here came by then
  auto high = tops->appended.seq;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const record::position after{tops->appended.epoch, middle};
    const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), after);
    if (!cursor) return tl::unexpected(cursor.error());
    record::block_ptr next;
    // A damaged block tells no times; what follows it does.
    while (!next || next->damaged) {
      auto blocks = (*cursor)->pull(1);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      next = std::move(blocks->front());
    }
    if (!next || next->damaged) {
      high = middle;
      continue;
    }
    const auto& b = *next;
    const auto s = look_at(b, t);
    if (s.last.seq != 0) found = std::max(found, s.last);
    if (s.all) {
      low = b.last().seq;
    } else if (s.last.seq != 0) {
      return found;
    } else {
      high = std::min(middle, b.first_seq - 1);
    }
  }
  if (found.seq == 0 && tops->appended.seq != 0) {
    const auto begin = kept_from(journal);
    if (!begin) return tl::unexpected(begin.error());
    if (begin->first.seq > 1) {
      return fail(errc::not_found, "the journal is not kept any more before " +
                                       market::to_rfc3339(begin->from, market::india_offset));
    }
  }
  return found;
}

result<journal_begin> kept_from(bridge::bridge& journal) {
  const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), {});
  if (!cursor) return tl::unexpected(cursor.error());
  const auto blocks = (*cursor)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  journal_begin begin;
  if (blocks->empty()) return begin;
  begin.first = blocks->front()->first();
  bool first = true;
  record::for_each(*blocks->front(), [&](const record::header& h, std::uint64_t, std::string_view) {
    if (std::exchange(first, false)) begin.from = record::receive_time(h);
  });
  return begin;
}

}  // namespace artham::app
