#include "bridge/local/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "runtime/failpoint.hpp"

namespace artham::bridge::local {

file::file(file&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

file& file::operator=(file&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file::~file() {
  if (fd_ >= 0) ::close(fd_);
}

ssize_t disk::write(int fd, const iovec* parts, int n, off_t offset) {
  return ::pwritev(fd, parts, n, offset);
}
int disk::sync(int fd) {
  return ::fdatasync(fd);
}

int disk::allocate(int fd, off_t from, off_t end) {
  return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, from, end - from);
}

error system_error(std::string_view what, const std::filesystem::path& path, int number) {
  std::string message = std::string(what) + ' ' + path.string() + ": " + std::strerror(number);
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {errc::full,
              message + " (free some space, or raise the limit; writing goes on by itself)"};
    case ENOENT:
      return {errc::not_found, message};
    case EACCES:
    case EPERM:
    case EROFS:
      return {errc::refused,
              message + " (make it writable for this user, or name another data directory)"};
    default:
      return {errc::io, message};
  }
}

result<file> open_file(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return tl::unexpected(system_error("open", path, errno));
  return file(fd);
}

result<std::uint64_t> size_of(const file& f, const std::filesystem::path& path) {
  struct stat s {};
  if (::fstat(f.fd(), &s) != 0) return tl::unexpected(system_error("stat", path, errno));
  return static_cast<std::uint64_t>(s.st_size);
}

result<std::size_t> read_at(const file& f, std::uint64_t offset, std::span<char> into,
                            const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto n =
        ::pread(f.fd(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return tl::unexpected(system_error("read", path, errno));
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

result<void> sync_directory(const std::filesystem::path& dir) {
  auto f = open_file(dir, O_RDONLY | O_DIRECTORY);
  if (!f) return tl::unexpected(f.error());
  if (::fsync(f->fd()) != 0) return tl::unexpected(system_error("sync", dir, errno));
  return {};
}

result<std::string> read_file(const std::filesystem::path& path) {
  auto f = open_file(path, O_RDONLY);
  if (!f) return tl::unexpected(f.error());
  auto size = size_of(*f, path);
  if (!size) return tl::unexpected(size.error());
  std::string content(*size, '\0');
  auto n = read_at(*f, 0, content, path);
  if (!n) return tl::unexpected(n.error());
  content.resize(*n);
  return content;
}

result<void> replace_file(const std::filesystem::path& path, std::string_view content,
                          bool durable) {
  const std::filesystem::path beside = path.string() + ".tmp";
  {
    auto f = open_file(beside, O_WRONLY | O_CREAT | O_TRUNC);
    if (!f) return tl::unexpected(f.error());
    runtime::failpoint("file.half", [&] {
      [[maybe_unused]] const auto n = ::pwrite(f->fd(), content.data(), content.size() / 2, 0);
    });
    while (!content.empty()) {
      const auto n = ::write(f->fd(), content.data(), content.size());
      if (n < 0) {
        if (errno == EINTR) continue;
        return tl::unexpected(system_error("write", beside, errno));
      }
      content.remove_prefix(static_cast<std::size_t>(n));
    }
    runtime::failpoint("file.written");
    if (durable && ::fsync(f->fd()) != 0)
      return tl::unexpected(system_error("sync", beside, errno));
  }
  runtime::failpoint("file.synced");
  if (::rename(beside.c_str(), path.c_str()) != 0)
    return tl::unexpected(system_error("rename to", path, errno));
  runtime::failpoint("file.renamed");
  if (durable) return sync_directory(path.parent_path());
  return {};
}

}  // namespace artham::bridge::local
