#include "bridge/redis/tick_columns.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "bridge/redis/column_bits.hpp"
#include "bridge/redis/full_packet.hpp"
#include "messages/record/record.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::size_t fewest_packets = 8;
constexpr std::size_t length_size = 2;
constexpr std::size_t packet_step = length_size + full_packet::size;
constexpr std::size_t front = sizeof(std::uint32_t);  ///< of the rest: the size of all records
/// In a header's kind: the frame is nothing but full packets, as many as it promises.
constexpr std::uint8_t only_full = 0x80;
constexpr auto none = static_cast<std::uint32_t>(-1);

std::size_t number16(const char* p) {
  return static_cast<std::size_t>(static_cast<unsigned char>(p[0])) << 8U |
         static_cast<unsigned char>(p[1]);
}
void put16(char* p, std::size_t v) {
  p[0] = static_cast<char>(v >> 8U);
  p[1] = static_cast<char>(v);
}

/// Walks the body of a frame of `left` bytes: `take(n)` passes over n bytes of it and answers where
/// they are, or null; `packet()` is called for a full packet. False when a take failed.
template <class Take, class Packet>
bool walk_frame(std::size_t left, Take&& take, Packet&& packet) {
  if (left >= length_size) {
    const char* const promised = take(length_size);
    if (promised == nullptr) return false;
    left -= length_size;
    for (auto packets = number16(promised); packets != 0 && left >= length_size; --packets) {
      const char* const length = take(length_size);
      if (length == nullptr) return false;
      left -= length_size;
      const auto n = number16(length);
      if (n > left) break;
      if (n == full_packet::size) {
        packet();
      } else if (take(n) == nullptr) {
        return false;
      }
      left -= n;
    }
  }
  return take(left) != nullptr;
}

bool has_only_full(std::string_view frame) {
  if (frame.size() < length_size + packet_step || frame.size() % packet_step != length_size)
    return false;
  const auto n = frame.size() / packet_step;
  if (number16(frame.data()) != n) return false;
  const char* p = frame.data() + length_size;
  bool all = true;
  for (std::size_t i = 0; i < n; ++i, p += packet_step) all &= number16(p) == full_packet::size;
  return all;
}

/// Numbers tokens in the order in which they come first.
class token_numbers {
 public:
  std::uint32_t of(std::uint32_t token) {
    auto at = place_of(token);
    if (slots_[at].number != none) return slots_[at].number;
    if (2 * std::size_t{count_} >= slots_.size()) {
      grow();
      at = place_of(token);
    }
    slots_[at] = {token, count_};
    return count_++;
  }

 private:
  struct slot {
    std::uint32_t token;
    std::uint32_t number;
  };
  [[nodiscard]] std::size_t place_of(std::uint32_t token) const {
    const auto mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>(token * 0x9E3779B1U >> 7U) & mask;
    while (slots_[at].number != none && slots_[at].token != token) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    const auto before = std::exchange(slots_, std::vector<slot>(4 * slots_.size(), slot{0, none}));
    for (const auto& s : before) {
      if (s.number != none) slots_[place_of(s.token)] = s;
    }
  }

  std::vector<slot> slots_ = std::vector<slot>(256, slot{0, none});
  std::uint32_t count_ = 0;
};

/// The tokens of packets, one by one, and which comes next: what came behind the last one when that
/// was there before, or the same again.
class token_walk {
 public:
  [[nodiscard]] std::uint32_t expected() const { return expected_; }
  /// The instrument's number; as large as all before are many when it comes first.
  ARTHAM_INLINE std::uint32_t next(std::uint32_t token) {
    if (token != expected_ || last_ == none) return turn(token);
    last_ = follower_;
    follower_ = instruments_[last_].follower;
    expected_ = instruments_[follower_].token;
    return last_;
  }

