#include "feed/kite/engine.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "feed/kite/text_frame.hpp"

namespace artham::feed::kite {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using market::gap_cause;

constexpr std::chrono::milliseconds goodbye_limit{1'000};

/// The longest a host clock is trusted to run without being looked at again.
constexpr market::duration longest_nap = market::second;

std::string text_of(std::chrono::milliseconds wait) {
  const auto tenths = (wait.count() + 50) / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

std::uint16_t declared_packets(std::string_view frame) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(frame[0]) << 8 |
                                    static_cast<unsigned char>(frame[1]));
}

std::int64_t nanoseconds(std::chrono::steady_clock::time_point t) {
  return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

void replace_all(std::string& text, const std::string& what, std::string_view with) {
  if (what.empty()) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

engine::engine(const client_options& options, const endpoint& server,
               std::shared_ptr<asio::ssl::context> tls, const decoder& d, sink& s,
               shared_state& shared)
    : options_(options),
      server_(server),
      tls_(std::move(tls)),
      decoder_(d),
      sink_(s),
      shared_(shared),
      backoff_(options.backoff, std::random_device{}()),
      intervals_(options.clock_interval),
      ticks_(options.stall, options.calendars) {}

void engine::run() {
  asio::post(io_, [this] {
    if (options_.clock == clock_source::host) tick();
    if (!stopping_) attempt();
  });
  io_.run();
}

void engine::request_stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    retry_.cancel();
    watchdog_.cancel();
    clock_.cancel();
    if (!open_) return finish_stop();
    connection_->close();
    deadline_.expires_after(goodbye_limit);
    deadline_.async_wait([this](error_code) { finish_stop(); });
  });
}

void engine::request_sync() {
  if (sync_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    sync_requested_ = false;
    sync();
  });
}

void engine::request_resume() {
  asio::post(io_, [this] {
    if (!paused_) return;
    paused_ = false;
    last_life_ = steady::now();
    ticks_.resumed(nanoseconds(last_life_));
    arm_watchdog();
    connection_->read();
  });
}

void engine::attempt() {
  shared_.current = state::connecting;
  token_ = options_.access_token();
  auto target =
      (server_.path.empty() ? "/" : server_.path) + "?" +
      encode_parameters({{"api_key", options_.api_key}, {"access_token", token_.reveal()}});
  connection_ = make_ws_connection(io_, server_, tls_, options_.max_message, *this);
  ++epoch_;
  deadline_.expires_after(options_.connect_timeout);
  deadline_.async_wait([this, epoch = epoch_](error_code ec) {
    if (ec || epoch != epoch_ || open_ || stopping_) return;
    lost(state::backing_off, gap_cause::disconnected,
         "no answer within " + text_of(options_.connect_timeout) + " while " +
             std::string(connection_->step()));
  });
  connection_->open(std::move(target));
}

void engine::on_open() {
  if (stopping_) return finish_stop();
  open_ = true;
  deadline_.cancel();
  shared_.count.connects.add();
  last_life_ = steady::now();
  arm_watchdog();
  if (options_.clock == clock_source::host) became_live();
  if (open_) connection_->read();
}

void engine::became_live() {
  live_ = true;
  shared_.current = state::live;
  const auto market_time = stamp();
  heard_at_ = market_time;
  ticks_.connected(market_time, nanoseconds(steady::now()));
  sink_.on_state({state::live}, market_time, options_.utc_now());
  sync();
}

void engine::on_message(bool binary, std::string payload) {
  if (stopping_) return;
  shared_.count.bytes.add(payload.size());
  heard_ = true;
  if (live_) {
    heard_now();
    backoff_.reset();
  }
  if (binary) {
    take_binary(std::move(payload));
  } else {
    take_text(std::move(payload));
  }
  if (open_ && !paused_) connection_->read();
}

void engine::heard_now() {
  last_life_ = steady::now();
  heard_at_ = options_.clock == clock_source::host ? options_.utc_now() : market_time_;
}

void engine::on_control() {
  if (live_) heard_now();
}

void engine::take_binary(std::string frame) {
  if (frame.size() <= 1) {
    shared_.count.heartbeats.add(frame.size());
    return;
  }
  shared_.count.frames.add();
  const auto whole = decoder_.packets(frame);
  if (whole < declared_packets(frame) || whole == 0 || !live_) shared_.count.malformed.add();
  if (whole == 0 || !live_) return;
  const auto market_time = stamp();
  ticks_.heard(market_time, nanoseconds(last_life_));
  if (!sink_.on_frame(std::move(frame), market_time, options_.utc_now())) {
    paused_ = true;
    watchdog_.cancel();
    shared_.count.pauses.add();
  }
}

void engine::take_text(std::string text) {
  shared_.count.text.add();
  auto frame = read_text_frame(text);
  if (frame.kind == text_kind::notice) {
    sink_.on_text(std::move(frame.type), std::move(text));
    return;
  }
  if (frame.kind != text_kind::clock || options_.clock != clock_source::exchange) return;
  if (live_ && frame.market_time < market_time_) {
    shared_.count.malformed.add();
    return;
  }
  market_time_ = frame.market_time;
  if (!live_) {
    last_life_ = steady::now();
    became_live();
  }
  sink_.on_market_time(market_time_, options_.utc_now());
  watch_ticks();
}

void engine::sync() {
  if (!live_ || writing_ || stopping_) return;
  subscriptions wanted;
  {
    const std::lock_guard lock(shared_.mutex);
    wanted = shared_.book.wanted();
  }
  auto update = plan_update(sent_, wanted, options_.chunk);
  if (update.messages.empty()) return;
  sent_ = std::move(wanted);
  outbox_.assign(std::move_iterator(update.messages.begin()),
                 std::move_iterator(update.messages.end()));
  for (const auto& change : update.changes) {
    const auto market_time = stamp();
    sink_.on_subscription(change.tokens, change.mode, change.added, market_time,
                          options_.utc_now());
  }
  write_next();
}

