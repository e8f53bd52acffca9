#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bridge/common/block_maker.hpp"
#include "bridge/common/shard_split.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_cutter.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/bridge/support.hpp"

namespace artham::test {

/// Random records of md:ticks: frames of all lengths of packets, known or not, broken off or with
/// bytes behind; packed ticks; marks.
class random_ticks {
 public:
  explicit random_ticks(std::uint32_t seed, std::uint32_t tokens = 40)
      : random_(seed), tokens_(tokens) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
  std::mt19937& engine() { return random_; }

  std::uint32_t token() { return static_cast<std::uint32_t>(1 + below(tokens_)) << 8U; }

  /// A frame with `packets` whole packets.
  std::string frame(std::size_t packets) {
    feed::kite::frame_builder f;
    for (std::size_t i = 0; i < packets; ++i) {
      constexpr std::size_t lengths[] = {8, 28, 32, 44, 184, 44, 184, 8, 0, 5, 200};
      std::string packet(lengths[below(std::size(lengths))], '\0');
      for (auto& c : packet) c = static_cast<char>(below(256));
      const auto t = token();
      for (std::size_t k = 0; k < 4 && k < packet.size(); ++k) {
        packet[k] = static_cast<char>(t >> (24 - 8 * k));
      }
      static_cast<void>(f.add_packet(packet));
    }
    auto bytes = f.finish();
    switch (below(8)) {
      case 0:  // bytes behind the last packet
        bytes.append(1 + below(9), 'x');
        break;
      case 1: {  // broken off: two more were promised
        bytes[1] = static_cast<char>(bytes[1] + 2);
        bytes += std::string("\0\7abc", 5);
        break;
      }
      default:
        break;
    }
    return bytes;
  }

  /// The next block, in `epoch`, right behind the one before.
  record::block_ptr block(std::uint32_t epoch) {
    bridge::block_maker b({epoch, next_});
    for (auto n = 1 + below(6); n != 0; --n) {
      time_ += static_cast<market::timestamp>(below(3)) * market::millisecond;
      switch (below(6)) {
        case 0: {
          market::mark m;
          m.kind = market::mark_kind::clock;
          m.position = b.next();
          m.time = time_;
          m.wall = time_ + 1;
          b.add_mark(record::with_times(record::kind::mark, 1, m.time, m.wall), record::encode(m),
                     m);
          break;
        }
        case 1: {
          std::vector<market::bar_input> ticks(1 + below(5));
          for (auto& t : ticks) {
            t.token = token();
            t.time = time_;
            t.last.units = static_cast<std::int64_t>(below(1000));
          }
          std::string body;
          record::encode(body, ticks);
          b.add(times(record::kind::packed_ticks, ticks.size()), body);
          break;
        }
        default: {
          const auto packets = 1 + below(8);
          b.add(times(record::kind::kite_frame, packets), frame(packets));
        }
      }
    }
    next_ = b.next().seq;
    return b.finish();
  }

  [[nodiscard]] std::uint64_t next() const { return next_; }
  void go_to(std::uint64_t seq) { next_ = seq; }
  /// Leaves places for others.
  void skip(std::uint64_t n) { next_ += n; }

 private:
  [[nodiscard]] record::header times(record::kind k, std::size_t count) const {
    return record::with_times(k, static_cast<std::uint16_t>(count), time_, time_ + 7);
  }

  std::mt19937 random_;
  std::uint32_t tokens_;
  std::uint64_t next_ = 1;
  market::timestamp time_ = open_time;
};

inline bridge::sharding sharding_of(std::uint32_t shards) {
  return {shards, [shards](std::uint32_t token) { return (token >> 8U) % shards; },
          feed::kite::frame_cutter()};
}

/// Everything of the records and their places, but not how they lie in blocks.
inline std::string bytes_of(const std::vector<record::block_ptr>& blocks) {
  std::string all;
  for (const auto& b : blocks) {
    record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
      all.append(reinterpret_cast<const char*>(&b->epoch), sizeof b->epoch);
      all.append(reinterpret_cast<const char*>(&seq), sizeof seq);
      record::append(all, h, body);
    });
  }
  return all;
}

inline std::vector<market::mark> marks_of(const std::vector<record::block_ptr>& blocks) {
  std::vector<market::mark> all;
  for (const auto& b : blocks) all.insert(all.end(), b->marks.begin(), b->marks.end());
  return all;
}

/// A shard's entry: stands for [from, its last].
struct shard_entry {
  record::block_ptr block;
  record::position from;
};

}  // namespace artham::test
