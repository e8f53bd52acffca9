#include "feed/kite/client.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "feed/kite/endpoint.hpp"
#include "feed/kite/engine.hpp"
#include "feed/kite/group.hpp"
#include "net/tls_client.hpp"
#include "runtime/clock.hpp"

namespace artham::feed::kite {
namespace {

result<void> check(const client_options& o) {
  const auto bad = [](const char* what) { return fail(errc::usage, what); };
  if (o.clock_interval <= 0) return bad("the clock interval must be positive");
  if (o.connect_timeout.count() <= 0) return bad("the connect timeout must be positive");
  if (o.silence_limit.count() <= 0) return bad("the silence limit must be positive");
  if (o.stall.least < 0 || o.stall.factor < 1 || o.stall.start < 0) {
    return bad("a stall needs times of at least 0 and a factor of at least 1");
  }
  if (o.backoff.min.count() <= 0 || o.backoff.max < o.backoff.min || o.backoff.factor == 0) {
    return bad("the back-off needs 0 < min <= max and a factor of at least 1");
  }
  if (o.accounts.empty() || o.sockets == 0) return bad("there must be an account and a socket");
  if (o.max_tokens == 0) return bad("max_tokens must be positive");
  if (o.chunk == 0) return bad("the chunk of tokens per message must be positive");
  if (o.max_message == 0) return bad("the message limit must be positive");
  return {};
}

}  // namespace

struct client::impl {
  impl(client_options o, endpoint e, std::shared_ptr<boost::asio::ssl::context> t, const decoder& d)
      : options(std::move(o)),
        server(std::move(e)),
        tls(std::move(t)),
        frames(d),
        shared(options.accounts.size() * options.sockets, options.max_tokens) {}

  /// Runs fn(group) if there is one; it cannot go away meanwhile.
  template <class Fn>
  void with_group(Fn&& fn) {
    const std::lock_guard lock(lifetime);
    if (running) fn(*running);
  }

  client_options options;
  endpoint server;
  std::shared_ptr<boost::asio::ssl::context> tls;
  const decoder& frames;
  shared_state shared;

  std::mutex lifetime;  // guards what follows; never held while joining
  std::unique_ptr<group> running;
  std::thread thread;
};

result<std::unique_ptr<client>> client::create(client_options options, const decoder& d) {
  if (auto ok = check(options); !ok) return tl::unexpected(ok.error());
  auto server = parse_endpoint(options.url, "ws", "wss");
  if (!server) return tl::unexpected(server.error());
  std::shared_ptr<boost::asio::ssl::context> tls;
  if (server->tls) {
    auto context = net::make_tls_context(options.ca_file);
    if (!context) return tl::unexpected(context.error());
    tls = std::move(*context);
  }
  if (!options.utc_now) options.utc_now = runtime::utc_now;
  return std::unique_ptr<client>(new client(
      std::make_unique<impl>(std::move(options), std::move(*server), std::move(tls), d)));
}

client::client(std::unique_ptr<impl> i) : impl_(std::move(i)) {}

client::~client() {
  stop();
}

void client::start(sink& s) {
  const std::lock_guard lock(impl_->lifetime);
  if (impl_->running) return;
  impl_->running = std::make_unique<group>(impl_->options, impl_->server, impl_->tls, impl_->frames,
                                           s, impl_->shared);
  impl_->thread = std::thread([g = impl_->running.get()] { g->run(); });
}

void client::stop() {
  std::unique_ptr<group> ending;
  std::thread thread;
  {
    const std::lock_guard lock(impl_->lifetime);
    ending = std::move(impl_->running);
    thread = std::move(impl_->thread);
  }
  if (!ending) return;
  ending->request_stop();
  thread.join();
  for (auto& c : impl_->shared.connection) c.current = state::stopped;
}

result<void> client::subscribe(std::span<const std::uint32_t> tokens, market::tick_mode mode) {
  {
    const std::lock_guard lock(impl_->shared.mutex);
    const auto usable = [&](std::size_t c) {
      const state now = impl_->shared.connection[c].current;
      return now != state::token_expired && now != state::rate_limited;
    };
    if (auto ok = impl_->shared.book.add(tokens, mode, usable); !ok) return ok;
  }
  impl_->with_group([](group& g) { g.request_sync(); });
  return {};
}

void client::unsubscribe(std::span<const std::uint32_t> tokens) {
  {
    const std::lock_guard lock(impl_->shared.mutex);
    impl_->shared.book.remove(tokens);
  }
  impl_->with_group([](group& g) { g.request_sync(); });
}

void client::resume() {
  impl_->with_group([](group& g) { g.request_resume(); });
}

counters client::counts() const {
  const auto& c = impl_->shared.count;
  return {.frames = c.frames.value(),
          .heartbeats = c.heartbeats.value(),
          .bytes = c.bytes.value(),
          .malformed = c.malformed.value(),
          .text = c.text.value(),
          .connects = c.connects.value(),
          .pauses = c.pauses.value()};
}

state client::current() const {
  const auto all = connections();
  const bool any_live =
      std::ranges::any_of(all, [](const connection_status& c) { return c.state == state::live; });
  return any_live ? state::live : all.front().state;
}

tick_expectation client::expectation() const {
  tick_expectation all;
  for (const auto& c : connections()) {
    const auto& e = c.expected;
    all.last = std::max(all.last, e.last);
    if (e.limit != 0) all.limit = all.limit == 0 ? e.limit : std::min(all.limit, e.limit);
    all.frames_per_hour += e.frames_per_hour;
  }
  return all;
}

std::vector<connection_status> client::connections() const {
  const std::lock_guard lock(impl_->shared.mutex);
  std::vector<connection_status> all(impl_->shared.book.opened());
  for (std::size_t c = 0; c < all.size(); ++c) {
    const auto& from = impl_->shared.connection[c];
    all[c] = {from.current, impl_->shared.book.wanted(c).size(), from.expected};
  }
  return all;
}

}  // namespace artham::feed::kite
