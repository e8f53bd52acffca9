#include "bench/frame_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "feed/kite/codec.hpp"

namespace artham::bench {

namespace {

constexpr int opcode_binary = 2;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  return a;
}

void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool write_all(int fd, const char* bytes, std::size_t size) {
  while (size != 0) {
    const auto n = send(fd, bytes, size, MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

frame_relay::frame_relay(std::uint16_t exchange_port, std::set<std::uint32_t> watched)
    : exchange_port_(exchange_port),
      watched_(std::move(watched)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* const a = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, a, size) != 0 || listen(listener_, 1) != 0 ||
      getsockname(listener_, a, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

frame_relay::~frame_relay() {
  stop_ = true;
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

void frame_relay::run() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(exchange_port_);
  if (connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  no_delay(client);
  no_delay(server);
  std::string buffer(1U << 20U, '\0');
  while (!stop_) {
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(both, 2, 100) < 0) break;
    if (both[0].revents != 0) {
      const auto n = recv(client, buffer.data(), buffer.size(), 0);
      if (n <= 0 || !write_all(server, buffer.data(), static_cast<std::size_t>(n))) break;
    }
    if (both[1].revents != 0) {
      const auto n = recv(server, buffer.data(), buffer.size(), 0);
      if (n <= 0) break;
      read_frames(buffer.data(), static_cast<std::size_t>(n));
      if (!write_all(client, buffer.data(), static_cast<std::size_t>(n))) break;
    }
  }
  close(client);
  close(server);
}

/// A server's frames are not masked (RFC 6455, 5.2), and this exchange never fragments.
void frame_relay::read_frames(const char* bytes, std::size_t size) {
  pending_.append(bytes, size);
  std::size_t at = 0;
  if (!upgraded_) {
    const auto end = pending_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    upgraded_ = true;
    at = end + 4;
  }
  for (;;) {
    const std::string_view rest = std::string_view(pending_).substr(at);
    if (rest.size() < 2) break;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    std::size_t header = 2;
    std::uint64_t length = byte(1) & 0x7FU;
    if (length >= 126) {
      const std::size_t more = length == 126 ? 2 : 8;
      if (rest.size() < 2 + more) break;
      length = 0;
      for (std::size_t i = 0; i < more; ++i) length = length << 8U | byte(2 + i);
      header += more;
    }
    if (rest.size() < header + length) break;
    if ((byte(0) & 0x0FU) == opcode_binary) note(rest.substr(header, length));
    at += header + length;
  }
  pending_.erase(0, at);
}

void frame_relay::note(std::string_view frame) {
  const auto now = steady::now();
  feed::kite::for_each_packet(frame, [&](std::string_view packet) {
    const auto tick = feed::kite::decode_packet(packet);
    if (!tick) return;
    ++ticks_;
    if (!watched_.contains(tick->token)) return;
    const auto minute = tick->exchange_time / market::minute * 60;
    const std::lock_guard lock(mutex_);
    sent_[{tick->token, minute}].push_back(now);
  });
}

std::optional<steady::time_point> frame_relay::sent(std::uint32_t token, std::int64_t minute,
                                                    std::size_t n) const {
  const std::lock_guard lock(mutex_);
  const auto it = sent_.find({token, minute});
  if (it == sent_.end() || n == 0 || n > it->second.size()) return std::nullopt;
  return it->second[n - 1];
}

}  // namespace artham::bench
