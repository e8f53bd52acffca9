#include "feed/kite/token_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace artham::feed::kite {
namespace {

using nlohmann::json;

constexpr market::duration death_of_tokens = 6 * market::hour;
constexpr std::size_t max_file = 64 * 1024;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<error> failed(const std::filesystem::path& file, std::string_view doing) {
  return fail(errc::io, "access token file \"" + file.string() + "\": " + std::string(doing) +
                            ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// At most one byte more than `max_file`.
bool read_all(int fd, std::string& out) {
  std::array<char, 4096> piece;
  while (out.size() <= max_file) {
    const auto n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) return true;
    out.append(piece.data(), static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

result<void> write_token_file(const std::filesystem::path& file, const session& s) {
  const std::string text =
      json{{"api_key", s.api_key},
           {"access_token", s.access_token.reveal()},
           {"user_id", s.user_id},
           {"login_time", market::to_rfc3339(s.login_time, market::india_offset)}}
          .dump(2, ' ', false, json::error_handler_t::replace) +
      "\n";
  // mkstemp makes the file 0600.
  std::string temporary = file.string() + ".XXXXXX";
  const descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (fd.get() < 0) return failed(file, "cannot be made");
  const auto give_up = [&](std::string_view doing) {
    auto failure = failed(file, doing);
    ::unlink(temporary.c_str());
    return failure;
  };
  if (!write_all(fd.get(), text) || ::fsync(fd.get()) != 0) return give_up("cannot be written");
  if (::rename(temporary.c_str(), file.c_str()) != 0) return give_up("cannot be replaced");
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
    return failed(file, "its folder cannot be synced");
  }
  return {};
}

result<session> read_token_file(const std::filesystem::path& file) {
  const descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno != ENOENT) return failed(file, "cannot be opened");
    return fail(errc::not_found, "there is no access token file \"" + file.string() +
                                     "\"; `artham kite login` makes it");
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failed(file, "cannot be looked at");
  if (!S_ISREG(info.st_mode)) {
    return fail(errc::bad_input, "access token file \"" + file.string() + "\" is not a file");
  }
  if ((info.st_mode & 077) != 0) {
    return fail(errc::refused, "access token file \"" + file.string() +
                                   "\" is open to others than its owner; chmod 600 " +
                                   file.string());
  }
  std::string text;
  if (!read_all(fd.get(), text)) return failed(file, "cannot be read");
  const auto content = text.size() > max_file ? json() : json::parse(text, nullptr, false);
  const auto field = [&](const char* name) {
    const auto it = content.find(name);
    return it != content.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  session out;
  bool complete = content.is_object();
  if (complete) {
    out = {field("api_key"), secret(field("access_token")), field("user_id"), 0};
    const auto at = market::parse_rfc3339(field("login_time"));
    complete = !out.api_key.empty() && !out.access_token.empty() && at;
    if (at) out.login_time = *at;
  }
  if (!complete) {
    return fail(errc::corrupt, "access token file \"" + file.string() +
                                   "\" is damaged; `artham kite login` makes a new one");
  }
  return out;
}

market::timestamp expires_at(market::timestamp login_time) {
  const auto since_death = login_time + market::india_offset - death_of_tokens;
  const auto days = since_death / market::day - (since_death % market::day < 0 ? 1 : 0);
  return (days + 1) * market::day + death_of_tokens - market::india_offset;
}

result<token_validity> token_state(const std::filesystem::path& file, market::timestamp now) {
  const auto stored = read_token_file(file);
  if (!stored) {
    if (stored.error().code == errc::not_found) return token_validity::missing;
    return tl::unexpected(stored.error());
  }
  return now < expires_at(stored->login_time) ? token_validity::valid
                                              : token_validity::token_expired;
}

}  // namespace artham::feed::kite
