#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace artham::web::testing {

/// A TCP client that can misbehave. Reads give up after five seconds.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer != 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// What is sent goes out at once, however little.
  void no_delay() {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Up to `size` bytes; less at end of file, an error or a timeout.
  std::string receive(std::size_t size) {
    while (buffer_.size() < size && more()) {
    }
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  std::string receive_until(std::string_view end) {
    std::size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos)
      if (!more()) return std::exchange(buffer_, {});
    std::string out = buffer_.substr(0, at + end.size());
    buffer_.erase(0, at + end.size());
    return out;
  }
  /// All until the server closes; `closed` tells whether it did within the limit.
  std::string receive_all() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }
  /// True when the server ended the connection (in order or by reset) within the limit.
  [[nodiscard]] bool ended() {
    while (more()) {
    }
    return ended_;
  }

  /// Status line and fields, and the body by Content-Length.
  struct answer {
    int status = 0;
    std::string head;
    std::string body;
    [[nodiscard]] std::string field(std::string_view name) const {
      const auto at = head.find("\r\n" + std::string(name) + ": ");
      if (at == std::string::npos) return "";
      const auto from = at + 4 + name.size();
      return head.substr(from, head.find("\r\n", from) - from);
    }
  };
  answer receive_answer(bool has_body = true) {
    answer a;
    a.head = receive_until("\r\n\r\n");
    if (a.head.size() > 12) a.status = std::atoi(a.head.c_str() + 9);
    const std::string length = a.field("Content-Length");
    if (has_body && !length.empty()) a.body = receive(std::stoul(length));
    return a;
  }
  answer get(std::string_view target, std::string_view fields = "") {
    send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
         "\r\n");
    return receive_answer();
  }

 private:
  bool more() {
    char bytes[16384];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(n));
      return true;
    }
    ended_ = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return false;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

/// An answer in chunks; `whole` when the last one came. `body` has what came.
struct chunked_answer : raw_client::answer {
  bool whole = false;
};
/// `read` was read of it before.
inline chunked_answer receive_chunked(raw_client& c, std::string read = {}) {
  const auto until = [&](std::string_view end) {
    auto at = read.find(end);
    if (at == std::string::npos) {
      // An end may be half read.
      read += c.receive_until(end.substr(end.size() - 1));
      while ((at = read.find(end)) == std::string::npos) {
        const auto more = c.receive_until(end.substr(end.size() - 1));
        if (more.empty()) return std::exchange(read, {});
        read += more;
      }
    }
    auto out = read.substr(0, at + end.size());
    read.erase(0, at + end.size());
    return out;
  };
  chunked_answer a;
  a.head = until("\r\n\r\n");
  if (a.head.size() > 12) a.status = std::atoi(a.head.c_str() + 9);
  for (;;) {
    const auto line = until("\r\n");
    char* end = nullptr;
    const auto size = std::strtoul(line.c_str(), &end, 16);
    if (end == line.c_str()) return a;
    if (read.size() < size + 2) read += c.receive(size + 2 - read.size());
    a.body.append(read, 0, std::min<std::size_t>(size, read.size()));
    if (read.size() < size + 2) return a;
    read.erase(0, size + 2);
    if (size == 0) {
      a.whole = true;
      return a;
    }
  }
}

/// A client's WebSocket frame, masked, with any first byte and any claimed length.
inline std::string client_frame(std::uint8_t first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  const std::size_t n = payload.size();
  if (n < 126) {
    out += static_cast<char>(0x80 | n);
  } else if (n < 65536) {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(n >> 8);
    out += static_cast<char>(n & 0xff);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      out += static_cast<char>(static_cast<std::uint64_t>(n) >> shift & 0xff);
  }
  const char mask[] = {'\x12', '\x34', '\x56', '\x78'};
  out.append(mask, 4);
  for (std::size_t i = 0; i < n; ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

inline std::string upgrade_request(std::string_view fields = "") {
  return "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
         "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(fields) + "\r\n";
}

/// A server's frame as it came: opcode and payload; opcode 0xff at the end of the stream.
struct server_frame {
  std::uint8_t opcode = 0xff;
  std::string payload;
  [[nodiscard]] int close_code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
  }
};
inline server_frame receive_frame(raw_client& c) {
  const std::string head = c.receive(2);
  if (head.size() < 2) return {};
  std::uint64_t size = static_cast<std::uint8_t>(head[1]);
  if (size >= 126) {
    const std::string length = c.receive(size == 126 ? 2 : 8);
    size = 0;
    for (const char b : length) size = size << 8 | static_cast<std::uint8_t>(b);
  }
  return {static_cast<std::uint8_t>(head[0] & 0x0f), c.receive(size)};
}

}  // namespace artham::web::testing
