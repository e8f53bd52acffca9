#include "actors/features/quote_stream.hpp"

#include <algorithm>

#include "messages/record/tick_pack.hpp"

namespace artham::actors {

namespace {

market::quote quote_of(const market::bar_input& t) {
  using field = market::bar_input::field;
  market::quote q;
  q.time = t.time;
  q.seq = t.seq;
  q.epoch = t.epoch;
  q.token = t.token;
  q.mode = t.mode;
  q.last = t.last;
  if ((t.fields & field::volume) != 0) {
    q.volume = t.volume_or_size;
    q.fields |= market::quote::volume_known;
  }
  if ((t.fields & field::open_interest) != 0) {
    q.oi = t.oi;
    q.fields |= market::quote::oi_known;
  }
  if ((t.fields & field::ahead) != 0) q.fields |= market::quote::ahead;
  return q;
}

}  // namespace

result<void> decode_for_features(const record::block& b, record::position after,
                                 const feed::decoder& decoder, market::timestamp& clock,
                                 std::vector<market::quote>& quotes,
                                 std::vector<market::mark>& marks) {
  const std::size_t before = quotes.size();
  result<void> outcome;
  std::vector<market::bar_input> packed;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    const record::position at{b.epoch, seq};
    if (h.kind == record::kind::kite_frame) {
      decoder.quotes(body, record::receive_time(h), at, quotes);
    } else if (h.kind == record::kind::packed_ticks) {
      packed.clear();
      auto done = record::decode_ticks(at, body, packed);
      if (!done && outcome) outcome = std::move(done);
      for (const auto& t : packed) quotes.push_back(quote_of(t));
    }
  });
  if (!outcome) return outcome;
  if (b.last() > after && b.first() <= after) {
    const auto begin = quotes.begin() + static_cast<std::ptrdiff_t>(before);
    quotes.erase(begin, std::find_if(begin, quotes.end(),
                                     [&](const auto& q) { return q.position() > after; }));
  }
  for (const auto& m : b.marks) {
    if (m.kind != market::mark_kind::clock || m.position <= after || m.time <= clock) continue;
    clock = m.time;
    marks.push_back(m);
  }
  return {};
}

}  // namespace artham::actors
