#include "market/tick_history.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

namespace artham::market {

namespace {

// A group of ticks: u32 head, then the context if the head says so (u32 epoch, u16 coverage, u8
// fields), then the columns time, seq, price, volume and OI. A column holds a number for each tick,
// its difference to the tick before, all in as many bytes as the largest of them needs; the head
// has their widths. Little-endian; a difference of either sign is folded into a small number.
static_assert(std::endian::native == std::endian::little);

constexpr std::size_t max_group = 64;
constexpr std::uint32_t count_bits = 0x3f;  ///< one less than the number of ticks
constexpr std::uint32_t another_context = 1U << 6U;
constexpr std::uint32_t whole_seconds = 1U << 7U;  ///< unit of the times
constexpr std::uint32_t whole_paise = 1U << 8U;    ///< unit of the prices
constexpr std::uint32_t known_bits = (1U << 29U) - 1;
constexpr std::size_t columns = 5;
constexpr std::size_t context_size = 7;
constexpr std::size_t longest_group = 4 + context_size + columns * max_group * 8;

constexpr std::int64_t hundredth = 10'000'000;

constexpr unsigned width_shift(std::size_t column) {
  return 9 + 4 * static_cast<unsigned>(column);
}

// The fields that have a column.
constexpr auto time_of = [](auto& t) -> auto& {
  return t.time;
};
constexpr auto seq_of = [](auto& t) -> auto& {
  return t.seq;
};
constexpr auto price_of = [](auto& t) -> auto& {
  return t.last.units;
};
constexpr auto volume_of = [](auto& t) -> auto& {
  return t.volume_or_size;
};
constexpr auto oi_of = [](auto& t) -> auto& {
  return t.oi;
};

/// Small magnitudes of either sign become small numbers.
std::uint64_t folded(std::uint64_t wrapped) {
  return wrapped << 1U ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(wrapped) >> 63U);
}
std::uint64_t unfolded(std::uint64_t n) {
  return n >> 1U ^ (0 - (n & 1U));
}

/// The differences of one field within a group.
class column {
 public:
  template <class Field>
  column(std::span<const bar_tick> ticks, const bar_tick& before, Field field)
      : count_(ticks.size()) {
    // Differences wrap, so that no pair of numbers is too far apart.
    auto last = static_cast<std::uint64_t>(field(before));
    for (std::size_t i = 0; i < count_; ++i) {
      const auto now = static_cast<std::uint64_t>(field(ticks[i]));
      set(i, now - last);
      last = now;
    }
  }

  /// Tells the differences in units if all are numbers of them.
  template <std::int64_t Unit>
  bool divide() {
    if (all_ == 0) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      if (difference(i) % Unit != 0) return false;
    }
    all_ = 0;
    for (std::size_t i = 0; i < count_; ++i)
      set(i, static_cast<std::uint64_t>(difference(i) / Unit));
    return true;
  }

  /// Bytes that each number needs.
  [[nodiscard]] unsigned width() const {
    return (static_cast<unsigned>(std::bit_width(all_)) + 7) / 8;
  }
  /// May write up to eight bytes beyond what it returns.
  char* put(char* at) const {
    const auto step = width();
    if (step == 0) return at;
    for (std::size_t i = 0; i < count_; ++i, at += step) std::memcpy(at, &numbers_[i], 8);
    return at;
  }

 private:
  [[nodiscard]] std::int64_t difference(std::size_t i) const {
    return static_cast<std::int64_t>(unfolded(numbers_[i]));
  }
  void set(std::size_t i, std::uint64_t wrapped) {
    numbers_[i] = folded(wrapped);
    all_ |= numbers_[i];
  }

  std::size_t count_;
  std::uint64_t all_ = 0;
  std::array<std::uint64_t, max_group> numbers_;  // NOLINT: the first count_ have a meaning
};

class unpacker {
 public:
  explicit unpacker(std::string_view in) : in_(in) {}

  [[nodiscard]] bool done() const { return in_.empty(); }
  [[nodiscard]] bool has(std::size_t bytes) const { return in_.size() >= bytes; }
  template <class T>
  T number(std::size_t width = sizeof(T)) {
    T n = 0;
    std::memcpy(&n, in_.data(), width);
    in_.remove_prefix(width);
    return n;
  }

 private:
  std::string_view in_;
};

bool same_context(const bar_tick& a, const bar_tick& b) {
  return a.epoch == b.epoch && a.coverage == b.coverage && a.fields == b.fields;
}

}  // namespace

// ---- packed_ticks

void packed_ticks::add(std::span<const bar_tick> ticks) {
  // The first one's differences are its whole numbers, far wider than those of the others.
  std::size_t most = count_ == 0 ? 1 : max_group;
  while (!ticks.empty()) {
    const auto limit = std::min(ticks.size(), most);
    std::size_t alike = 1;
    while (alike < limit && same_context(ticks[alike], ticks[0])) ++alike;
    add_group(ticks.first(alike));
    ticks = ticks.subspan(alike);
    most = max_group;
  }
}

