#include "feed/kite/codec.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "market/instrument.hpp"

namespace artham::feed::kite {

using market::price;
using market::tick;
using market::tick_mode;

namespace {

constexpr std::size_t level_size = 12;
constexpr std::size_t depth_offset = 64;
constexpr std::uint32_t max_orders = 65'535;
constexpr std::int64_t u32_max = std::numeric_limits<std::uint32_t>::max();

/// Units of market::price that one unit on the wire is worth.
constexpr std::int64_t wire_unit(std::uint32_t token) {
  return market::price_scale / market::price_divisor(token);
}

// -- decoding -----------------------------------------------------------------

struct reader {
  const char* p;
  std::int64_t unit;

  [[nodiscard]] std::int64_t number(std::size_t offset) const { return load_u32(p + offset); }
  [[nodiscard]] price scaled(std::size_t offset) const { return {number(offset) * unit}; }
  [[nodiscard]] market::timestamp time(std::size_t offset) const {
    return number(offset) * market::second;
  }
};

void read_index(const reader& r, tick& out) {
  out.last = r.scaled(4);
  out.high = r.scaled(8);
  out.low = r.scaled(12);
  out.open = r.scaled(16);
  out.close = r.scaled(20);
}

void read_quote(const reader& r, tick& out) {
  out.last = r.scaled(4);
  out.last_quantity = r.number(8);
  out.average = r.scaled(12);
  out.volume = r.number(16);
  out.buy_quantity = r.number(20);
  out.sell_quantity = r.number(24);
  out.open = r.scaled(28);
  out.high = r.scaled(32);
  out.low = r.scaled(36);
  out.close = r.scaled(40);
}

void read_level(const reader& r, std::size_t offset, market::depth_level& out) {
  out.quantity = load_u32(r.p + offset);
  out.px = r.scaled(offset + 4);
  out.orders = load_u16(r.p + offset + 8);
}

void read_full(const reader& r, tick& out) {
  read_quote(r, out);
  out.last_trade_time = r.time(44);
  out.oi = r.number(48);
  out.oi_day_high = r.number(52);
  out.oi_day_low = r.number(56);
  out.exchange_time = r.time(60);
  for (std::size_t i = 0; i < out.bids.size(); ++i) {
    read_level(r, depth_offset + i * level_size, out.bids[i]);
  }
  for (std::size_t i = 0; i < out.offers.size(); ++i) {
    read_level(r, depth_offset + (out.bids.size() + i) * level_size, out.offers[i]);
  }
}

// -- encoding -----------------------------------------------------------------

// `fields` says once which fields a mode has and in which order; one visitor packs them, another
// finds the words for what cannot be packed.

template <class Visitor>
void index_fields(Visitor& v, const tick& t) {
  v.scaled("last_price", t.last);
  v.scaled("high", t.high);
  v.scaled("low", t.low);
  v.scaled("open", t.open);
  v.scaled("close", t.close);
  v.change("change", t.last.units - t.close.units);
}

template <class Visitor>
void quote_fields(Visitor& v, const tick& t) {
  v.scaled("last_price", t.last);
  v.number("last_traded_quantity", t.last_quantity);
  v.scaled("average_traded_price", t.average);
  v.number("volume_traded", t.volume);
  v.number("total_buy_quantity", t.buy_quantity);
  v.number("total_sell_quantity", t.sell_quantity);
  v.scaled("open", t.open);
  v.scaled("high", t.high);
  v.scaled("low", t.low);
  v.scaled("close", t.close);
}

template <class Visitor>
void full_fields(Visitor& v, const tick& t) {
  quote_fields(v, t);
  v.time("last_trade_time", t.last_trade_time);
  v.number("oi", t.oi);
  v.number("oi_day_high", t.oi_day_high);
  v.number("oi_day_low", t.oi_day_low);
  v.time("exchange_timestamp", t.exchange_time);
  for (std::size_t i = 0; i < t.bids.size(); ++i) {
    v.level("buy", i, t.bids[i]);
  }
  for (std::size_t i = 0; i < t.offers.size(); ++i) {
    v.level("sell", i, t.offers[i]);
  }
}

template <class Visitor>
void fields(Visitor& v, const tick& t) {
  switch (t.mode) {
    case tick_mode::ltp:
      v.scaled("last_price", t.last);
      break;
    case tick_mode::index_quote:
      index_fields(v, t);
      break;
    case tick_mode::index_full:
      index_fields(v, t);
      v.time("exchange_timestamp", t.exchange_time);
      break;
    case tick_mode::quote:
      quote_fields(v, t);
      break;
    case tick_mode::full:
      full_fields(v, t);
      break;
  }
}

constexpr bool fits_u32(std::int64_t v) {
  return v >= 0 && v <= u32_max;
}
constexpr bool fits_i32(std::int64_t v) {
  return v == static_cast<std::int32_t>(v);
}

/// Packs, and notes whether everything fitted. `Unit` is wire_unit of the token, a constant because
/// dividing by a variable is slow.
template <std::int64_t Unit>
class packer {
 public:
  void put_token(std::uint32_t token) { put32(token); }
  void number(const char*, std::int64_t v) {
    fits_ &= fits_u32(v);
    put32(static_cast<std::uint32_t>(v));
  }
  void scaled(const char*, price p) { divided(p.units, Unit); }
  void time(const char*, market::timestamp t) { divided(t, market::second); }
  void change(const char*, std::int64_t units) {
    const std::int64_t raw = units / Unit;
    fits_ &= fits_i32(raw);
    put32(static_cast<std::uint32_t>(raw));
  }
  void level(const char*, std::size_t, const market::depth_level& l) {
    put32(l.quantity);
    scaled(nullptr, l.px);
    fits_ &= l.orders <= max_orders;
    put32(l.orders << 16);
  }

