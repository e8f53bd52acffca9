#include "feed/kite/group.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

namespace artham::feed::kite {
namespace {

namespace asio = boost::asio;

/// The longest a host clock is trusted to run without being looked at again.
constexpr market::duration longest_nap = market::second;

}  // namespace

group::group(const client_options& options, const endpoint& server,
             std::shared_ptr<asio::ssl::context> tls, const decoder& d, sink& s,
             shared_state& shared)
    : options_(options),
      server_(server),
      tls_(std::move(tls)),
      decoder_(d),
      sink_(s),
      shared_(shared),
      may_be_several_(options.accounts.size() * options.sockets > 1),
      intervals_(options.clock_interval) {}

void group::run() {
  asio::post(io_, [this] {
    if (options_.clock == clock_source::host) tick();
    if (!stopping_) open_more();
  });
  io_.run();
}

void group::request_stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    timer_.cancel();
    if (engines_.empty()) return io_.stop();
    for (auto& e : engines_) e->stop();
  });
}

void group::request_sync() {
  if (sync_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    sync_requested_ = false;
    sync();
  });
}

void group::request_resume() {
  asio::post(io_, [this] {
    paused_ = false;
    for (auto& e : engines_) e->read_on();
  });
}

void group::open_more() {
  std::size_t wanted = 0;
  {
    const std::lock_guard lock(shared_.mutex);
    wanted = shared_.book.opened();
  }
  engine_group& me = *this;
  while (engines_.size() < wanted) {
    clocks_.emplace_back();
    engines_.push_back(std::make_unique<engine>(engines_.size(), io_, options_, server_, tls_,
                                                decoder_, me, shared_));
    engines_.back()->attempt();
  }
}

void group::sync() {
  if (stopping_) return;
  // In `run` first: before it nothing is open.
  if (!engines_.empty()) open_more();
  for (auto& e : engines_) e->sync();
}

void group::tick() {
  const auto now = options_.utc_now();
  stamp();
  for (auto& e : engines_) e->watch_ticks();
  const auto nap = std::min(intervals_.until_next(now), longest_nap);
  timer_.expires_after(std::chrono::nanoseconds(nap));
  timer_.async_wait([this](boost::system::error_code ec) {
    if (!ec && !stopping_) tick();
  });
}

market::timestamp group::stamp() {
  if (options_.clock == clock_source::exchange) return market_time_;
  const auto now = options_.utc_now();
  intervals_.advance(now, [&](market::timestamp multiple) {
    market_time_ = std::max(market_time_, multiple);
    sink_.on_market_time(multiple, now);
  });
  market_time_ = std::max(market_time_, now);
  return market_time_;
}

void group::set_clock(std::size_t connection, market::timestamp t) {
  clocks_[connection] = t;
  settle_time();
}

void group::settle_time() {
  // A connection that comes anew may be of an exchange that was set back.
  if (const auto t = slowest()) market_time_ = may_be_several_ ? std::max(market_time_, *t) : *t;
}

void group::tell_time() {
  sink_.on_market_time(market_time_, options_.utc_now());
  for (auto& e : engines_) e->watch_ticks();
  for (auto& e : engines_) e->read_on();
}

void group::lose_clock(std::size_t connection) {
  if (!std::exchange(clocks_[connection], std::nullopt)) return;
  const auto before = market_time_;
  settle_time();
  if (market_time_ != before) {
    tell_time();
  } else {
    for (auto& e : engines_) e->read_on();
  }
}

std::optional<market::timestamp> group::slowest() const {
  std::optional<market::timestamp> least;
  for (const auto& t : clocks_) {
    if (t && (!least || *t < *least)) least = t;
  }
  return least;
}

bool group::may_read(std::size_t connection) const {
  if (paused_) return false;
  const auto& own = clocks_[connection];
  return !own || *own - *slowest() <= options_.clock_interval;
}

void group::on_frame(std::string frame, market::timestamp market_time) {
  if (sink_.on_frame(std::move(frame), market_time, options_.utc_now())) return;
  paused_ = true;
  shared_.count.pauses.add();
}

void group::on_state(state_change change, market::timestamp market_time) {
  const bool live = change.state == state::live;
  if (!may_be_several_) {
    change.tokens.reset();
  } else if (change.tokens) {
    change.tokens = own(change.connection, std::move(*change.tokens));
  }
  sink_.on_state(std::move(change), market_time, options_.utc_now());
  if (live && !std::exchange(was_live_, true) && may_be_several_) tell_absent(market_time);
}

void group::tell_absent(market::timestamp market_time) {
  for (std::size_t c = 0; c < engines_.size(); ++c) {
    if (shared_.connection[c].current == state::live) continue;
    state_change change;
    change.state = state::connecting;
    change.cause = market::gap_cause::restart;
    change.detail = "not connected yet";
    change.connection = static_cast<std::uint32_t>(c);
    change.tokens.emplace();
    {
      const std::lock_guard lock(shared_.mutex);
      for (const auto& entry : shared_.book.wanted(c)) change.tokens->push_back(entry.first);
    }
    sink_.on_state(std::move(change), market_time, options_.utc_now());
  }
}

std::vector<std::uint32_t> group::own(std::size_t connection,
                                      std::vector<std::uint32_t> tokens) const {
  std::erase_if(tokens, [&](std::uint32_t token) {
    const auto found = told_.find(token);
    return found == told_.end() || found->second != connection;
  });
  return tokens;
}

void group::on_subscription(std::size_t connection, const subscription_change& change) {
  auto tokens = change.tokens;
  if (change.added) {
    for (const auto token : tokens) told_[token] = connection;
  } else {
    tokens = own(connection, std::move(tokens));
    for (const auto token : tokens) told_.erase(token);
  }
  if (tokens.empty()) return;
  const auto market_time = stamp();
  sink_.on_subscription(tokens, change.mode, change.added, market_time, options_.utc_now());
}

void group::on_text(std::string type, std::string json) {
  sink_.on_text(std::move(type), std::move(json));
}

void group::on_stopped() {
  if (++stopped_ == engines_.size()) io_.stop();
}

}  // namespace artham::feed::kite