 private:
  struct instrument {
    std::uint32_t token;
    std::uint32_t follower;  ///< the number of what came behind it
  };
  /// The token is not the one that was expected.
  std::uint32_t turn(std::uint32_t token) {
    const auto number = numbers_.of(token);
    if (number == instruments_.size()) instruments_.push_back({token, number});
    if (last_ != none) instruments_[last_].follower = number;
    last_ = number;
    follower_ = instruments_[last_].follower;
    expected_ = instruments_[follower_].token;
    return last_;
  }

  token_numbers numbers_;
  std::vector<instrument> instruments_;
  std::uint32_t last_ = none;
  std::uint32_t follower_ = none;  ///< of the last one
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

/// Packets in the order of their columns: the first one of each instrument, then all others.
struct rows {
  std::vector<char*> first;
  std::vector<char*> later;
  std::vector<char*> before;  ///< of each later one: the instrument's packet before
  /// Of each later one: what is at its instrument's packet before is of a later row below this.
  std::vector<std::uint32_t> before_row;

  void reserve(std::size_t packets) {
    later.reserve(packets);
    before.reserve(packets);
    before_row.reserve(packets);
  }
  void add(std::uint32_t instrument, char* packet) {
    if (instrument == latest_.size()) {
      first.push_back(packet);
      latest_.push_back({packet, 0});
      return;
    }
    auto& l = latest_[instrument];
    later.push_back(packet);
    before.push_back(l.packet);
    before_row.push_back(l.row);
    l = {packet, static_cast<std::uint32_t>(later.size())};
  }

