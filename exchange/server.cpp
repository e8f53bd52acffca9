#include "exchange/server.hpp"

#include <cstring>
#include <future>
#include <thread>
#include <utility>

#include <pthread.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "exchange/http_session.hpp"
#include "exchange/recording_source.hpp"
#include "exchange/rest.hpp"
#include "exchange/synthetic_source.hpp"
#include "exchange/ticker.hpp"

namespace artham::exchange {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

result<void> check(const options& o) {
  if (o.speed && !(*o.speed > 0 && *o.speed <= 1e6)) {
    return fail(errc::usage, "speed must be above 0 and at most 1000000, or max");
  }
  if (o.clock_interval <= 0 || o.lateness < 0 || o.quiet < 0 || o.heartbeat <= 0) {
    return fail(errc::usage, "the exchange's intervals must be above 0");
  }
  return {};
}

std::unique_ptr<source> as_ordered(const options& o, std::unique_ptr<source> s) {
  return o.disorder.any() ? disordered(std::move(s), o.disorder) : std::move(s);
}

result<exchange::timeline> make_timeline(const options& o) {
  if (const auto* synthetic = std::get_if<synthetic_source_options>(&o.source)) {
    return make_synthetic_source(*synthetic, o.calendars).map([&](std::unique_ptr<source> s) {
      return timeline(as_ordered(o, std::move(s)), {o.calendars.at("NSE"), o.calendars.at("NFO")},
                      o.clock_interval, o.lateness, synthetic->end);
    });
  }
  const auto& recording = std::get<recording_source_options>(o.source);
  const auto info = inspect_recording(recording.file.string());
  if (!info) {
    return tl::unexpected(info.error());
  }
  auto calendars = calendars_of(info->tokens, o.calendars);
  if (!calendars) {
    return tl::unexpected(calendars.error());
  }
  auto instruments = o.instruments;
  if (instruments.empty()) {
    for (const auto token : info->tokens) {
      instruments.push_back(market::unknown_instrument(token));
    }
  }
  return make_recording_source(recording, *info, std::move(instruments))
      .map([&](std::unique_ptr<source> s) {
        return timeline(as_ordered(o, std::move(s)), std::move(*calendars), o.clock_interval,
                        o.lateness);
      });
}

}  // namespace

struct server::impl {
  impl(options o, exchange::timeline t)
      : given(std::move(o)),
        instruments(t.source().instruments()),
        rest(instruments, given.credentials),
        acceptor(io),
        ticker(io, given, std::move(t)) {}

  result<void> listen() {
    const tcp::endpoint where(asio::ip::address_v4::loopback(), given.port);
    error_code failed;
    acceptor.open(where.protocol(), failed);
    if (!failed) {
      acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    }
    if (!failed) {
      acceptor.bind(where, failed);
    }
    if (!failed) {
      acceptor.listen(asio::socket_base::max_listen_connections, failed);
    }
    if (failed) {
      const bool in_use = failed == asio::error::address_in_use;
      return fail(in_use ? errc::conflict : errc::io,
                  "the exchange cannot listen on 127.0.0.1:" + std::to_string(given.port) + ": " +
                      failed.message() + (in_use ? "; choose another port" : ""));
    }
    port = acceptor.local_endpoint().port();
    return {};
  }

  void accept() {
    acceptor.async_accept([this](error_code failed, tcp::socket socket) {
      if (stopping) {
        return;
      }
      if (!failed) {
        std::make_shared<http_session>(std::move(socket), given, rest, ticker)->run();
        accept();
        return;
      }
      // Out of file descriptors, most likely: let some go before trying again.
      accept_again.expires_after(std::chrono::milliseconds(100));
      accept_again.async_wait([this](error_code cancelled) {
        if (!cancelled) {
          accept();
        }
      });
    });
  }

  void stop() {
    if (!thread.joinable()) {
      return;
    }
    asio::post(io, [this] {
      stopping = true;
      ticker.stop();
      error_code ignored;
      acceptor.close(ignored);
      io.stop();
    });
    thread.join();
  }

  options given;
  std::vector<market::instrument> instruments;
  exchange::rest rest;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer accept_again{io};
  exchange::ticker ticker;
  std::uint16_t port = 0;
  bool stopping = false;
  std::thread thread;
};

server::server(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
server::~server() {
  stop();
}

void server::stop() {
  impl_->stop();
}
std::uint16_t server::port() const {
  return impl_->port;
}
bool server::finished() const {
  return impl_->ticker.finished();
}
market::timestamp server::market_time() const {
  return impl_->ticker.market_time();
}
std::uint64_t server::frames_played() const {
  return impl_->ticker.frames_played();
}
const std::vector<market::instrument>& server::instruments() const {
  return impl_->instruments;
}

void server::misbehave(const misbehaviour& m) {
  asio::post(impl_->io, [this, m] { impl_->ticker.misbehave(m); });
}

result<std::unique_ptr<server>> start(options o) {
  if (auto sound = check(o); !sound) {
    return tl::unexpected(sound.error());
  }
  auto timeline = make_timeline(o);
  if (!timeline) {
    return tl::unexpected(timeline.error());
  }
  auto made = std::make_unique<server::impl>(std::move(o), std::move(*timeline));
  if (auto listening = made->listen(); !listening) {
    return tl::unexpected(listening.error());
  }
  auto* running = made.get();
  running->accept();
  running->ticker.start();
  running->thread = std::thread([running] {
    pthread_setname_np(pthread_self(), "exchange");
    running->io.run();
  });
  return std::unique_ptr<server>(new server(std::move(made)));
}

}  // namespace artham::exchange