void packed_ticks::add_group(std::span<const bar_tick> ticks) {
  column time(ticks, last_, time_of);
  const column seq(ticks, last_, seq_of);
  column price(ticks, last_, price_of);
  const column volume(ticks, last_, volume_of);
  const column oi(ticks, last_, oi_of);

  auto head = static_cast<std::uint32_t>(ticks.size() - 1);
  if (time.divide<second>()) head |= whole_seconds;
  if (price.divide<hundredth>()) head |= whole_paise;
  const std::array<const column*, columns> all{&time, &seq, &price, &volume, &oi};
  for (std::size_t i = 0; i < columns; ++i) head |= all[i]->width() << width_shift(i);
  const auto& first = ticks.front();
  const bool context = count_ == 0 || !same_context(first, last_);
  if (context) head |= another_context;

  std::array<char, longest_group + 8> room;  // NOLINT: written before it is read
  char* at = room.data();
  const auto put = [&at](const auto& n) {
    std::memcpy(at, &n, sizeof n);
    at += sizeof n;
  };
  put(head);
  if (context) {
    put(first.epoch);
    put(first.coverage);
    put(first.fields);
  }
  for (const auto* c : all) at = c->put(at);
  bytes_.append(room.data(), static_cast<std::size_t>(at - room.data()));
  last_ = ticks.back();
  count_ += ticks.size();
}

bool packed_ticks::unpack(std::string_view bytes, std::size_t count, std::vector<bar_tick>& out) {
  unpacker in(bytes);
  bar_tick t;
  for (std::size_t left = count; left != 0;) {
    if (!in.has(sizeof(std::uint32_t))) return false;
    const auto head = in.number<std::uint32_t>();
    const std::size_t size = (head & count_bits) + 1;
    if (size > left || head > known_bits) return false;
    if ((head & another_context) != 0) {
      if (!in.has(context_size)) return false;
      t.epoch = in.number<std::uint32_t>();
      t.coverage = in.number<std::uint16_t>();
      t.fields = in.number<std::uint8_t>();
    }
    const auto first = out.size();
    out.resize(first + size, t);
    const std::span<bar_tick> group(out.data() + first, size);
    bool whole = true;
    const auto read = [&](std::size_t which, std::int64_t unit, auto field) {
      const std::size_t width = head >> width_shift(which) & 0xfU;
      whole = whole && width <= 8 && in.has(width * size);
      if (!whole) return;
      auto at = static_cast<std::uint64_t>(field(t));
      for (auto& g : group) {
        at += unfolded(in.number<std::uint64_t>(width)) * static_cast<std::uint64_t>(unit);
        field(g) = static_cast<std::remove_reference_t<decltype(field(g))>>(at);
      }
    };
    read(0, (head & whole_seconds) != 0 ? second : 1, time_of);
    read(1, 1, seq_of);
    read(2, (head & whole_paise) != 0 ? hundredth : 1, price_of);
    read(3, 1, volume_of);
    read(4, 1, oi_of);
    if (!whole) return false;
    t = group.back();
    left -= size;
  }
  return in.done();
}

std::vector<bar_tick> packed_ticks::all() const {
  std::vector<bar_tick> out;
  out.reserve(count_);
  static_cast<void>(unpack(bytes(), count_, out));
  return out;
}

void packed_ticks::restore(std::string_view bytes, std::size_t count, const bar_tick& last) {
  bytes_ = bytes;
  count_ = count;
  last_ = last;
}

// ---- tick_history

void tick_history::stretch::note(std::span<const bar_tick> some) {
  if (ticks.size() == 0) {
    first = key_of(some.front());
    oldest_coverage = some.front().coverage;
  }
  last = key_of(some.back());
  for (const auto& t : some) {
    // Numbers of coverages wrap.
    const auto newer_by = static_cast<std::uint16_t>(t.coverage - oldest_coverage);
    if (newer_by > INT16_MAX) oldest_coverage = t.coverage;
  }
}

void tick_history::stretch::add(std::span<const bar_tick> some) {
  note(some);
  ticks.add(some);
}

bool tick_history::stretch::restore(std::string_view bytes, std::size_t count) {
  std::vector<bar_tick> all;
  if (!packed_ticks::unpack(bytes, count, all) || all.empty()) return false;
  note(all);
  ticks.restore(bytes, count, all.back());
  return true;
}

std::size_t tick_history::add(std::span<const bar_tick> ticks, const bar_fold& before,
                              duration stretch_length) {
  const auto is_over = [&](std::size_t size, timestamp next) {
    return size >= max_stretch || next >= stretches_.back().first.time + stretch_length;
  };
  if (stretches_.empty() || is_over(stretches_.back().ticks.size(), ticks.front().time)) {
    std::size_t likely_size = 0;
    if (!stretches_.empty()) {
      stretches_.back().ticks.give_back_room();
      likely_size = stretches_.back().ticks.bytes().size();
    }
    stretches_.push_back({before, {}, {}, 0, {}});
    stretches_.back().ticks.reserve(likely_size);
    stretches_.back().first = key_of(ticks.front());
  }
  auto& s = stretches_.back();
  std::size_t n = 1;
  while (n < ticks.size() && !is_over(s.ticks.size() + n, ticks[n].time)) ++n;
  s.add(ticks.first(n));
  size_ += n;
  while (size_ > max_ticks) forget_oldest();
  return n;
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
  s.add(all);
  ++size_;
}

void tick_history::restore(std::vector<stretch> stretches, const tick_key& forgotten) {
  stretches_ = std::move(stretches);
  forgotten_ = forgotten;
  size_ = 0;
  for (const auto& s : stretches_) size_ += s.ticks.size();
}

}  // namespace artham::market
