#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "market/error.hpp"

namespace artham::bridge::local {

/// An open file descriptor, closed with its owner.
class file {
 public:
  file() = default;
  explicit file(int fd) : fd_(fd) {}
  file(file&& other) noexcept;
  file& operator=(file&& other) noexcept;
  ~file();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The calls that put data on the disk, so that a test can make them fail. The default calls the
/// system.
class disk {
 public:
  virtual ~disk() = default;
  /// As pwritev(2): bytes written, or -1 with errno.
  virtual ssize_t write(int fd, const iovec* parts, int n, off_t offset);
  /// As fdatasync(2).
  virtual int sync(int fd);
  /// Sees to it that writing up to `end` needs no more room; the file does not grow. 0, or -1 with
  /// errno.
  virtual int allocate(int fd, off_t from, off_t end);
};

/// "WHAT PATH: REASON (remedy)" by errno: full (no space, quota), not_found, refused (permission),
/// io.
[[nodiscard]] error system_error(std::string_view what, const std::filesystem::path& path,
                                 int number);

/// open(2) with O_CLOEXEC, and mode 0640 for new files.
[[nodiscard]] result<file> open_file(const std::filesystem::path& path, int flags);
[[nodiscard]] result<std::uint64_t> size_of(const file& f, const std::filesystem::path& path);
/// Reads until `into` is full or the file ends; the number of bytes read.
[[nodiscard]] result<std::size_t> read_at(const file& f, std::uint64_t offset, std::span<char> into,
                                          const std::filesystem::path& path);
/// Makes a new or removed name in `dir` durable.
[[nodiscard]] result<void> sync_directory(const std::filesystem::path& dir);
/// The whole file; empty optional behaviour is errc::not_found.
[[nodiscard]] result<std::string> read_file(const std::filesystem::path& path);
/// Writes beside `path`, syncs when `durable`, renames over it.
[[nodiscard]] result<void> replace_file(const std::filesystem::path& path, std::string_view content,
                                        bool durable);

}  // namespace artham::bridge::local
