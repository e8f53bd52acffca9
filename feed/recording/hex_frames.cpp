#include "feed/recording/hex_frames.hpp"

#include "feed/kite/codec.hpp"

namespace artham::feed::recording {

namespace {

/// The longest frame that makes sense: as many full packets as a frame can count, two digits a
/// byte.
constexpr std::size_t longest_line = 2 * (2 + kite::max_packets * (2 + kite::full_size)) + 1;

int digit_of(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

}  // namespace

result<hex_reader> hex_reader::open(const std::string& path) {
  auto lines = line_reader::open(path, longest_line);
  if (!lines) {
    return tl::unexpected(std::move(lines.error()));
  }
  return hex_reader(std::move(*lines));
}

result<std::optional<hex_frame>> hex_reader::next() {
  std::string_view text;
  do {
    auto line = lines_.next();
    if (!line) {
      return tl::unexpected(std::move(line.error()));
    }
    if (!*line) {
      return std::nullopt;
    }
    text = **line;
  } while (text.empty());

  const auto refuse = [this](const std::string& why) {
    return fail(errc::bad_input, path() + ", line " + std::to_string(lines_.line()) + ": " + why +
                                     "; a .hex recording has one frame a line, in hexadecimal");
  };
  if (text.size() % 2 != 0) {
    return refuse("an odd number of hexadecimal digits");
  }
  hex_frame out;
  out.line = lines_.line();
  out.bytes.resize(text.size() / 2);
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return refuse("no hexadecimal digit at column " + std::to_string(2 * i + (high < 0 ? 1 : 2)));
    }
    out.bytes[i] = static_cast<char>(high << 4 | low);
  }
  out.exchange_time = kite::newest_exchange_time(out.bytes);
  return out;
}

void append_hex_line(std::string& out, std::string_view frame) {
  constexpr const char* digits = "0123456789abcdef";
  for (const char c : frame) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 0xf];
  }
  out += '\n';
}

}  // namespace artham::feed::recording
