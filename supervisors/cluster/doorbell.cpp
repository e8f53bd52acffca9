#include "supervisors/cluster/doorbell.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "messages/caf_compat.hpp"
#include "runtime/freed_by.hpp"

namespace artham::supervisors {
namespace {

using steady = std::chrono::steady_clock;

using runtime::freed_by;
using context = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using session = std::unique_ptr<SSL, freed_by<SSL_free>>;
using addresses = std::unique_ptr<addrinfo, freed_by<freeaddrinfo>>;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Writing to a connection that the other side has closed is an error here, not a signal.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::string last_openssl_reason() {
  const auto code = ERR_peek_last_error();
  const auto* text = ERR_reason_error_string(code);
  return text == nullptr ? "no reason given" : text;
}

}  // namespace

struct doorbell::impl {
  context tls;
  descriptor stop{::eventfd(0, EFD_CLOEXEC)};

  struct attempt {
    const impl& bell;
    const endpoint& where;
    steady::time_point deadline;

    /// Waits until the socket is ready; the error when time is up, or the bell gives up.
    result<void> wait(int fd, short events, const char* what) const {
      for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
        pollfd fds[] = {{fd, events, 0}, {bell.stop.get(), POLLIN, 0}};
        const int ready = ::poll(fds, 2, static_cast<int>(std::max<long>(left, 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (fds[1].revents != 0) return no("this node is stopping");
        if (ready == 0) return no(what);
        return {};
      }
    }

    [[nodiscard]] tl::unexpected<error> no(const std::string& why,
                                           errc code = errc::unavailable) const {
      return fail(code, fmt::format("{}: {}", to_string(where), why));
    }

    result<void> connect(int fd, const addrinfo& to) const {
      if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0) return {};
      if (errno != EINPROGRESS) return no(std::strerror(errno));
      if (auto ok = wait(fd, POLLOUT, "does not answer"); !ok) return ok;
      int failed = 0;
      socklen_t size = sizeof failed;
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
      if (failed != 0) return no(std::strerror(failed));
      return {};
    }

    result<void> hear_plain(int fd) const {
      constexpr auto silent =
          "accepts the connection but says nothing; if it has certificates, this node needs some, "
          "too (cluster.certificate, cluster.key, cluster.authority)";
      if (auto ok = wait(fd, POLLIN, silent); !ok) return ok;
      char first = 0;
      if (::recv(fd, &first, 1, 0) == 1) return {};
      return no("closes the connection at once");
    }

    /// What the failed step of a TLS session means for people.
    [[nodiscard]] tl::unexpected<error> explain(SSL* ssl, int code) const {
      const auto verified = SSL_get_verify_result(ssl);
      if (verified != X509_V_OK) {
        return no(fmt::format("its certificate is not accepted: {}; all nodes need certificates of "
                              "one authority (cluster.authority)",
                              X509_verify_cert_error_string(verified)),
                  errc::refused);
      }
      if (code == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET) {
        return no(fmt::format("does not accept this node's certificate: {}; all nodes need "
                              "certificates of one authority (cluster.authority)",
                              last_openssl_reason()),
                  errc::refused);
      }
      if (code == SSL_ERROR_SSL && !SSL_is_init_finished(ssl)) {
        return no(fmt::format("does not speak TLS ({}); it needs certificates, too "
                              "(cluster.certificate, cluster.key, cluster.authority)",
                              last_openssl_reason()),
                  errc::refused);
      }
      return no("closes the connection at once");
    }

    result<void> hear_tls(int fd) const {
      const session ssl(SSL_new(bell.tls.get()));
      SSL_set_fd(ssl.get(), fd);
      // The server's view of our certificate comes after the handshake: hence one byte.
      for (bool shaken = false;;) {
        ERR_clear_error();
        char first = 0;
        const int done = shaken ? SSL_read(ssl.get(), &first, 1) : SSL_connect(ssl.get());
        if (done == 1 && shaken) return {};
        shaken |= done == 1;
        if (done == 1) continue;
        const int code = SSL_get_error(ssl.get(), done);
        if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) {
          auto why = explain(ssl.get(), code);
          ERR_clear_error();
          return why;
        }
        if (auto ok = wait(fd, code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
                           "does not finish the TLS handshake");
            !ok) {
          return ok;
        }
      }
    }

    result<std::string> try_address(const addrinfo& to) const {
      const descriptor fd(
          ::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol));
      if (fd.get() < 0) return no(std::strerror(errno));
      if (auto ok = connect(fd.get(), to); !ok) return tl::unexpected(ok.error());
      if (auto ok = bell.tls ? hear_tls(fd.get()) : hear_plain(fd.get()); !ok) {
        return tl::unexpected(ok.error());
      }
      char numeric[NI_MAXHOST];
      ::getnameinfo(to.ai_addr, to.ai_addrlen, numeric, sizeof numeric, nullptr, 0, NI_NUMERICHOST);
      return std::string(numeric);
    }
  };
};

doorbell::doorbell(const messages::credentials& c) : impl_(std::make_unique<impl>()) {
  if (c.empty()) return;
  impl_->tls.reset(SSL_CTX_new(TLS_client_method()));
  auto* tls = impl_->tls.get();
  const bool good = SSL_CTX_use_certificate_chain_file(tls, c.certificate.c_str()) == 1 &&
                    SSL_CTX_use_PrivateKey_file(tls, c.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                    SSL_CTX_load_verify_locations(tls, c.authority.c_str(), nullptr) == 1;
  if (!good) {
    auto why = last_openssl_reason();
    ERR_clear_error();
    throw messages::failure({errc::usage, fmt::format("\"{}\", \"{}\" or \"{}\" cannot be used: {}",
                                                      c.certificate, c.key, c.authority, why)});
  }
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
}

doorbell::~doorbell() = default;

result<std::string> doorbell::ring(const endpoint& where, std::chrono::milliseconds limit) const {
  block_sigpipe();
  const impl::attempt attempt{*impl_, where, steady::now() + limit};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
  const addresses all(found);
  if (failed != 0) return attempt.no(::gai_strerror(failed));
  result<std::string> last = attempt.no("has no address");
  for (const auto* to = all.get(); to != nullptr && !last; to = to->ai_next) {
    last = attempt.try_address(*to);
  }
  return last;
}

void doorbell::give_up() {
  ::eventfd_write(impl_->stop.get(), 1);
}

}  // namespace artham::supervisors
