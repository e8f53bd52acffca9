#include "messages/protocol/binary.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace artham::protocol {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t room_max = 512;

/// Writes integers into room that is known to be enough.
class writer {
 public:
  explicit writer(char* at) : at_(at) {}
  [[nodiscard]] char* end() const { return at_; }

  template <class... Integers>
  void put(Integers... values) {
    (put_one(values), ...);
  }

 private:
  template <class Integer>
  void put_one(Integer value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  char* at_;
};

constexpr std::uint8_t no_depth = 0;

}  // namespace

void append_binary_header(std::string& out, binary_kind kind, bool final, std::uint64_t handle,
                          const message_times* times) {
  std::array<char, room_max> room;
  writer w(room.data());
  const auto flags = (final ? binary_final : 0U) | (times != nullptr ? binary_times : 0U);
  w.put(binary_version, static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(flags),
        std::uint8_t{0}, std::uint32_t{0}, handle);
  if (times != nullptr) w.put(times->exchange, times->received, times->sent);
  out.append(room.data(), w.end());
}

void append_binary_bar(std::string& out, const market::bar& b) {
  std::array<char, room_max> room;
  writer w(room.data());
  w.put(b.fields, std::uint8_t{0}, b.flags, b.ticks, b.revision, std::uint32_t{0}, b.start, b.end,
        b.open.units, b.high.units, b.low.units, b.close.units, b.volume, b.oi, b.oi_change,
        b.vwap.units);
  out.append(room.data(), w.end());
}

void append_binary_tick(std::string& out, const market::tick& t, market::timestamp receive) {
  std::array<char, room_max> room;
  writer w(room.data());
  std::uint8_t levels = no_depth;
  if (market::has_full(t.mode)) levels = static_cast<std::uint8_t>(t.bids.size());
  w.put(static_cast<std::uint8_t>(t.mode), levels, std::uint16_t{0}, std::uint32_t{0}, receive,
        t.exchange_time, t.last.units);
  if (market::has_day_ohlc(t.mode)) w.put(t.open.units, t.high.units, t.low.units, t.close.units);
  if (market::has_volume(t.mode))
    w.put(t.last_quantity, t.average.units, t.volume, t.buy_quantity, t.sell_quantity);
  if (levels != no_depth) {
    w.put(t.last_trade_time, t.oi, t.oi_day_high, t.oi_day_low);
    for (const auto& side : {t.bids, t.offers}) {
      for (const auto& l : side) w.put(l.px.units, l.quantity, l.orders);
    }
  }
  out.append(room.data(), w.end());
}

}  // namespace artham::protocol
