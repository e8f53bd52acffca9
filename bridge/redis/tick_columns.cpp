#include "bridge/redis/tick_columns.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
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

/// Numbers tokens in the order in which they come first.
class token_numbers {
 public:
  explicit token_numbers(std::size_t most)
      : mask_(std::bit_ceil(2 * most + 2) - 1), slots_(mask_ + 1, slot{0, none}) {}
  std::uint32_t of(std::uint32_t token) {
    auto at = static_cast<std::size_t>(token * 0x9E3779B1U >> 7U) & mask_;
    while (slots_[at].number != none && slots_[at].token != token) at = (at + 1) & mask_;
    if (slots_[at].number == none) slots_[at] = {token, count_++};
    return slots_[at].number;
  }

 private:
  struct slot {
    std::uint32_t token;
    std::uint32_t number;
  };
  std::size_t mask_;
  std::vector<slot> slots_;
  std::uint32_t count_ = 0;
};

/// The tokens of packets, one by one, and which comes next: what came behind the last one when that
/// was there before, or the same again.
class token_walk {
 public:
  explicit token_walk(std::size_t packets) : numbers_(packets), instruments_(packets) {}

  [[nodiscard]] std::uint32_t expected() const { return expected_; }
  void next(std::uint32_t token) {
    const auto instrument = numbers_.of(token);
    if (instrument == firsts_) {
      ++firsts_;
      followers_.push_back(token);
    }
    if (at_ != 0) followers_[instruments_[at_ - 1]] = token;
    expected_ = followers_[instrument];
    instruments_[at_++] = instrument;
  }
  /// Of each packet; one that is as large as all before it are many comes first.
  [[nodiscard]] const std::vector<std::uint32_t>& instruments() const { return instruments_; }
  [[nodiscard]] std::size_t firsts() const { return firsts_; }

 private:
  token_numbers numbers_;
  std::vector<std::uint32_t> instruments_;
  std::vector<std::uint32_t> followers_;  ///< of each instrument: the token that came behind it
  std::size_t at_ = 0;
  std::size_t firsts_ = 0;
  std::uint32_t expected_ = 0;
};

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

/// What is left of `rows` packets, by columns. Rows are put and taken in order, some at a time, so
/// that memory is walked along the columns.
class table {
 public:
  explicit table(std::size_t n)
      : rows_(n),
        numbers_(std::make_unique_for_overwrite<std::uint32_t[]>(n * full_packet::numbers)),
        some_(std::make_unique_for_overwrite<values[]>(at_once)) {}

  /// Where the next row is to be written; `append_to` wants all of them.
  values& add() {
    if (at_ - begin_ == at_once) spill();
    return some_[at_++ - begin_];
  }
  void append_to(columns& out) {
    spill();
    if (rows_ == 0) return;
    for (const auto& g : groups) append_planes(out, column(g), rows_ >= rows_worth_cuts);
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }
  std::span<std::uint32_t> column(const group& g) {
    return {numbers_.get() + g.first * rows_, g.count * rows_};
  }
  /// The next row.
  const values& take() {
    if (at_ == begin_ + filled_) fill();
    return some_[at_++ - begin_];
  }

 private:
  static constexpr std::size_t at_once = 64;

  void spill() {
    for (std::size_t c = 0; c < full_packet::numbers; ++c) {
      auto* const to = numbers_.get() + c * rows_ + begin_;
      for (std::size_t i = 0; i < at_ - begin_; ++i) to[i] = some_[i][c];
    }
    begin_ = at_;
  }
  void fill() {
    begin_ = at_;
    filled_ = std::min(at_once, rows_ - at_);
    for (std::size_t c = 0; c < full_packet::numbers; ++c) {
      const auto* const from = numbers_.get() + c * rows_ + begin_;
      for (std::size_t i = 0; i < filled_; ++i) some_[i][c] = from[i];
    }
  }

  std::size_t rows_;
  std::unique_ptr<std::uint32_t[]> numbers_;
  std::unique_ptr<values[]> some_;  ///< rows from begin_ on
  std::size_t begin_ = 0;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
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
    if (t.rows() == 0) return true;
    return std::ranges::all_of(groups, [&](const group& g) { return planes(t.column(g)); });
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

  token_walk walk(n);
  std::vector<std::uint32_t> tokens(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto token = full_packet::token(work->packets[i]);
    tokens[i] = full_packet::folded(token - walk.expected());
    walk.next(token);
  }
  append_planes(out, tokens, with_cuts);

  const auto instruments = std::make_unique_for_overwrite<values[]>(walk.firsts());
  table first(walk.firsts());
  table later(n - walk.firsts());
  std::size_t known = 0;
  std::uint32_t time = 0;
  values v;
  for (std::size_t i = 0; i < n; ++i) {
    full_packet::read(work->packets[i], v);
    auto& before = instruments[walk.instruments()[i]];
    const bool is_first = walk.instruments()[i] == known;
    auto& left = is_first ? first.add() : later.add();
    if (is_first) {
      ++known;
      full_packet::guess_keys(time, before);
      full_packet::differ_keys(v, before, left);
      full_packet::guess(v, before);
    } else {
      full_packet::differ_keys(v, before, left);
    }
    full_packet::differ(v, before, left);
    before = v;
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
  token_walk walk(n);
  for (auto& token : tokens) {
    token = full_packet::unfolded(token) + walk.expected();
    walk.next(token);
  }
  table first(walk.firsts());
  table later(n - walk.firsts());
  if (!in.table_of(first) || !in.table_of(later) || in.left() != 0) return corrupt();

  const auto instruments = std::make_unique_for_overwrite<values[]>(walk.firsts());
  std::size_t known = 0;
  std::uint32_t time = 0;
  values v;
  std::size_t i = 0;
  std::string out;
  out.reserve(work_size + n * full_packet::size);
  const auto next_packet = [&] {
    if (i == n) return false;
    auto& before = instruments[walk.instruments()[i]];
    const bool is_first = walk.instruments()[i] == known;
    const auto& left = is_first ? first.take() : later.take();
    if (is_first) {
      ++known;
      full_packet::guess_keys(time, before);
      full_packet::undo_keys(left, before, v);
      full_packet::guess(v, before);
    } else {
      full_packet::undo_keys(left, before, v);
    }
    full_packet::undo(left, before, v);
    before = v;
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
