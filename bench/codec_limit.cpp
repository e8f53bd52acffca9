#include "bench/codec_limit.hpp"

#include <string.h>

// Nothing of the standard library here: an inline function compiled with -march=native must not
// become the copy that the linker keeps for everybody.
namespace artham::bench {

namespace {

inline std::uint32_t be32(const unsigned char* p) {
  std::uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}

inline std::uint16_t be16(const unsigned char* p) {
  std::uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}

}  // namespace

std::size_t limit_scalar(const unsigned char* frame, std::size_t size, raw_full* out) {
  const unsigned char* p = frame + 2;
  const unsigned char* const end = frame + size;
  std::size_t done = 0;
  for (int n = be16(frame); n > 0 && p + 2 <= end; --n) {
    const unsigned length = be16(p);
    p += 2;
    if (p + length > end) {
      break;
    }
    if (length == 184) {
      raw_full& o = out[done++];
      for (int k = 0; k < 16; ++k) {
        o.head[k] = static_cast<std::int32_t>(be32(p + 4 * k));
      }
      for (int k = 0; k < 10; ++k) {
        const unsigned char* d = p + 64 + 12 * k;
        o.depth[k] = {static_cast<std::int32_t>(be32(d)), static_cast<std::int32_t>(be32(d + 4)),
                      be16(d + 8)};
      }
    }
    p += length;
  }
  return done;
}

}  // namespace artham::bench
