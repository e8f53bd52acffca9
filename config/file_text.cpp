#include "config/file_text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace artham::config {

result<std::string> read_text(const std::filesystem::path& path) {
  const auto refuse = [&](int reason) {
    return fail(reason == ENOENT ? errc::not_found : errc::io,
                path.string() + " cannot be read: " + std::strerror(reason));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return refuse(errno);
  std::string text;
  std::array<char, 16384> piece;
  while (const auto got = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece.data(), got);
  }
  if (std::ferror(file.get()) != 0) return refuse(errno);
  return text;
}

}  // namespace artham::config
