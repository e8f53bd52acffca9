// Fan-out load: N subscribers and one publisher, all over loopback.
//   fanout_load PORT PUBLISHER_PORT N thr|lat SECONDS|MESSAGES_PER_SECOND SERVER_PID artham|plain
// thr: the publisher keeps max(4, 20000 / N) messages in flight (one is done when every subscriber
//      has it), for five stretches of SECONDS; lat: a fixed rate for 5 s, latency of every delivery.
// A published message is 19 digits of CLOCK_MONOTONIC in ns and filler up to 200 bytes; a delivery
// begins with those digits (plain), or has them behind "volume": (artham).

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::int64_t monotonic() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}
double now() {
  return static_cast<double>(monotonic()) * 1e-9;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "fanout_load: %s\n", why.c_str());
  std::exit(1);
}

/// CPU seconds that a process has used.
double cpu_of(int pid) {
  FILE* const f = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (f == nullptr) return 0;
  std::array<char, 1024> text{};
  const auto size = std::fread(text.data(), 1, text.size() - 1, f);
  std::fclose(f);
  const char* const end = std::strrchr(text.data(), ')');
  unsigned long user = 0;
  unsigned long kernel = 0;
  if (size == 0 || end == nullptr ||
      std::sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) !=
          2)
    return 0;
  return static_cast<double>(user + kernel) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct options {
  std::uint16_t port = 0;
  std::uint16_t publisher = 0;
  int clients = 0;
  bool latency = false;
  double value = 0;
  int pid = 0;
  bool artham = false;
};

class load {
 public:
  explicit load(const options& o) : options_(o), epoll_(epoll_create1(0)) {
    for (int i = 0; i < o.clients; ++i) {
      auto c = std::make_unique<connection>();
      c->fd = dial(o.port, o.artham ? "/v1/stream" : "/sub");
      if (o.artham) {
        const auto sub =
            masked(R"({"id":1,"op":"sub","keys":["bar:NSE:INFY:1m"],"policy":"all"})");
        if (write(c->fd, sub.data(), sub.size()) < 0) give_up("cannot subscribe");
      }
      add(c->fd, c.get());
      all_.push_back(std::move(c));
      pump(0);
    }
    publisher_ = dial(o.publisher, "/pub");
    add(publisher_, nullptr);
    const auto settled = now() + 0.5 + o.clients * 0.0005;
    while (now() < settled) pump(20);
    total_ = 0;
  }

