#include "app/journal_ticks.hpp"

#include <vector>

#include "bridge/common/read_to_end.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::app {

namespace {

constexpr std::uint64_t records_at_once = 65'536;

class walk {
 public:
  walk(const feed::decoder& decoder, const std::function<bool(const journaled_tick&)>& on_tick,
       const std::function<bool(const market::mark&)>& on_mark)
      : decoder_(decoder), on_tick_(on_tick), on_mark_(on_mark) {}

  result<void> take(const record::block& b) {
    if (b.damaged) {
      for (const auto& m : b.marks) go_on_ = go_on_ && on_mark_(m);
    }
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      if (go_on_ && outcome_) take(h, {b.epoch, seq}, body);
    });
    return outcome_;
  }
  [[nodiscard]] bool goes_on() const { return go_on_; }

 private:
  void take(const record::header& h, record::position at, std::string_view body) {
    if (h.kind == record::kind::mark) {
      const auto m = record::decode_mark(h, at, body);
      if (!m) {
        outcome_ = tl::unexpected(m.error());
      } else {
        go_on_ = on_mark_(*m);
      }
      return;
    }
    ticks_.clear();
    const auto receive = record::receive_time(h);
    if (h.kind == record::kind::kite_frame) {
      decoder_.bar_inputs(body, receive, at, ticks_);
      std::size_t next = 0;
      decoder_.packet_views(body, at, [&](record::position, std::string_view packet) {
        const auto& core = ticks_[next++];
        go_on_ = go_on_ && on_tick_({receive, record::wall_time(h), core, packet});
      });
    } else if (h.kind == record::kind::packed_ticks) {
      outcome_ = record::decode_ticks(at, body, ticks_);
      for (const auto& t : ticks_)
        go_on_ = go_on_ && on_tick_({receive, record::wall_time(h), t, {}});
    }
  }

  const feed::decoder& decoder_;
  const std::function<bool(const journaled_tick&)>& on_tick_;
  const std::function<bool(const market::mark&)>& on_mark_;
  std::vector<market::bar_input> ticks_;
  result<void> outcome_;
  bool go_on_ = true;
};

}  // namespace

result<void> for_each_in(bridge::bridge& journal, const feed::decoder& decoder,
                         const std::function<bool(const journaled_tick&)>& on_tick,
                         const std::function<bool(const market::mark&)>& on_mark,
                         const journal_part& part) {
  const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), part.after,
                                          bridge::top::appended, part.tokens);
  if (!cursor) return tl::unexpected(cursor.error());
  walk w(decoder, on_tick, on_mark);
  while (w.goes_on()) {
    const auto blocks = (*cursor)->pull(records_at_once);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      if (auto done = w.take(*b); !done) return done;
    }
  }
  return {};
}

}  // namespace artham::app
