#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace artham::test {

/// A server of others that webhooks are sent to.
class hook_receiver {
 public:
  struct post {
    std::string head;
    std::string body;

    /// Of a header.
    [[nodiscard]] std::string field(const std::string& name) const {
      const auto at = head.find("\r\n" + name + ": ");
      if (at == std::string::npos) return "";
      const auto from = at + 4 + name.size();
      return head.substr(from, head.find("\r\n", from) - from);
    }
  };
  static constexpr int hang = 0;  ///< takes the request and never answers
  static constexpr int hang_up = -1;

  /// `answer` says with what status: called for each request, from a thread of its own.
  explicit hook_receiver(std::function<int(const post&)> answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&here), sizeof here);
    ::listen(listener_, 64);
    socklen_t size = sizeof here;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size);
    port_ = ntohs(here.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~hook_receiver() {
    stopping_ = true;
    thread_.join();
    for (auto& t : handlers_) t.join();
    ::close(listener_);
  }
  hook_receiver(const hook_receiver&) = delete;
  hook_receiver& operator=(const hook_receiver&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  /// All that came, in order, with what they were answered.
  [[nodiscard]] std::vector<std::pair<post, int>> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] int most_at_a_time() const { return most_; }

 private:
  void accept_all() {
    while (!stopping_) {
      pollfd p{listener_, POLLIN, 0};
      if (::poll(&p, 1, 20) <= 0) continue;
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) handlers_.emplace_back([this, fd] { handle(fd); });
    }
  }
  void handle(int fd) {
    const int now = ++open_;
    for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
    }
    std::string bytes;
    post got;
    std::size_t wanted = 0;
    while (!stopping_) {
      const auto end = bytes.find("\r\n\r\n");
      if (end != std::string::npos && got.head.empty()) {
        got.head = bytes.substr(0, end + 2);
        wanted = end + 4 + std::stoul(got.field("Content-Length"));
      }
      if (wanted != 0 && bytes.size() >= wanted) break;
      pollfd p{fd, POLLIN, 0};
      if (::poll(&p, 1, 20) <= 0) continue;
      char chunk[4096];
      const auto n = ::recv(fd, chunk, sizeof chunk, 0);
      if (n <= 0) break;
      bytes.append(chunk, static_cast<std::size_t>(n));
    }
    if (wanted != 0 && bytes.size() >= wanted) {
      got.body = bytes.substr(wanted - (wanted - bytes.find("\r\n\r\n") - 4));
      const int status = answer_(got);
      {
        const std::lock_guard lock(mutex_);
        all_.emplace_back(got, status);
      }
      if (status > 0) {
        const auto text = "HTTP/1.1 " + std::to_string(status) +
                          " X\r\nLocation: " + url("/elsewhere") +
                          "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL));
      }
      if (status == hang) {
        char byte = 0;
        pollfd p{fd, POLLIN, 0};
        while (!stopping_ && !(::poll(&p, 1, 20) > 0 && ::recv(fd, &byte, 1, 0) <= 0)) {
        }
      }
    }
    ::close(fd);
    --open_;
  }

  std::function<int(const post&)> answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> open_{0};
  std::atomic<int> most_{0};
  std::thread thread_;
  std::vector<std::thread> handlers_;
  mutable std::mutex mutex_;
  std::vector<std::pair<post, int>> all_;
};

}  // namespace artham::test
