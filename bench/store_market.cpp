#include "bench/store_market.hpp"

#include <cstring>
#include <fstream>

#include "bench/frame_market.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace artham::bench {

namespace {

constexpr market::timestamp open = 1'766'979'900 * market::second;
constexpr std::size_t frame_head = 4;  // packets, length of the first
constexpr std::size_t full_packet = 184;

std::vector<std::string> recorded_packets(const std::string& file) {
  std::vector<std::string> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
    if (bytes.size() == frame_head + full_packet) all.push_back(bytes.substr(frame_head));
  }
  return all;
}

std::vector<std::string> made_up_packets() {
  std::vector<std::string> all;
  for (const auto& f : make_frames(1, 2, 200, market::tick_mode::full, open).frames)
    all.push_back(f.bytes.substr(frame_head));
  return all;
}

void put32(std::string& packet, std::size_t at, std::uint32_t v) {
  for (std::size_t i = 0; i < 4; ++i) packet[at + i] = static_cast<char>(v >> (24 - 8 * i));
}

}  // namespace

stored_market make_stored_market(const std::string& recorded, std::size_t ticks,
                                 std::size_t instruments, std::size_t bars) {
  stored_market m;
  auto real = recorded_packets(recorded);
  m.real = !real.empty();
  if (!m.real) real = made_up_packets();
  const feed::kite::frame_decoder decoder;
  m.packets.reserve(ticks);
  std::vector<market::bar_input> inputs;
  for (std::size_t i = 0; i < ticks; ++i) {
    const auto instrument = i % instruments;
    const auto turn = i / instruments;
    auto packet = real[(turn + instrument) % real.size()];
    put32(packet, 0, static_cast<std::uint32_t>((1000 + instrument) << 8U | 2U));
    // Two packets a second of each instrument.
    const auto receive = open + static_cast<market::timestamp>(turn) * (market::second / 2) +
                         static_cast<market::timestamp>(instrument) * 400'123;
    put32(packet, 60, static_cast<std::uint32_t>(receive / market::second));
    m.packets.push_back(std::move(packet));
    std::string frame("\0\1\0\xb8", frame_head);
    frame += m.packets.back();
    inputs.clear();
    decoder.bar_inputs(frame, receive, {1, i + 1}, inputs);
    m.ticks.push_back({receive, receive, inputs.front(), m.packets.back()});
  }
  for (std::size_t i = 0; i < bars; ++i) {
    record::bar_record r;
    const auto& t = m.ticks[i % m.ticks.size()];
    r.cause = {{1, i + 1}, 0};
    auto& b = r.bar;
    b.token = static_cast<std::uint32_t>((1000 + i % instruments) << 8U | 2U);
    b.start = open + static_cast<market::timestamp>(i / instruments) * market::minute;
    b.end = b.start + market::minute;
    b.open = b.high = b.low = b.close = b.vwap = t.core.last;
    b.volume = t.core.volume_or_size;
    b.oi = t.core.oi;
    b.fields = market::bar::volume_known | market::bar::oi_known | market::bar::oi_change_known |
               market::bar::vwap_known;
    b.ticks = 120;
    b.first = {1, i + 1};
    b.last = {1, i + 120};
    m.bars.push_back(r);
  }
  return m;
}

}  // namespace artham::bench
