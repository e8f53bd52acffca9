#include "actors/session/packet_frames.hpp"

#include <algorithm>
#include <limits>

#include "market/instrument.hpp"
#include "messages/protocol/frame.hpp"

namespace artham::actors {

using protocol::opcode;

namespace {

constexpr std::uint16_t price_packet_size = 8;

template <class Integer>
void put(std::string& out, Integer v) {
  for (int shift = 8 * (static_cast<int>(sizeof v) - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(v >> shift);
}

}  // namespace

void append_packet(std::string& out, std::string_view packet) {
  put(out, static_cast<std::uint16_t>(packet.size()));
  out += packet;
}

bool append_price_packet(std::string& out, std::uint32_t token, market::price last) {
  const auto unit = market::price_scale / market::price_divisor(token);
  // The nearest; of two the even one, as everywhere.
  auto raw = last.units / unit;
  const auto rest = last.units % unit;
  if (2 * rest > unit || (2 * rest == unit && raw % 2 != 0)) ++raw;
  if (last.units < 0 || raw > std::numeric_limits<std::uint32_t>::max()) return false;
  put(out, price_packet_size);
  put(out, token);
  put(out, static_cast<std::uint32_t>(raw));
  return true;
}

std::string frame_packets(std::string_view from, std::span<messages::batch::item> items) {
  std::size_t size = 0;
  for (const auto& i : items) size += i.size;
  std::string out;
  out.reserve(size + frames_of_packets(items.size()) *
                         (protocol::frame_header_max + sizeof(std::uint16_t)));
  while (!items.empty()) {
    const auto some = items.first(std::min(items.size(), packets_per_frame));
    items = items.subspan(some.size());
    std::size_t bytes = 0;
    protocol::append_frame(out, opcode::binary, [&](std::string& to) {
      put(to, static_cast<std::uint16_t>(some.size()));
      for (auto& i : some) {
        to += from.substr(i.offset, i.size);
        i.offset = static_cast<std::uint32_t>(bytes);
        bytes += i.size;
      }
    });
    const auto begin = static_cast<std::uint32_t>(out.size() - bytes);
    for (auto& i : some) i.offset += begin;
  }
  return out;
}

std::string heartbeat_frame() {
  std::string out;
  protocol::append_frame(out, opcode::binary, std::string_view("\0", 1));
  return out;
}

}  // namespace artham::actors
