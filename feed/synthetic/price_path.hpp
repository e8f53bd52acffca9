#pragma once

#include <array>
#include <cstdint>

#include "feed/synthetic/random.hpp"

namespace artham::feed::synthetic {

/// A wandering value as a pure function of time, so that any second can be asked for without the
/// seconds before it: noise of eleven octaves, each a straight line between random points 4^k
/// seconds apart, with an amplitude of 40 ppm * 2^k. That grows with the square root of time, like
/// a random walk: about 0.8 % over a trading day, never more than 16.4 %.
class price_path {
 public:
  explicit price_path(std::uint64_t key) : key_(key) {}

  /// Parts per million at this second (of Unix time).
  [[nodiscard]] std::int64_t at(std::int64_t second) const {
    std::int64_t sum = 0;
    for (int k = 1; k <= octaves; ++k) {
      const int bits = 2 * k;
      auto& line = lines_[static_cast<std::size_t>(k - 1)];
      const auto cell = second >> bits;
      if (line.cell != cell) {
        line = {cell, point(k, cell), point(k, cell + 1)};
      }
      const auto into = second - (cell << bits);
      sum += line.from + (((line.to - line.from) * into) >> bits);
    }
    return sum;
  }

 private:
  static constexpr int octaves = 11;
  struct segment {
    std::int64_t cell = INT64_MIN;
    std::int64_t from = 0;
    std::int64_t to = 0;
  };

  [[nodiscard]] std::int64_t point(int octave, std::int64_t cell) const {
    const std::int64_t amplitude = 40LL << octave;
    const auto h = mix(key_ + static_cast<std::uint64_t>(octave), static_cast<std::uint64_t>(cell));
    return static_cast<std::int64_t>((h >> 32) * static_cast<std::uint64_t>(2 * amplitude + 1) >>
                                     32) -
           amplitude;
  }

  std::uint64_t key_;
  mutable std::array<segment, octaves>
      lines_{};  ///< the present cell of each octave, as a memory only
};

}  // namespace artham::feed::synthetic