  [[nodiscard]] bool fits() const { return fits_; }
  [[nodiscard]] std::string_view bytes() const { return {bytes_, size_}; }

 private:
  void divided(std::int64_t v, std::int64_t unit) {
    const std::int64_t raw = v / unit;
    fits_ &= raw * unit == v && fits_u32(raw);
    put32(static_cast<std::uint32_t>(raw));
  }
  void put32(std::uint32_t v) {
    v = __builtin_bswap32(v);
    std::memcpy(bytes_ + size_, &v, sizeof v);
    size_ += sizeof v;
  }

  char bytes_[full_size];
  std::size_t size_ = 0;
  bool fits_ = true;
};

/// Says which field does not fit, and why.
class explainer {
 public:
  explicit explainer(std::int64_t unit) : unit_(unit) {}

  void number(const std::string& field, std::int64_t v) {
    if (!fits_u32(v)) {
      refuse(field, std::to_string(v), "is outside 0..4294967295");
    }
  }
  void scaled(const std::string& field, price p) {
    if (p.units % unit_ != 0) {
      refuse(field, to_string(p), "is no multiple of " + to_string(price{unit_}));
    } else if (!fits_u32(p.units / unit_)) {
      refuse(field, to_string(p), "is outside 0.." + to_string(price{u32_max * unit_}));
    }
  }
  void time(const std::string& field, market::timestamp t) {
    if (t % market::second != 0) {
      refuse(field, std::to_string(t) + " ns", "is no whole second");
    } else if (!fits_u32(t / market::second)) {
      refuse(field, std::to_string(t) + " ns", "is outside 1970..2106");
    }
  }
  void change(const std::string& field, std::int64_t units) {
    if (!fits_i32(units / unit_)) {
      refuse(field, to_string(price{units}), "is outside signed 32 bits");
    }
  }
  void level(const std::string& side, std::size_t i, const market::depth_level& l) {
    const std::string name = "depth_" + side + "_" + std::to_string(i);
    scaled(name + "_price", l.px);
    if (l.orders > max_orders) {
      refuse(name + "_orders", std::to_string(l.orders), "is above 65535");
    }
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void refuse(const std::string& field, const std::string& value, const std::string& why) {
    if (text_.empty()) {
      text_ = field + " " + value + " " + why;
    }
  }

  std::int64_t unit_;
  std::string text_;
};

template <std::int64_t Unit>
result<void> pack(std::string& out, const tick& t) {
  packer<Unit> p;
  p.put_token(t.token);
  fields(p, t);
  if (!p.fits()) {
    explainer e(Unit);
    fields(e, t);
    return fail(errc::bad_input, "instrument " + std::to_string(t.token) + ": " + e.text() +
                                     ", which its Kite packet cannot carry");
  }
  out += p.bytes();
  return {};
}

}  // namespace

bool decode_packet(std::string_view packet, tick& out) {
  const auto mode = mode_of(packet.size());
  if (!mode) {
    return false;
  }
  if (*mode != tick_mode::full) {
    out = tick{};
  }
  const std::uint32_t token = load_u32(packet.data());
  const reader r{packet.data(), wire_unit(token)};
  out.token = token;
  out.mode = *mode;
  switch (*mode) {
    case tick_mode::ltp:
      out.last = r.scaled(4);
      break;
    case tick_mode::index_full:
      out.exchange_time = r.time(28);
      [[fallthrough]];
    case tick_mode::index_quote:
      read_index(r, out);
      break;
    case tick_mode::quote:
      read_quote(r, out);
      break;
    case tick_mode::full:
      read_full(r, out);
      break;
  }
  return true;
}

std::optional<tick> decode_packet(std::string_view packet) {
  std::optional<tick> out(std::in_place);
  if (!decode_packet(packet, *out)) {
    out.reset();
  }
  return out;
}

result<void> encode_packet(std::string& out, const tick& t) {
  switch (market::price_divisor(t.token)) {
    case 10'000'000:
      return pack<market::price_scale / 10'000'000>(out, t);
    case 10'000:
      return pack<market::price_scale / 10'000>(out, t);
    default:
      return pack<market::price_scale / 100>(out, t);
  }
}

frame_builder::frame_builder() : bytes_(2, '\0') {}

result<void> frame_builder::add_packet(std::string_view packet) {
  if (full()) {
    return fail(errc::full, "a frame holds at most 65535 packets: finish it first");
  }
  if (packet.size() > max_packet_bytes) {
    return fail(errc::bad_input, "a packet of " + std::to_string(packet.size()) +
                                     " bytes does not fit into a frame: at most 65535");
  }
  bytes_.push_back(static_cast<char>(packet.size() >> 8));
  bytes_.push_back(static_cast<char>(packet.size() & 0xff));
  bytes_.append(packet);
  ++packets_;
  return {};
}

result<void> frame_builder::add(const tick& t) {
  if (full()) {
    return fail(errc::full, "a frame holds at most 65535 packets: finish it first");
  }
  const std::size_t before = bytes_.size();
  const std::size_t length = packet_size(t.mode);
  bytes_.push_back('\0');
  bytes_.push_back(static_cast<char>(length));
  if (auto done = encode_packet(bytes_, t); !done) {
    bytes_.resize(before);
    return done;
  }
  ++packets_;
  return {};
}

std::string frame_builder::finish() {
  bytes_[0] = static_cast<char>(packets_ >> 8);
  bytes_[1] = static_cast<char>(packets_ & 0xff);
  packets_ = 0;
  return std::exchange(bytes_, std::string(2, '\0'));
}

market::timestamp newest_exchange_time(std::string_view frame) {
  std::uint32_t newest = 0;
  for_each_packet(frame, [&](std::string_view packet) {
    if (packet.size() == full_size) {
      newest = std::max(newest, load_u32(packet.data() + 60));
    } else if (packet.size() == index_full_size) {
      newest = std::max(newest, load_u32(packet.data() + 28));
    }
  });
  return newest * market::second;
}

}  // namespace artham::feed::kite
