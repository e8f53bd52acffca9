#include "actors/bars/tick_stream.hpp"

#include <algorithm>

#include "messages/record/tick_pack.hpp"

namespace artham::actors {

result<void> decode_for_bars(const record::block& b, record::position after,
                             const feed::decoder& decoder, std::vector<market::bar_input>& ticks,
                             std::vector<market::mark>& marks) {
  const std::size_t before = ticks.size();
  result<void> outcome;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    const record::position at{b.epoch, seq};
    if (h.kind == record::kind::kite_frame) {
      decoder.bar_inputs(body, record::receive_time(h), at, ticks);
    } else if (h.kind == record::kind::packed_ticks) {
      auto done = record::decode_ticks(at, body, ticks);
      if (!done && outcome) outcome = std::move(done);
    }
  });
  if (!outcome) return outcome;
  if (b.last() > after && b.first() <= after) {
    const auto begin = ticks.begin() + static_cast<std::ptrdiff_t>(before);
    ticks.erase(begin, std::find_if(begin, ticks.end(),
                                    [&](const auto& t) { return t.position() > after; }));
  }
  for (const auto& m : b.marks) {
    if (m.position > after) marks.push_back(m);
  }
  return {};
}

}  // namespace artham::actors
