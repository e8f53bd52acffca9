#include "bridge/redis/tick_columns.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "bridge/redis/full_packet.hpp"
#include "messages/record/record.hpp"

namespace artham::bridge::redis {
namespace {

using values = full_packet::values;

constexpr std::size_t fewest_packets = 8;
/// Fewer rows than that are not worth blocks of their own.
constexpr std::size_t rows_worth_cuts = 512;
constexpr std::size_t front = 8;  ///< u32 size of the frame work, u32 full packets
constexpr auto none = static_cast<std::uint32_t>(-1);

/// Numbers of one nature, one behind the other in full_packet: they share a width.
struct group {
  std::size_t first;
  std::size_t count;
};
constexpr std::array groups{
    group{full_packet::last, 1},
    group{full_packet::last_quantity, 1},
    group{full_packet::average, 1},
    group{full_packet::volume, 1},
    group{full_packet::buy_quantity, 2},
    group{full_packet::open, 1},
    group{full_packet::high, 2},
    group{full_packet::close, 1},
    group{full_packet::last_trade_time, 1},
    group{full_packet::oi, 3},
    group{full_packet::exchange_time, 1},
    group{full_packet::quantity, full_packet::levels},
    group{full_packet::price, full_packet::levels},
    group{full_packet::orders, full_packet::levels},
    group{full_packet::rest, full_packet::levels},
};

/// Walks the body of a frame of `left` bytes: `take(n)` passes over n bytes of it and answers where
/// they are, or null; `packet()` is called for a full packet. False when a take failed.
template <class Take, class Packet>
bool walk_frame(std::size_t left, Take&& take, Packet&& packet) {
  const auto number = [](const char* p) {
    return static_cast<std::size_t>(static_cast<unsigned char>(p[0])) << 8U |
           static_cast<unsigned char>(p[1]);
  };
  if (left >= 2) {
    const char* const promised = take(2);
    if (promised == nullptr) return false;
    left -= 2;
    for (auto packets = number(promised); packets != 0 && left >= 2; --packets) {
      const char* const length = take(2);
      if (length == nullptr) return false;
      left -= 2;
      const auto n = number(length);
      if (n > left) break;
      if (n == full_packet::size) {
        if (!packet()) return false;
      } else if (take(n) == nullptr) {
        return false;
      }
      left -= n;
    }
  }
  return take(left) != nullptr;
}

/// The packet before of the same instrument, for each packet.
class last_seen {
 public:
  explicit last_seen(std::size_t packets)
      : mask_(std::bit_ceil(2 * packets + 2) - 1), slots_(mask_ + 1, slot{0, none}) {}
  /// `none` at the first time; from then on it is packet i.
  std::uint32_t replace(std::uint32_t token, std::uint32_t i) {
    auto at = static_cast<std::size_t>(token * 0x9E3779B1U >> 7U) & mask_;
    while (slots_[at].packet != none && slots_[at].token != token) at = (at + 1) & mask_;
    const auto before = slots_[at].packet;
    slots_[at] = {token, i};
    return before;
  }

 private:
  struct slot {
    std::uint32_t token;
    std::uint32_t packet;
  };
  std::size_t mask_;
  std::vector<slot> slots_;
};

/// Which token comes next: what came behind the last one when that was there before, or the same.
std::uint32_t expected_token(std::span<const std::uint32_t> tokens,
                             std::span<const std::uint32_t> before, std::size_t i) {
  if (i == 0) return 0;
  return before[i - 1] == none ? tokens[i - 1] : tokens[before[i - 1] + 1];
}

/// Times of headers as differences: of `a` to that before, and of `b` to what `a` would have.
struct times {
  std::uint64_t a = 0;
  std::uint64_t b = 0;

