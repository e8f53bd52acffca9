#include "feed/kite/frame_decoder.hpp"

#define XXH_INLINE_ALL  // lengths are constants below, so that the hash needs no branches
#include <xxhash.h>

#include "feed/kite/codec.hpp"
#include "market/instrument.hpp"

namespace artham::feed::kite {

using market::bar_input;
using market::tick_mode;

namespace {

/// Fills what every packet has, and what its mode adds.
template <tick_mode Mode>
void read(const char* p, market::timestamp receive, bar_input& out) {
  constexpr std::size_t size = packet_size(Mode);
  const std::uint32_t token = load_u32(p);
  out.token = token;
  out.mode = Mode;
  out.last.units =
      std::int64_t{load_u32(p + 4)} * (market::price_scale / market::price_divisor(token));
  out.time = receive;
  if constexpr (market::has_volume(Mode)) {
    out.volume_or_size = load_u32(p + 16);
    out.fields = bar_input::volume;
  }
  if constexpr (Mode == tick_mode::full) {
    out.oi = load_u32(p + 48);
    out.fields |= bar_input::open_interest;
  }
  if constexpr (Mode == tick_mode::full || Mode == tick_mode::index_full) {
    const std::uint32_t seconds = load_u32(p + (Mode == tick_mode::full ? 60 : 28));
    if (seconds != 0) {
      out.time = seconds * market::second;
      if (out.time - ahead_limit > receive) {
        out.fields |= bar_input::ahead;
      }
    }
  }
  out.digest = XXH3_64bits(p, size);
}

constexpr std::size_t first_level = 64;
constexpr std::size_t level_size = 12;
constexpr std::size_t levels = 5;

market::quote read_quote(const char* p, tick_mode mode, market::timestamp receive) {
  market::quote q;
  q.token = load_u32(p);
  q.mode = mode;
  const auto unit = market::price_scale / market::price_divisor(q.token);
  q.last.units = std::int64_t{load_u32(p + 4)} * unit;
  q.time = receive;
  if (market::has_volume(mode)) {
    q.volume = load_u32(p + 16);
    q.fields |= market::quote::volume_known;
  }
  const bool full = mode == tick_mode::full;
  if (full || mode == tick_mode::index_full) {
    const std::uint32_t seconds = load_u32(p + (full ? 60 : 28));
    if (seconds != 0) q.time = seconds * market::second;
    if (q.time - ahead_limit > receive) q.fields |= market::quote::ahead;
  }
  if (!full) return q;
  q.oi = load_u32(p + 48);
  const char* const bids = p + first_level;
  const char* const asks = bids + levels * level_size;
  q.bid_quantity = load_u32(bids);
  q.bid.units = std::int64_t{load_u32(bids + 4)} * unit;
  q.ask_quantity = load_u32(asks);
  q.ask.units = std::int64_t{load_u32(asks + 4)} * unit;
  for (std::size_t i = 0; i < levels; ++i) {
    q.bid_depth += load_u32(bids + i * level_size);
    q.ask_depth += load_u32(asks + i * level_size);
  }
  q.fields |= market::quote::oi_known | market::quote::depth_known;
  return q;
}

}  // namespace

void frame_decoder::quotes(std::string_view frame, market::timestamp receive,
                           market::position first, std::vector<market::quote>& out) const {
  std::uint64_t seq = first.seq;
  for_each_packet(frame, [&](std::string_view packet) {
    const std::uint64_t at = seq++;
    const auto mode = mode_of(packet.size());
    if (!mode) return;
    auto& q = out.emplace_back(read_quote(packet.data(), *mode, receive));
    q.seq = at;
    q.epoch = first.epoch;
  });
}

std::uint16_t frame_decoder::packets(std::string_view frame) const {
  return for_each_packet(frame, [](std::string_view) {}).packets;
}

void frame_decoder::tokens(std::string_view frame, std::vector<std::uint32_t>& out) const {
  for_each_packet(frame, [&](std::string_view packet) {
    if (mode_of(packet.size())) {
      out.push_back(load_u32(packet.data()));
    }
  });
}

void frame_decoder::bar_inputs(std::string_view frame, market::timestamp receive,
                               market::position first, std::vector<bar_input>& out) const {
  std::uint64_t seq = first.seq;
  for_each_packet(frame, [&](std::string_view packet) {
    const std::uint64_t at = seq++;
    const char* p = packet.data();
    bar_input in;
    switch (packet.size()) {
      case ltp_size:
        read<tick_mode::ltp>(p, receive, in);
        break;
      case index_quote_size:
        read<tick_mode::index_quote>(p, receive, in);
        break;
      case index_full_size:
        read<tick_mode::index_full>(p, receive, in);
        break;
      case quote_size:
        read<tick_mode::quote>(p, receive, in);
        break;
      case full_size:
        read<tick_mode::full>(p, receive, in);
        break;
      default:
        return;
    }
    in.seq = at;
    in.epoch = first.epoch;
    out.push_back(in);
  });
}

void frame_decoder::packet_views(
    std::string_view frame, market::position first,
    const std::function<void(market::position, std::string_view)>& fn) const {
  market::position at = first;
  for_each_packet(frame, [&](std::string_view packet) {
    if (mode_of(packet.size())) {
      fn(at, packet);
    }
    ++at.seq;
  });
}

std::uint32_t frame_decoder::token(std::string_view packet) const {
  return mode_of(packet.size()) ? load_u32(packet.data()) : 0;
}

market::tick frame_decoder::decode(std::string_view packet) const {
  return decode_packet(packet).value_or(market::tick{});
}

}  // namespace artham::feed::kite
