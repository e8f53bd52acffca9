#include "feed/kite/frame_cutter.hpp"

#include "feed/kite/codec.hpp"

namespace artham::feed::kite {
namespace {

constexpr std::size_t length_size = 2;
constexpr std::size_t count_size = 2;

void store_u16(char* p, std::uint16_t v) {
  p[0] = static_cast<char>(v >> 8U);
  p[1] = static_cast<char>(v & 0xffU);
}

std::vector<record::tick_part> cut(std::string_view frame, std::uint16_t count,
                                   const record::shard_of_token& shard_of) {
  std::vector<record::tick_part> parts;
  const char* end = frame.data();
  const auto walked = for_each_packet(frame, [&](std::string_view packet) {
    const auto shard = mode_of(packet.size()) ? shard_of(load_u32(packet.data()))
                       : parts.empty()        ? 0
                                              : parts.back().shard;
    if (parts.empty() || parts.back().shard != shard) {
      parts.push_back({shard, 0, std::string(count_size, '\0')});
    }
    ++parts.back().count;
    end = packet.data() + packet.size();
    parts.back().body.append(packet.data() - length_size, packet.size() + length_size);
  });
  if (walked.packets == 0 || walked.packets != count) return {};
  for (auto& p : parts) store_u16(p.body.data(), p.count);
  auto& last = parts.back();
  const auto missing = load_u16(frame.data()) - walked.packets;
  store_u16(last.body.data(), static_cast<std::uint16_t>(last.count + missing));
  last.body.append(end, frame.data() + frame.size());
  return parts;
}

void join(std::string& frame, std::string_view part) {
  store_u16(frame.data(),
            static_cast<std::uint16_t>(load_u16(frame.data()) + load_u16(part.data())));
  frame.append(part.substr(count_size));
}

}  // namespace

record::tick_cutter frame_cutter() {
  return {cut, join};
}

}  // namespace artham::feed::kite
