#include "feed/recording/line_reader.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace artham::feed::recording {

namespace {

constexpr std::size_t chunk = 256 * 1024;

}  // namespace

line_reader::line_reader(std::string path, std::FILE* file, std::size_t longest_line)
    : path_(std::move(path)), file_(file), longest_line_(longest_line) {}

result<line_reader> line_reader::open(const std::string& path, std::size_t longest_line) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    const int why = errno;
    return fail(why == ENOENT || why == ENOTDIR ? errc::not_found : errc::io,
                "cannot open " + path + ": " + std::strerror(why));
  }
  std::setvbuf(file, nullptr, _IONBF, 0);
  return line_reader(path, file, longest_line);
}

result<bool> line_reader::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + chunk);
  errno = 0;
  const std::size_t got = std::fread(buffer_.data() + kept, 1, chunk, file_.get());
  buffer_.resize(kept + got);
  if (got == 0 && std::ferror(file_.get()) != 0) {
    return fail(errc::io, "cannot read " + path_ + ": " + std::strerror(errno));
  }
  return got != 0;
}

result<std::optional<std::string_view>> line_reader::next() {
  std::size_t searched = 0;  // from begin_
  for (;;) {
    const std::size_t end = buffer_.find('\n', begin_ + searched);
    const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - begin_;
    if (length > longest_line_) {
      return fail(errc::bad_input, path_ + ", line " + std::to_string(line_ + 1) +
                                       ": longer than " + std::to_string(longest_line_) +
                                       " bytes; is this a recording?");
    }
    bool complete = end != std::string::npos;
    if (!complete) {
      searched = length;
      auto more = fill();
      if (!more) {
        return tl::unexpected(std::move(more.error()));
      }
      if (*more) {
        continue;
      }
      if (length == 0) {
        return std::nullopt;
      }
    }
    std::string_view text(buffer_.data() + begin_, length);
    begin_ += length + (complete ? 1 : 0);
    ++line_;
    if (!text.empty() && text.back() == '\r') {
      text.remove_suffix(1);
    }
    return text;
  }
}

}  // namespace artham::feed::recording