void engine::write_next() {
  if (outbox_.empty()) {
    writing_ = false;
    return sync();
  }
  writing_ = true;
  write_started_ = steady::now();
  connection_->write(std::move(outbox_.front()));
  outbox_.pop_front();
}

void engine::on_written() {
  if (!stopping_) write_next();
}

void engine::on_failure(connection_failure failure) {
  if (stopping_) return finish_stop();
  using kind = connection_failure::kind;
  if (failure.what == kind::protocol) {
    return lost(state::backing_off, gap_cause::feed_error, std::move(failure.detail));
  }
  if (failure.what == kind::lost) {
    return lost(state::backing_off, gap_cause::disconnected, std::move(failure.detail));
  }
  switch (failure.http_status) {
    case 403:
      return lost(state::token_expired, gap_cause::token_expired, std::move(failure.detail));
    case 429:
      return lost(state::rate_limited, gap_cause::rate_limited, std::move(failure.detail));
    default:
      return lost(state::backing_off,
                  failure.http_status >= 500 ? gap_cause::disconnected : gap_cause::feed_error,
                  std::move(failure.detail));
  }
}

void engine::lost(state next, gap_cause cause, std::string detail) {
  connection_->abort();
  connection_.reset();
  ++epoch_;
  open_ = live_ = heard_ = paused_ = writing_ = false;
  outbox_.clear();
  sent_.clear();
  deadline_.cancel();
  watchdog_.cancel();
  replace_all(detail, token_.reveal(), "(token)");
  replace_all(detail, encode_parameters({{"", token_.reveal()}}).substr(1), "(token)");
  detail = server_.authority() + ": " + detail;
  shared_.current = next;
  if (next == state::token_expired) {
    detail += "; waiting for a new login";
    backoff_.reset();
    wait_for_login();
  } else {
    const auto wait = next == state::rate_limited ? backoff_.longest() : backoff_.next();
    detail += "; next try in " + text_of(wait);
    retry_after(wait);
  }
  const auto market_time = stamp();
  sink_.on_state({next, cause, std::move(detail), std::min(heard_at_, market_time)}, market_time,
                 options_.utc_now());
}

void engine::retry_after(std::chrono::milliseconds wait) {
  retry_.expires_after(wait);
  retry_.async_wait([this, epoch = epoch_](error_code ec) {
    if (!ec && epoch == epoch_ && !stopping_) attempt();
  });
}

void engine::wait_for_login() {
  retry_.expires_after(options_.login_poll);
  retry_.async_wait([this, epoch = epoch_](error_code ec) {
    if (ec || epoch != epoch_ || stopping_) return;
    if (options_.access_token() == token_) return wait_for_login();
    attempt();
  });
}

void engine::arm_watchdog() {
  watchdog_.expires_at(last_life_ + options_.silence_limit);
  watchdog_.async_wait([this, epoch = epoch_](error_code ec) {
    if (!ec && epoch == epoch_ && open_ && !paused_ && !stopping_) watch();
  });
}

void engine::watch() {
  const auto now = steady::now();
  if (writing_ && now - write_started_ >= options_.silence_limit) {
    return lost(state::backing_off, gap_cause::stalled,
                "does not read what is sent to it since " + text_of(options_.silence_limit));
  }
  if (now - last_life_ < options_.silence_limit) return arm_watchdog();
  if (live_ || !heard_) {
    return lost(state::backing_off, gap_cause::stalled,
                "silent for " + text_of(options_.silence_limit));
  }
  lost(state::backing_off, gap_cause::feed_error,
       "no clock message within " + text_of(options_.silence_limit) +
           "; only artham's own exchange sends one, Kite itself needs this host's clock");
}

void engine::watch_ticks() {
  if (!live_ || paused_ || stopping_ || sent_.empty()) return;
  const bool stalled = ticks_.stalled(market_time_, nanoseconds(steady::now()));
  const auto expected = ticks_.expectation(market_time_);
  {
    const std::lock_guard lock(shared_.mutex);
    shared_.expected = expected;
  }
  if (!stalled) return;
  // The peer lives, but what was lost begins with the last tick.
  heard_at_ = ticks_.last_heard();
  const auto silence = (market_time_ - heard_at_) / market::millisecond;
  lost(state::backing_off, gap_cause::stalled,
       "connected, but no tick for " + text_of(std::chrono::milliseconds(silence)) + ", where " +
           std::to_string(expected.frames_per_hour) + " messages an hour are usual");
}

void engine::tick() {
  const auto now = options_.utc_now();
  stamp();
  watch_ticks();
  const auto nap = std::min(intervals_.until_next(now), longest_nap);
  clock_.expires_after(std::chrono::nanoseconds(nap));
  clock_.async_wait([this](error_code ec) {
    if (!ec && !stopping_) tick();
  });
}

market::timestamp engine::stamp() {
  if (options_.clock == clock_source::exchange) return market_time_;
  const auto now = options_.utc_now();
  intervals_.advance(now, [&](market::timestamp multiple) {
    market_time_ = std::max(market_time_, multiple);
    sink_.on_market_time(multiple, now);
  });
  market_time_ = std::max(market_time_, now);
  return market_time_;
}

void engine::finish_stop() {
  if (connection_) connection_->abort();
  io_.stop();
}

}  // namespace artham::feed::kite
