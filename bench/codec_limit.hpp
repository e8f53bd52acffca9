#pragma once

#include <cstddef>
#include <cstdint>

/// The least that a program can do with full packets on this machine: raw integers, depth included,
/// into a plain struct of the packet's own size. Built with -O3 -march=native, and the denominator
/// of codec_bench's ratios.
namespace artham::bench {

struct raw_level {
  std::int32_t quantity, price, orders;
};
struct raw_full {
  std::int32_t head[16];
  raw_level depth[10];
};
static_assert(sizeof(raw_full) == 184);

/// Decodes the full packets of one frame one integer at a time; returns how many.
std::size_t limit_scalar(const unsigned char* frame, std::size_t size, raw_full* out);

}  // namespace artham::bench
