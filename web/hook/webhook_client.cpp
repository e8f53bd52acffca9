#include "web/hook/webhook_client.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "net/tls_client.hpp"

namespace artham::web {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;
using endpoints = std::vector<tcp::endpoint>;

constexpr std::size_t resolver_threads = 4;
constexpr std::uint32_t largest_head = 16 << 10;

/// What is going on, for the text of an error.
struct progress {
  std::string_view step = "resolving the name";
};

template <class Stream>
asio::awaitable<unsigned> exchange(Stream& stream, const http::request<http::string_body>& request,
                                   progress& p) {
  p.step = "sending the request";
  co_await http::async_write(stream, request, asio::use_awaitable);
  p.step = "waiting for the answer";
  beast::flat_buffer buffer;
  http::response_parser<http::empty_body> answer;
  answer.header_limit(largest_head);
  co_await http::async_read_header(stream, buffer, answer, asio::use_awaitable);
  co_return answer.get().result_int();
}

}  // namespace

struct webhook_client::impl {
  explicit impl(const webhook_client_options& o) : options(o) {}

  struct resolved {
    boost::system::error_code error;
    endpoints all;
  };

  asio::awaitable<resolved> resolve(const webhook_address& to) {
    // In a thread that may wait: a name server that does not answer holds up nobody but those.
    auto ask = [](std::string host, std::string port) -> asio::awaitable<resolved> {
      tcp::resolver resolver(co_await asio::this_coro::executor);
      resolved r;
      for (const auto& e : resolver.resolve(host, port, r.error)) r.all.push_back(e.endpoint());
      co_return r;
    };
    co_return co_await asio::co_spawn(resolvers, ask(to.host, std::to_string(to.port)),
                                      asio::use_awaitable);
  }

  asio::awaitable<result<unsigned>> run(const post& what, progress& p) {
    const auto failed = [&](const std::string& why) {
      return fail(errc::unavailable, what.to.authority() + ": " + std::string(p.step) + ": " + why);
    };
    auto found = co_await resolve(what.to);
    if (found.error) co_return failed(found.error.message());
    if (!options.allow_private) {
      std::erase_if(found.all,
                    [](const tcp::endpoint& e) { return !is_public_address(e.address()); });
      p.step = "looking at its address";
      if (found.all.empty()) {
        co_return failed(
            "it is this computer's or of a private network, and alerts.webhook_private is false");
      }
    }
    http::request<http::string_body> request(http::verb::post, what.to.target, 11);
    request.set(http::field::host, what.to.authority());
    request.set(http::field::user_agent, "artham");
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : what.headers) request.set(name, value);
    request.body() = what.body;
    request.prepare_payload();

    p.step = "connecting";
    beast::tcp_stream plain(co_await asio::this_coro::executor);
    // One deadline for all that follows: who answers byte by byte has no more time.
    plain.expires_after(options.timeout);
    co_await plain.async_connect(found.all, asio::use_awaitable);
    if (!what.to.tls) co_return co_await exchange(plain, request, p);
    p.step = "the TLS handshake";
    beast::ssl_stream<beast::tcp_stream> secure(std::move(plain), *context);
    if (!net::expect_host(secure.native_handle(), what.to.host))
      co_return failed("its name cannot be checked");
    co_await secure.async_handshake(ssl::stream_base::client, asio::use_awaitable);
    co_return co_await exchange(secure, request, p);
  }

  asio::awaitable<void> serve(post what, done fn) {
    progress p;
    result<unsigned> outcome;
    try {
      outcome = co_await run(what, p);
    } catch (const boost::system::system_error& e) {
      const auto why =
          e.code() == beast::error::timeout ? std::string("no answer in time") : e.code().message();
      outcome =
          fail(errc::unavailable, what.to.authority() + ": " + std::string(p.step) + ": " + why);
    }
    fn(std::move(outcome));
  }

  webhook_client_options options;
  std::shared_ptr<ssl::context> context;
  asio::thread_pool resolvers{resolver_threads};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;
};

webhook_client::webhook_client(std::unique_ptr<impl> i) : impl_(std::move(i)) {}

result<std::unique_ptr<webhook_client>> webhook_client::make(const webhook_client_options& o) {
  auto i = std::make_unique<impl>(o);
  auto context = net::make_tls_context(o.authority);
  if (!context) {
    return fail(context.error().code, "alerts.webhook_authority: " + context.error().message);
  }
  i->context = std::move(*context);
  i->thread = std::thread([io = &i->io] { io->run(); });
  return std::unique_ptr<webhook_client>(new webhook_client(std::move(i)));
}

webhook_client::~webhook_client() {
  stop();
}

void webhook_client::send(post what, done fn) {
  asio::co_spawn(impl_->io, impl_->serve(std::move(what), std::move(fn)), asio::detached);
}

void webhook_client::stop() {
  impl_->io.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->resolvers.stop();
  impl_->resolvers.join();
}

}  // namespace artham::web
