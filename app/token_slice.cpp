#include "app/token_slice.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "feed/kite/codec.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::app {

namespace {

void append(record::block& into, record::header h, std::size_t count, std::string_view body) {
  h.count = static_cast<std::uint16_t>(count);
  record::append(into.payload, h, body);
  into.count += count;
}

}  // namespace

result<record::block_ptr> token_slice::take(const record::block& b) {
  auto left = std::make_shared<record::block>();
  left->epoch = b.epoch;
  left->first_seq = next_seq_;
  if (b.damaged) {
    for (const auto& m : b.marks) take_mark(m, *left);
  }
  result<void> outcome;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (!outcome) return;
    if (h.kind != record::kind::mark) {
      outcome = take_ticks(h, {b.epoch, seq}, body, *left);
    } else if (auto m = record::decode_mark(h, {b.epoch, seq}, body)) {
      take_mark(std::move(*m), *left);
    } else {
      outcome = tl::unexpected(m.error());
    }
  });
  if (!outcome) return tl::unexpected(outcome.error());
  next_seq_ += left->count;
  return left->count == 0 ? nullptr : std::move(left);
}

result<void> token_slice::take_ticks(const record::header& h, record::position at,
                                     std::string_view body, record::block& into) {
  const auto place = [&into](std::size_t n) {
    return record::position{into.epoch, into.first_seq + into.count + n};
  };
  if (h.kind == record::kind::kite_frame) {
    feed::kite::frame_builder frame;
    result<void> outcome;
    decoder_.packet_views(body, at, [&](record::position old, std::string_view packet) {
      if (!outcome || !tokens_.contains(decoder_.token(packet))) return;
      note(old, place(frame.packets()));
      outcome = frame.add_packet(packet);
    });
    if (!outcome) return outcome;
    const auto packets = frame.packets();
    if (packets != 0) append(into, h, packets, frame.finish());
  } else if (h.kind == record::kind::packed_ticks) {
    std::vector<market::bar_input> ticks;
    if (auto done = record::decode_ticks(at, body, ticks); !done) return done;
    std::erase_if(ticks, [&](const auto& t) { return !tokens_.contains(t.token); });
    for (std::size_t i = 0; i < ticks.size(); ++i) note(ticks[i].position(), place(i));
    std::string packed;
    record::encode(packed, ticks);
    if (!ticks.empty()) append(into, h, ticks.size(), packed);
  }
  return {};
}

void token_slice::take_mark(market::mark m, record::block& into) {
  const bool names_some = !m.tokens.empty();
  std::erase_if(m.tokens, [&](std::uint32_t t) { return !tokens_.contains(t); });
  if (names_some && m.tokens.empty()) return;
  note(m.position, {into.epoch, into.first_seq + into.count});
  append(into, record::with_times(record::kind::mark, 1, m.time, m.wall), 1, record::encode(m));
}

void token_slice::note(record::position old, record::position now) {
  while (!watched_.empty() && *watched_.begin() <= old) {
    moved_.emplace(*watched_.begin(), now);
    watched_.erase(watched_.begin());
  }
}

record::position token_slice::moved(record::position old) const {
  const auto it = moved_.find(old);
  return it == moved_.end() ? record::no_position : it->second;
}

}  // namespace artham::app