  void saturate() {
    const auto in_flight = static_cast<std::uint64_t>(std::max(4, 20'000 / options_.clients));
    const auto clients = static_cast<std::uint64_t>(options_.clients);
    std::uint64_t sent = 0;
    const auto drive = [&](double seconds) {
      const auto begin = now();
      while (now() - begin < seconds) {
        while (out_.size() < (1U << 16U) && sent * clients < total_ + in_flight * clients) {
          publish();
          ++sent;
        }
        flush();
        pump(out_.empty() ? 100 : 0);
      }
      return now() - begin;
    };
    drive(0.5);
    std::vector<double> rates;
    std::vector<double> costs;
    for (int i = 0; i < 5; ++i) {
      const auto before = total_;
      const auto cpu = cpu_of(options_.pid);
      const auto seconds = drive(options_.value);
      const auto n = static_cast<double>(total_ - before);
      rates.push_back(n / seconds);
      costs.push_back((cpu_of(options_.pid) - cpu) / n * 1e6);
    }
    std::sort(rates.begin(), rates.end());
    std::sort(costs.begin(), costs.end());
    std::printf("%d clients: %.0f delivered/s, server %.3f CPU-s per million\n", options_.clients,
                rates[2], costs[2]);
  }

  void pace() {
    measure_ = true;
    const auto cpu = cpu_of(options_.pid);
    const auto begin = now();
    std::uint64_t sent = 0;
    while (now() - begin < 5) {
      if (now() - begin >= static_cast<double>(sent) / options_.value) {
        publish();
        ++sent;
        flush();
      }
      const auto wait = static_cast<double>(sent) / options_.value - (now() - begin);
      pump(wait > 0.002 ? static_cast<int>(wait * 1000) - 1 : 0);
    }
    const auto end = now() + 0.3;
    while (now() < end) pump(10);
    if (latencies_.empty()) give_up("nothing was delivered");
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](std::size_t percent) {
      return static_cast<double>(latencies_[latencies_.size() * percent / 100]);
    };
    std::printf(
        "%d clients, %.0f/s: %zu of %zu delivered, p50 %.1f us, p99 %.1f us, server %.3f CPU-s per "
        "million\n",
        options_.clients, options_.value, latencies_.size(),
        static_cast<std::size_t>(sent) * static_cast<std::size_t>(options_.clients), at(50), at(99),
        (cpu_of(options_.pid) - cpu) / static_cast<double>(latencies_.size()) * 1e6);
  }

 private:
  struct connection {
    int fd = -1;
    std::array<std::uint8_t, 16> header{};
    std::size_t header_size = 0;
    std::uint64_t left = 0;
    std::array<char, 288> payload{};
    std::size_t payload_size = 0;
  };

  static std::string masked(const std::string& text) {
    std::string f = "\x81";
    if (text.size() < 126) {
      f += static_cast<char>(0x80U | text.size());
    } else {
      f += static_cast<char>(0xfe);
      f += static_cast<char>(text.size() >> 8U);
      f += static_cast<char>(text.size());
    }
    f.append(4, '\0');  // a mask of zeros leaves the payload as it is
    return f + text;
  }

  static int dial(std::uint16_t port, const std::string& path) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) give_up("cannot connect");
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if (write(fd, request.data(), request.size()) < 0) give_up("cannot write");
    std::string answer;
    for (char c = 0; answer.find("\r\n\r\n") == std::string::npos; answer += c)
      if (read(fd, &c, 1) != 1) give_up("the handshake was refused: " + answer);
    if (answer.find(" 101") == std::string::npos) give_up(answer);
    return fd;
  }

  void add(int fd, connection* c) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = c;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
  }

  void pump(int milliseconds) {
    std::array<epoll_event, 256> events{};
    const int n = epoll_wait(epoll_, events.data(), events.size(), milliseconds);
    for (int i = 0; i < n; ++i) {
      auto* const c = static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const auto got = recv(c == nullptr ? publisher_ : c->fd, buffer_.data(), buffer_.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) give_up("the server closed a connection");
      if (got > 0 && c != nullptr) feed(*c, {buffer_.data(), static_cast<std::size_t>(got)});
    }
  }

  void feed(connection& c, std::string_view bytes) {
    while (!bytes.empty()) {
      if (c.left != 0) {
        const auto part = std::min<std::size_t>(bytes.size(), c.left);
        if (measure_ && c.payload_size < c.payload.size()) {
          const auto kept = std::min(c.payload.size() - c.payload_size, part);
          std::memcpy(c.payload.data() + c.payload_size, bytes.data(), kept);
          c.payload_size += kept;
        }
        bytes.remove_prefix(part);
        c.left -= part;
        if (c.left == 0) end_of_message(c);
        continue;
      }
      c.header[c.header_size++] = static_cast<std::uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      if (c.header_size < 2) continue;
      const std::uint64_t length = c.header[1] & 127U;
      const std::size_t size = length == 126 ? 4 : length == 127 ? 10 : 2;
      if (c.header_size < size) continue;
      c.left = length < 126 ? length : 0;
      for (std::size_t i = 2; i < size; ++i) c.left = c.left << 8U | c.header[i];
      c.payload_size = 0;
      if (c.left == 0) end_of_message(c);
    }
  }

  void end_of_message(connection& c) {
    ++total_;
    c.header_size = 0;
    if (!measure_) return;
    const std::string_view text(c.payload.data(), c.payload_size);
    constexpr std::string_view member = "\"volume\":";
    const auto at = options_.artham ? text.find(member) : 0;
    if (at == std::string_view::npos) return;
    std::int64_t sent = 0;
    const char* const digits = text.data() + at + (options_.artham ? member.size() : 0);
    std::from_chars(digits, std::min(digits + 19, text.data() + text.size()), sent);
    latencies_.push_back(static_cast<float>(monotonic() - sent) / 1000.0F);
  }

  void publish() {
    std::array<char, 24> stamp{};
    std::snprintf(stamp.data(), stamp.size(), "%019lld", static_cast<long long>(monotonic()));
    out_ += masked(std::string(stamp.data()) + std::string(181, 'x'));
  }
  void flush() {
    if (out_.empty()) return;
    const auto n = send(publisher_, out_.data(), out_.size(), MSG_DONTWAIT);
    if (n > 0) out_.erase(0, static_cast<std::size_t>(n));
  }

  options options_;
  int epoll_;
  int publisher_ = -1;
  std::vector<std::unique_ptr<connection>> all_;
  std::array<char, 1U << 18U> buffer_{};
  std::string out_;
  std::uint64_t total_ = 0;
  bool measure_ = false;
  std::vector<float> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) give_up("PORT PUBLISHER_PORT N thr|lat|hold VALUE PID artham|plain");
  options o;
  o.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  o.publisher = static_cast<std::uint16_t>(std::atoi(argv[2]));
  o.clients = std::atoi(argv[3]);
  const std::string_view what = argv[4];
  o.latency = what == "lat";
  o.value = std::atof(argv[5]);
  o.pid = std::atoi(argv[6]);
  o.artham = std::string_view(argv[7]) == "artham";
  const auto l = std::make_unique<load>(o);
  if (what == "hold") {
    // Idle clients: their memory is looked at from outside.
    std::puts("connected");
    std::fflush(stdout);
    pause();
  } else if (o.latency) {
    l->pace();
  } else {
    l->saturate();
  }
  return 0;
}