  void shorten(record::header& h) {
    const auto was = h;
    h.b = (h.b - h.a) - (b - a);
    h.a -= a;
    a = was.a;
    b = was.b;
  }
  void restore(record::header& h) {
    h.a += a;
    h.b += h.a + (b - a);
    a = h.a;
    b = h.b;
  }
};

void put32(std::string& out, std::uint32_t v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}
std::uint32_t get32(const char* p) {
  std::uint32_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Appends columns of `rows` numbers each as planes of bytes, the lowest bytes first.
void append_planes(columns& out, std::span<const std::uint32_t> numbers, bool with_cuts) {
  std::uint32_t all = 0;
  for (const auto v : numbers) all |= v;
  const auto width = static_cast<std::size_t>(std::bit_width(all) + 7) / 8;
  out.bytes.push_back(static_cast<char>(width));
  for (std::size_t plane = 0; plane < width; ++plane) {
    const auto at = out.bytes.size();
    out.bytes.resize(at + numbers.size());
    char* const to = out.bytes.data() + at;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      to[i] = static_cast<char>(numbers[i] >> (8 * plane));
    if (with_cuts) out.cuts.push_back(out.bytes.size());
  }
}

/// What is left of `rows` packets, by columns.
struct table {
  explicit table(std::size_t n) : rows(n), numbers(n * full_packet::numbers) {}
  void put(std::size_t row, const values& left) {
    for (std::size_t c = 0; c < left.size(); ++c) numbers[c * rows + row] = left[c];
  }
  void get(std::size_t row, values& left) const {
    for (std::size_t c = 0; c < left.size(); ++c) left[c] = numbers[c * rows + row];
  }
  void append_to(columns& out) const {
    if (rows == 0) return;
    for (const auto& g : groups) {
      append_planes(out, std::span(numbers).subspan(g.first * rows, g.count * rows),
                    rows >= rows_worth_cuts);
    }
  }

  std::size_t rows;
  std::vector<std::uint32_t> numbers;
};

/// Untrusted bytes, from front to end.
class cursor_of {
 public:
  explicit cursor_of(std::string_view bytes) : left_(bytes) {}
  /// Null when there are not so many.
  const char* take(std::size_t n) {
    if (n > left_.size()) return nullptr;
    const char* const p = left_.data();
    left_.remove_prefix(n);
    return p;
  }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

  bool planes(std::span<std::uint32_t> numbers) {
    const char* const width = take(1);
    if (width == nullptr || static_cast<unsigned char>(*width) > 4) return false;
    std::fill(numbers.begin(), numbers.end(), 0);
    for (unsigned plane = 0; plane < static_cast<unsigned char>(*width); ++plane) {
      const char* const from = take(numbers.size());
      if (from == nullptr) return false;
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] |= std::uint32_t{static_cast<unsigned char>(from[i])} << (8 * plane);
    }
    return true;
  }
  bool table_of(table& t) {
    if (t.rows == 0) return true;
    return std::ranges::all_of(groups, [&](const group& g) {
      return planes(std::span(t.numbers).subspan(g.first * t.rows, g.count * t.rows));
    });
  }

 private:
  std::string_view left_;
};

/// Records without their full packets.
struct frame_work {
  std::string bytes;
  std::vector<const char*> packets;
};

std::optional<frame_work> take_apart(std::string_view records) {
  frame_work out;
  out.bytes.reserve(records.size() / 8);
  out.packets.reserve(records.size() / full_packet::size);
  times t;
  while (!records.empty()) {
    if (records.size() < record::header_size) return std::nullopt;
    record::header h;
    std::memcpy(&h, records.data(), record::header_size);
    records.remove_prefix(record::header_size);
    if (h.size > records.size()) return std::nullopt;
    const auto body = records.substr(0, h.size);
    records.remove_prefix(h.size);
    const bool is_frame = h.kind == record::kind::kite_frame;
    t.shorten(h);
    out.bytes.append(reinterpret_cast<const char*>(&h), record::header_size);
    if (!is_frame) {
      out.bytes.append(body);
      continue;
    }
    const char* p = body.data();
    walk_frame(
        body.size(),
        [&](std::size_t n) {
          out.bytes.append(p, n);
          p += n;
          return p - n;
        },
        [&] {
          out.packets.push_back(p);
          p += full_packet::size;
          return true;
        });
  }
  return out;
}

tl::unexpected<error> corrupt() {
  return fail(errc::corrupt, "its columns do not make records");
}

}  // namespace

std::optional<columns> to_columns(std::string_view records) {
  const auto work = take_apart(records);
  if (!work || work->packets.size() < fewest_packets) return std::nullopt;
  const auto n = work->packets.size();

  columns out;
  out.bytes.reserve(front + work->bytes.size() + n * 64);
  put32(out.bytes, static_cast<std::uint32_t>(work->bytes.size()));
  put32(out.bytes, static_cast<std::uint32_t>(n));
  out.bytes += work->bytes;
  const bool with_cuts = n >= rows_worth_cuts;
  if (with_cuts) out.cuts.push_back(out.bytes.size());

  std::vector<std::uint32_t> tokens(n);
  std::vector<std::uint32_t> unexpected(n);
  std::vector<std::uint32_t> before(n);
  last_seen seen(n);
  std::size_t firsts = 0;
  for (std::size_t i = 0; i < n; ++i) {
    tokens[i] = full_packet::token(work->packets[i]);
    unexpected[i] = full_packet::folded(tokens[i] - expected_token(tokens, before, i));
    before[i] = seen.replace(tokens[i], static_cast<std::uint32_t>(i));
    firsts += before[i] == none ? 1 : 0;
  }
  append_planes(out, unexpected, with_cuts);

  std::vector<values> packets(n);
  table first(firsts);
  table later(n - firsts);
  std::size_t first_row = 0;
  std::uint32_t time = 0;
  values guessed;
  values left;
  for (std::size_t i = 0; i < n; ++i) {
    auto& v = packets[i];
    full_packet::read(work->packets[i], v);
    if (before[i] == none) {
      guessed = {};
      guessed[full_packet::exchange_time] = time;
      full_packet::differ_keys(v, guessed, left);
      full_packet::guess(v, guessed);
      full_packet::differ(v, guessed, left);
      first.put(first_row++, left);
    } else {
      const auto& b = packets[before[i]];
      full_packet::differ_keys(v, b, left);
      full_packet::differ(v, b, left);
      later.put(i - first_row, left);
    }
    time = v[full_packet::exchange_time];
  }
  first.append_to(out);
  later.append_to(out);
  return out;
}

result<std::string> from_columns(std::string_view bytes, std::size_t most) {
  cursor_of in(bytes);
  const char* const sizes = in.take(front);
  if (sizes == nullptr) return corrupt();
  const std::size_t n = get32(sizes + 4);
  const std::size_t work_size = get32(sizes);
  const char* const work = in.take(work_size);
  // A full packet leaves its length in the frame work.
  if (work == nullptr || work_size > most || n > work_size / 2 ||
      n > (most - work_size) / full_packet::size) {
    return corrupt();
  }

  std::vector<std::uint32_t> tokens(n);
  if (!in.planes(tokens)) return corrupt();
  std::vector<std::uint32_t> before(n);
  last_seen seen(n);
  std::size_t firsts = 0;
  for (std::size_t i = 0; i < n; ++i) {
    tokens[i] = full_packet::unfolded(tokens[i]) + expected_token(tokens, before, i);
    before[i] = seen.replace(tokens[i], static_cast<std::uint32_t>(i));
    firsts += before[i] == none ? 1 : 0;
  }
  table first(firsts);
  table later(n - firsts);
  if (!in.table_of(first) || !in.table_of(later) || in.left() != 0) return corrupt();

  std::vector<values> packets(n);
  std::size_t first_row = 0;
  std::uint32_t time = 0;
  values guessed;
  values left;
  std::size_t i = 0;
  std::string out;
  out.reserve(work_size + n * full_packet::size);
  const auto next_packet = [&] {
    if (i == n) return false;
    auto& v = packets[i];
    if (before[i] == none) {
      first.get(first_row++, left);
      guessed = {};
      guessed[full_packet::exchange_time] = time;
      full_packet::undo_keys(left, guessed, v);
      full_packet::guess(v, guessed);
      full_packet::undo(left, guessed, v);
    } else {
      later.get(i - first_row, left);
      const auto& b = packets[before[i]];
      full_packet::undo_keys(left, b, v);
      full_packet::undo(left, b, v);
    }
    time = v[full_packet::exchange_time];
    const auto at = out.size();
    out.resize(at + full_packet::size);
    full_packet::write(tokens[i], v, out.data() + at);
    ++i;
    return true;
  };

  cursor_of from({work, work_size});
  times t;
  while (from.left() != 0) {
    const char* const head = from.take(record::header_size);
    if (head == nullptr) return corrupt();
    record::header h;
    std::memcpy(&h, head, record::header_size);
    t.restore(h);
    out.append(reinterpret_cast<const char*>(&h), record::header_size);
    const auto copy = [&](std::size_t size) {
      const char* const p = from.take(size);
      if (p != nullptr) out.append(p, size);
      return p;
    };
    const bool whole = h.kind == record::kind::kite_frame ? walk_frame(h.size, copy, next_packet)
                                                          : copy(h.size) != nullptr;
    if (!whole) return corrupt();
  }
  if (i != n) return corrupt();
  return out;
}

}  // namespace artham::bridge::redis
