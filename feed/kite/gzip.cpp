#include "feed/kite/gzip.hpp"

#include <algorithm>
#include <array>

#include <zlib.h>

namespace artham::feed::kite {
namespace {

constexpr int gzip_or_zlib = 15 + 32;

struct inflater {
  z_stream stream{};
  bool ready = inflateInit2(&stream, gzip_or_zlib) == Z_OK;
  inflater() = default;
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater() {
    if (ready) inflateEnd(&stream);
  }
};

}  // namespace

result<std::string> gunzip(std::string_view packed, std::size_t max_size) {
  inflater z;
  if (!z.ready) return fail(errc::io, "zlib cannot be set up");
  std::string out;
  std::array<char, 64 * 1024> piece;
  int status = Z_OK;
  while (status == Z_OK) {
    if (z.stream.avail_in == 0) {
      if (packed.empty()) return fail(errc::corrupt, "the gzip data breaks off");
      const auto n = std::min<std::size_t>(packed.size(), 1 << 20);
      // zlib's interface predates const.
      z.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
      z.stream.avail_in = static_cast<uInt>(n);
      packed.remove_prefix(n);
    }
    z.stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.stream.avail_out = piece.size();
    status = inflate(&z.stream, Z_NO_FLUSH);
    const auto n = piece.size() - z.stream.avail_out;
    if (n > max_size - out.size()) {
      return fail(errc::refused,
                  "the gzip data unpacks to more than " + std::to_string(max_size) + " bytes");
    }
    out.append(piece.data(), n);
    const bool more = z.stream.avail_in != 0 || !packed.empty();
    if (status == Z_BUF_ERROR) status = Z_OK;
    if (status == Z_STREAM_END && more && inflateReset(&z.stream) == Z_OK) status = Z_OK;
  }
  if (status != Z_STREAM_END) return fail(errc::corrupt, "the gzip data is damaged");
  return out;
}

}  // namespace artham::feed::kite
