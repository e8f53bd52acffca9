#include "market/tick_history.hpp"

#include <algorithm>
#include <utility>

namespace artham::market {

namespace {

// First byte of a packed tick.
constexpr std::uint8_t time_moved = 1;        ///< else the time of the tick before
constexpr std::uint8_t whole_seconds = 2;     ///< its difference is told in seconds
constexpr std::uint8_t price_moved = 4;       ///< else the price of the tick before
constexpr std::uint8_t whole_paise = 8;       ///< its difference is told in hundredths
constexpr std::uint8_t volume_moved = 16;     ///< else the volume of the tick before
constexpr std::uint8_t oi_moved = 32;         ///< else the OI of the tick before
constexpr std::uint8_t another_context = 64;  ///< epoch, coverage and fields follow

constexpr std::int64_t hundredth = 10'000'000;

/// Differences wrap, so that no pair of numbers is too far apart.
std::uint64_t difference(std::int64_t now, std::int64_t before) {
  return static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(before);
}
std::int64_t sum(std::int64_t before, std::uint64_t difference) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(before) + difference);
}

/// A packed tick has at most a flag byte, seven numbers of ten bytes and the fields.
constexpr std::size_t longest_tick = 72;

char* put_number(char* at, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7U) *at++ = static_cast<char>(n | 0x80U);
  *at++ = static_cast<char>(n);
  return at;
}

/// Small magnitudes of either sign become small numbers.
char* put_signed(char* at, std::uint64_t wrapped) {
  const auto n = static_cast<std::int64_t>(wrapped);
  return put_number(at, wrapped << 1U ^ static_cast<std::uint64_t>(n >> 63U));
}

/// In units if it is a number of them, which `flag` then tells.
char* put_step(char* at, std::uint64_t wrapped, std::int64_t unit, std::uint8_t flag,
               std::uint8_t& flags) {
  const auto n = static_cast<std::int64_t>(wrapped);
  const auto units = n / unit;
  if (units * unit != n) return put_signed(at, wrapped);
  flags |= flag;
  return put_signed(at, static_cast<std::uint64_t>(units));
}

class unpacker {
 public:
  explicit unpacker(std::string_view in) : at_(in.data()), end_(in.data() + in.size()) {}

  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] bool is_bad() const { return bad_; }
  std::uint8_t byte() {
    if (at_ == end_) {
      bad_ = true;
      return 0;
    }
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto b = byte();
      n |= std::uint64_t{b & 0x7fU} << shift;
      if ((b & 0x80U) == 0) return n;
    }
    bad_ = true;
    return n;
  }
  std::uint64_t signed_number() {
    const auto n = number();
    return n >> 1U ^ (0 - (n & 1U));
  }

 private:
  const char* at_;
  const char* end_;
  bool bad_ = false;
};

bool same_context(const bar_tick& a, const bar_tick& b) {
  return a.epoch == b.epoch && a.coverage == b.coverage && a.fields == b.fields;
}

}  // namespace

// ---- packed_ticks

void packed_ticks::add(const bar_tick& t) {
  if (room_.size() - used_ < longest_tick)
    room_.resize(std::max<std::size_t>(4 * longest_tick, room_.size() * 2));
  char* const begin = room_.data() + used_;
  char* at = begin + 1;
  std::uint8_t flags = 0;
  if (t.time != last_.time) {
    flags |= time_moved;
    at = put_step(at, difference(t.time, last_.time), second, whole_seconds, flags);
  }
  at = put_signed(at, t.seq - last_.seq);
  if (t.last != last_.last) {
    flags |= price_moved;
    at = put_step(at, difference(t.last.units, last_.last.units), hundredth, whole_paise, flags);
  }
  if (t.volume_or_size != last_.volume_or_size) {
    flags |= volume_moved;
    at = put_signed(at, difference(t.volume_or_size, last_.volume_or_size));
  }
  if (t.oi != last_.oi) {
    flags |= oi_moved;
    at = put_signed(at, difference(t.oi, last_.oi));
  }
  if (count_ == 0 || !same_context(t, last_)) {
    flags |= another_context;
    at = put_number(at, t.epoch);
    at = put_number(at, t.coverage);
    *at++ = static_cast<char>(t.fields);
  }
  *begin = static_cast<char>(flags);
  used_ = static_cast<std::size_t>(at - room_.data());
  last_ = t;
  ++count_;
}

