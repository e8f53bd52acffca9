#pragma once

#include <bit>
#include <cstdint>

/// Randomness in integers only: the same numbers on every machine and compiler.
namespace artham::feed::synthetic {

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return mix(mix(a) ^ b);
}

/// A stream of random numbers from a key (splitmix64).
class random {
 public:
  constexpr explicit random(std::uint64_t key) : state_(key) {}
  constexpr std::uint64_t next() {
    const auto value = mix(state_);
    state_ += 0x9e3779b97f4a7c15;
    return value;
  }
  /// 0 to n - 1; n below 2^32.
  constexpr std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>((next() >> 32) * static_cast<std::uint64_t>(n) >> 32);
  }
  /// Exponentially distributed with this mean (below 2^36), rounded down.
  constexpr std::int64_t exponential(std::int64_t mean) {
    return (minus_log(static_cast<std::uint32_t>(next() >> 32)) * mean) >> 16;
  }

 private:
  /// -ln((u + 1) / 2^32) with 16 fraction bits; the binary logarithm bit by bit, by squaring.
  static constexpr std::int64_t minus_log(std::uint32_t u) {
    const auto x = std::uint64_t{u} + 1;
    const auto whole = std::bit_width(x) - 1;
    auto mantissa = whole > 31 ? x >> (whole - 31) : x << (31 - whole);  // [1, 2) with 31 bits
    std::int64_t log2 = whole;
    for (int bit = 0; bit < 16; ++bit) {
      mantissa = (mantissa * mantissa) >> 31;
      const auto carry = mantissa >> 32;
      mantissa >>= carry;
      log2 = log2 * 2 + static_cast<std::int64_t>(carry);
    }
    constexpr std::int64_t ln2 = 45'426;  // 2^16 ln 2
    return ((std::int64_t{32} << 16) - log2) * ln2 >> 16;
  }

  std::uint64_t state_;
};

}  // namespace artham::feed::synthetic