 private:
  struct latest {
    char* packet;
    std::uint32_t row;
  };
  std::vector<latest> latest_;
};

using namespace column_bits;  // NOLINT(google-build-using-namespace)
/// From a column to the next: not so that many of them share few lines of the first cache.
constexpr std::size_t column_lanes = most_lanes + 1;
using packet_columns = std::array<lane8, full_packet::columns * column_lanes>;
constexpr std::array<char, full_packet::size> nothing{};

/// Eight pointers from `from` on, which has n; `fill` in the place of more.
template <class Byte>
struct eight_of {
  ARTHAM_INLINE Byte* const* operator()(Byte* const* from, std::size_t n, Byte* fill) {
    if (n >= lanes) return from;
    for (std::size_t i = 0; i < lanes; ++i) filled[i] = i < n ? from[i] : fill;
    return filled.data();
  }
  std::array<Byte*, lanes> filled;
};

ARTHAM_INLINE void forget_behind(lane8* column, std::size_t rows) {
  for (auto i = rows; i % lanes != 0; ++i) column[i / lanes][i % lanes] = 0;
}

/// At most most_rows packets, as columns.
template <bool First>
ARTHAM_INLINE void append_chunk(std::string& out, packet_columns& columns,
                                const char* const* packets, const char* const* before,
                                std::size_t n, std::uint32_t& time) {
  for (std::size_t i = 0; i < n; i += lanes) {
    eight_of<const char> eight;
    full_packet::eight w;
    full_packet::eight p;
    lane8 fives;
    full_packet::read(eight(packets + i, n - i, nothing.data()), w);
    auto* const to = &columns[i / lanes];
    if constexpr (First) {
      constexpr auto time_word = 1 + full_packet::exchange_time;
      const auto& t = w[time_word];
      std::memset(static_cast<void*>(p), 0, sizeof p);
      p[time_word] = lane8{time, t[0], t[1], t[2], t[3], t[4], t[5], t[6]};
      time = t[7];
      full_packet::differ_keys(w, p, lane8{}, to, column_lanes);
      full_packet::guess(w, p);
      fives = full_packet::in_fives(p);
    } else {
      full_packet::read(eight(before + i, n - i, nothing.data()), p);
      fives = full_packet::in_fives(p);
      full_packet::differ_keys(w, p, fives, to, column_lanes);
    }
    full_packet::differ(w, p, fives, to, column_lanes);
  }
  std::array<char, most_bytes> bits;
  for (std::size_t c = 0; c < full_packet::columns; ++c) {
    auto* const column = &columns[c * column_lanes];
    forget_behind(column, n);
    out.append(bits.data(), put(bits.data(), column, n));
  }
}

template <bool First>
ARTHAM_INLINE bool take_rows(std::string_view& in, char* const* packets, char* const* before,
                             const std::uint32_t* before_row, std::size_t rows) {
  const auto memory = std::make_unique_for_overwrite<packet_columns>();
  auto& columns = *memory;
  constexpr auto stride = column_lanes * sizeof(lane8);
  std::array<char, full_packet::size> lost{};
  std::array<char, full_packet::size> zeros{};
  std::uint32_t time = 0;
  for (std::size_t begin = 0; begin < rows; begin += most_rows) {
    const auto n = std::min(most_rows, rows - begin);
    for (std::size_t c = 0; c < full_packet::columns; ++c) {
      if (!get(in, &columns[c * column_lanes], n)) return false;
    }
    for (std::size_t i = 0; i < n;) {
      // As many as want no packet of these eight.
      auto some = std::min(lanes, n - i);
      if constexpr (!First) {
        for (std::size_t k = 1; k < some; ++k) {
          if (before_row[begin + i + k] > begin + i) some = k;
        }
      }
      const char* const from = reinterpret_cast<const char*>(columns.data()) + 4 * i;
      eight_of<char> eight;
      full_packet::eight w;
      full_packet::eight p;
      lane8 fives;
      char* const* const to = eight(packets + begin + i, some, lost.data());
      for (std::size_t k = 0; k < lanes; ++k) w[0][k] = full_packet::token(to[k]);
      if constexpr (First) {
        constexpr auto time_word = 1 + full_packet::exchange_time;
        std::memset(static_cast<void*>(p), 0, sizeof p);
        const auto t =
            full_packet::unfolded(load_lanes(from + full_packet::exchange_time * stride));
        for (std::size_t k = 0; k < lanes; ++k) {
          p[time_word][k] = time;
          time += t[k];
        }
        full_packet::undo_keys(from, stride, p, lane8{}, w);
        full_packet::guess(w, p);
        fives = full_packet::in_fives(p);
      } else {
        eight_of<char> eight_before;
        full_packet::read(eight_before(before + begin + i, some, zeros.data()), p);
        fives = full_packet::in_fives(p);
        full_packet::undo_keys(from, stride, p, fives, w);
      }
      full_packet::undo(from, stride, p, fives, w);
      full_packet::write(w, to);
      i += some;
    }
  }
  return true;
}

ARTHAM_INLINE bool take_packets_here(std::string_view& in, const rows& r) {
  return take_rows<true>(in, r.first.data(), nullptr, nullptr, r.first.size()) &&
         take_rows<false>(in, r.later.data(), r.before.data(), r.before_row.data(), r.later.size());
}

// Twice: for any processor, and for those with AVX2.
#if defined(__x86_64__)
[[gnu::target("avx2")]] void append_first_avx2(std::string& out, packet_columns& columns,
                                               const char* const* packets, std::size_t n,
                                               std::uint32_t& time) {
  append_chunk<true>(out, columns, packets, nullptr, n, time);
}
[[gnu::target("avx2")]] void append_later_avx2(std::string& out, packet_columns& columns,
                                               const char* const* packets,
                                               const char* const* before, std::size_t n) {
  std::uint32_t time = 0;
  append_chunk<false>(out, columns, packets, before, n, time);
}
[[gnu::target("avx2")]] bool take_packets_avx2(std::string_view& in, const rows& r) {
  return take_packets_here(in, r);
}
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#endif

void append_first(std::string& out, packet_columns& columns, const char* const* packets,
                  std::size_t n, std::uint32_t& time) {
#if defined(__x86_64__)
  if (has_avx2()) {
    append_first_avx2(out, columns, packets, n, time);
    return;
  }
#endif
  append_chunk<true>(out, columns, packets, nullptr, n, time);
}
void append_later(std::string& out, packet_columns& columns, const char* const* packets,
                  const char* const* before, std::size_t n) {
#if defined(__x86_64__)
  if (has_avx2()) {
    append_later_avx2(out, columns, packets, before, n);
    return;
  }
#endif
  std::uint32_t time = 0;
  append_chunk<false>(out, columns, packets, before, n, time);
}
bool take_packets(std::string_view& in, const rows& r) {
#if defined(__x86_64__)
  if (has_avx2()) return take_packets_avx2(in, r);
#endif
  return take_packets_here(in, r);
}

/// Makes columns of packets as they come, while they are near.
class packet_columns_writer {
 public:
  explicit packet_columns_writer(std::size_t packets) {
    tokens_.reserve(packets / 4);
    later_.bytes.reserve(packets * 32);
  }
  void add(const char* packet) {
    const auto token = full_packet::token(packet);
    const auto at = count_++ % most_rows;
    token_column_[at / lanes][at % lanes] = full_packet::folded(token - walk_.expected());
    if (at + 1 == most_rows) append_tokens(most_rows);
    const auto number = walk_.next(token);
    if (number == latest_.size()) {
      latest_.push_back(packet);
      first_.packets[first_.rows++] = packet;
      if (first_.rows == most_rows) append_first();
    } else {
      later_.packets[later_.rows] = packet;
      before_[later_.rows++] = latest_[number];
      latest_[number] = packet;
      if (later_.rows == most_rows) append_later();
    }
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  std::string finish() {
    if (count_ % most_rows != 0) append_tokens(count_ % most_rows);
    if (first_.rows != 0) append_first();
    if (later_.rows != 0) append_later();
    return std::move(tokens_) + first_.bytes + later_.bytes;
  }

 private:
  struct chunk {
    std::string bytes;
    std::array<const char*, most_rows> packets;
    std::size_t rows = 0;
  };
  void append_tokens(std::size_t n) {
    std::array<char, most_bytes> bits;
    forget_behind(token_column_.data(), n);
    tokens_.append(bits.data(), put(bits.data(), token_column_.data(), n));
  }
  void append_first() {
    redis::append_first(first_.bytes, *columns_, first_.packets.data(), first_.rows, time_);
    first_.rows = 0;
  }
  void append_later() {
    redis::append_later(later_.bytes, *columns_, later_.packets.data(), before_.data(),
                        later_.rows);
    later_.rows = 0;
  }

  token_walk walk_;
  std::size_t count_ = 0;
  std::string tokens_;
  std::array<lane8, most_lanes> token_column_;
  chunk first_;
  chunk later_;
  std::array<const char*, most_rows> before_;
  std::vector<const char*> latest_;  ///< of each instrument
  std::uint32_t time_ = 0;           ///< exchange time of the latest first packet
  std::unique_ptr<packet_columns> columns_ = std::make_unique_for_overwrite<packet_columns>();
};

/// Records without their full packets, which are given to `packet`.
template <class Packet>
std::optional<std::string> take_apart(std::string_view records, Packet&& packet) {
  std::string rest;
  const auto size = static_cast<std::uint32_t>(records.size());
  rest.append(reinterpret_cast<const char*>(&size), sizeof size);
  times t;
  while (!records.empty()) {
    if (records.size() < record::header_size) return std::nullopt;
    record::header h;
    std::memcpy(&h, records.data(), record::header_size);
    records.remove_prefix(record::header_size);
    const auto kind = static_cast<std::uint8_t>(h.kind);
    if (h.size > records.size() || (kind & only_full) != 0) return std::nullopt;
    const auto body = records.substr(0, h.size);
    records.remove_prefix(h.size);
    const bool is_frame = h.kind == record::kind::kite_frame;
    const bool is_full = is_frame && has_only_full(body);
    t.shorten(h);
    if (is_full) h.kind = static_cast<record::kind>(kind | only_full);
    rest.append(reinterpret_cast<const char*>(&h), record::header_size);
    const char* p = body.data();
    if (is_full) {
      for (p += 2 * length_size; p < body.data() + body.size(); p += packet_step) packet(p);
    } else if (is_frame) {
      walk_frame(
          body.size(),
          [&](std::size_t n) {
            rest.append(p, n);
            p += n;
            return p - n;
          },
          [&] {
            packet(p);
            p += full_packet::size;
          });
    } else {
      rest.append(body);
    }
  }
  return rest;
}

/// Records with room for their full packets.
struct put_together {
  std::string records;
  std::vector<char*> packets;
};

/// Nothing unless `rest` makes records of at most `most` bytes.
std::optional<put_together> put_rest(std::string_view rest, std::size_t most) {
  std::uint32_t size = 0;
  if (rest.size() < front) return std::nullopt;
  std::memcpy(&size, rest.data(), sizeof size);
  rest.remove_prefix(front);
  if (size > most) return std::nullopt;
  put_together out;
  out.records.resize(size);
  out.packets.reserve(size / packet_step);
  char* to = out.records.data();
  const char* const end = to + size;
  const auto copy = [&](std::size_t n) -> const char* {
    if (n > rest.size() || n > static_cast<std::size_t>(end - to)) return nullptr;
    if (n != 0) std::memcpy(to, rest.data(), n);
    rest.remove_prefix(n);
    to += n;
    return to - n;
  };
  times t;
  while (!rest.empty()) {
    const char* const head = copy(record::header_size);
    if (head == nullptr) return std::nullopt;
    record::header h;
    std::memcpy(&h, head, record::header_size);
    t.restore(h);
    const auto kind = static_cast<std::uint8_t>(h.kind);
    h.kind = static_cast<record::kind>(kind & ~only_full);
    std::memcpy(to - record::header_size, &h, record::header_size);
    if (h.size > static_cast<std::size_t>(end - to)) return std::nullopt;
    if ((kind & only_full) != 0) {
      const auto n = h.size / packet_step;
      if (h.size % packet_step != length_size) return std::nullopt;
      put16(to, n);
      to += length_size;
      for (std::size_t i = 0; i < n; ++i, to += packet_step) {
        put16(to, full_packet::size);
        out.packets.push_back(to + length_size);
      }
    } else if (h.kind == record::kind::kite_frame) {
      if (!walk_frame(h.size, copy, [&] {
            out.packets.push_back(to);
            to += full_packet::size;
          })) {
        return std::nullopt;
      }
    } else if (copy(h.size) == nullptr) {
      return std::nullopt;
    }
  }
  if (to != end) return std::nullopt;
  return out;
}

tl::unexpected<error> corrupt() {
  return fail(errc::corrupt, "its columns do not make records");
}

}  // namespace

std::optional<columns> to_columns(std::string_view records) {
  if (records.size() > static_cast<std::uint32_t>(-1)) return std::nullopt;
  packet_columns_writer packets(records.size() / packet_step);
  auto rest = take_apart(records, [&](const char* packet) { packets.add(packet); });
  if (!rest || packets.count() < fewest_packets) return std::nullopt;
  return columns{std::move(*rest), packets.finish()};
}

result<std::string> from_columns(std::string_view rest, std::string_view packets,
                                 std::size_t most) {
  auto out = put_rest(rest, most);
  if (!out) return corrupt();
  const auto n = out->packets.size();
  token_walk walk;
  rows r;
  r.reserve(n);
  std::array<lane8, most_lanes> tokens;
  for (std::size_t begin = 0; begin < n; begin += most_rows) {
    const auto some = std::min(most_rows, n - begin);
    if (!get(packets, tokens.data(), some)) return corrupt();
    for (std::size_t i = 0; i < some; ++i) {
      const auto token =
          full_packet::unfolded(std::uint32_t{tokens[i / lanes][i % lanes]}) + walk.expected();
      char* const packet = out->packets[begin + i];
      const auto big_endian = __builtin_bswap32(token);
      std::memcpy(packet, &big_endian, sizeof big_endian);
      r.add(walk.next(token), packet);
    }
  }
  if (!take_packets(packets, r) || !packets.empty()) return corrupt();
  return std::move(out->records);
}

}  // namespace artham::bridge::redis