void packed_ticks::give_back_room() {
  room_.resize(used_);
  room_.shrink_to_fit();
}

bool packed_ticks::unpack(std::string_view bytes, std::size_t count, std::vector<bar_tick>& out) {
  unpacker in(bytes);
  bar_tick t;
  for (std::size_t i = 0; i < count; ++i) {
    const auto flags = in.byte();
    const auto step = [&](std::uint8_t flag, std::int64_t unit) {
      const auto told = in.signed_number();
      return (flags & flag) != 0 ? told * static_cast<std::uint64_t>(unit) : told;
    };
    if ((flags & time_moved) != 0) t.time = sum(t.time, step(whole_seconds, second));
    t.seq += in.signed_number();
    if ((flags & price_moved) != 0) t.last.units = sum(t.last.units, step(whole_paise, hundredth));
    if ((flags & volume_moved) != 0) t.volume_or_size = sum(t.volume_or_size, in.signed_number());
    if ((flags & oi_moved) != 0) t.oi = sum(t.oi, in.signed_number());
    if ((flags & another_context) != 0) {
      t.epoch = static_cast<std::uint32_t>(in.number());
      t.coverage = static_cast<std::uint16_t>(in.number());
      t.fields = in.byte();
    }
    if (in.is_bad()) return false;
    out.push_back(t);
  }
  return in.done();
}

std::vector<bar_tick> packed_ticks::all() const {
  std::vector<bar_tick> out;
  out.reserve(count_);
  static_cast<void>(unpack(bytes(), count_, out));
  return out;
}

// ---- tick_history

void tick_history::stretch::add(const bar_tick& t) {
  if (ticks.size() == 0) {
    first = key_of(t);
    oldest_coverage = t.coverage;
  }
  last = key_of(t);
  // Numbers of coverages wrap.
  const auto newer_by = static_cast<std::uint16_t>(t.coverage - oldest_coverage);
  if (newer_by > INT16_MAX) oldest_coverage = t.coverage;
  ticks.add(t);
}

void tick_history::add(const bar_tick& t, const bar_fold& before, duration stretch_length) {
  if (stretches_.empty() || stretches_.back().ticks.size() >= max_stretch ||
      t.time >= stretches_.back().first.time + stretch_length) {
    if (!stretches_.empty()) stretches_.back().ticks.give_back_room();
    stretches_.push_back({before, {}, {}, 0, {}});
  }
  stretches_.back().add(t);
  if (++size_ > max_ticks) forget_oldest();
}

void tick_history::forget_oldest() {
  forgotten_ = stretches_.front().last;
  size_ -= stretches_.front().ticks.size();
  stretches_.erase(stretches_.begin());
}

void tick_history::forget(timestamp floor) {
  while (stretches_.size() > 1 && stretches_.front().last.time < floor) forget_oldest();
}

std::size_t tick_history::stretch_of(const tick_key& key) const {
  const auto behind =
      std::upper_bound(stretches_.begin(), stretches_.end(), key,
                       [](const tick_key& k, const stretch& s) { return k < s.first; });
  return behind == stretches_.begin() ? 0
                                      : static_cast<std::size_t>(behind - stretches_.begin()) - 1;
}

void tick_history::insert(std::size_t index, const bar_tick& t) {
  auto& s = stretches_[index];
  auto all = s.ticks.all();
  const auto place =
      std::upper_bound(all.begin(), all.end(), key_of(t),
                       [](const tick_key& k, const bar_tick& h) { return k < key_of(h); });
  all.insert(place, t);
  s.ticks = {};
  for (const auto& h : all) s.add(h);
  ++size_;
}

void tick_history::restore(std::vector<stretch> stretches, const tick_key& forgotten) {
  stretches_ = std::move(stretches);
  forgotten_ = forgotten;
  size_ = 0;
  for (const auto& s : stretches_) size_ += s.ticks.size();
}

}  // namespace artham::market
