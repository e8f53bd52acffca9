#include "feed/kite/engine.hpp"

#include <algorithm>
#include <random>
#include <set>
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

engine::engine(std::size_t index, asio::io_context& io, const client_options& options,
               const endpoint& server, std::shared_ptr<asio::ssl::context> tls, const decoder& d,
               engine_group& group, shared_state& shared)
    : index_(index),
      io_(io),
      options_(options),
      account_(options.accounts[index / options.sockets]),
      server_(server),
      tls_(std::move(tls)),
      decoder_(d),
      group_(group),
      shared_(shared),
      backoff_(options.backoff, std::random_device{}()),
      ticks_(options.stall, options.calendars) {}

void engine::stop() {
  stopping_ = true;
  retry_.cancel();
  watchdog_.cancel();
  if (!open_) return finish_stop();
  connection_->close();
  deadline_.expires_after(goodbye_limit);
  deadline_.async_wait([this](error_code) { finish_stop(); });
}

void engine::read_on() {
  if (!held_ || !open_ || stopping_ || !group_.may_read(index_)) return;
  held_ = false;
  last_life_ = steady::now();
  ticks_.resumed(nanoseconds(last_life_));
  arm_watchdog();
  connection_->read();
}

void engine::read_or_hold() {
  if (!open_ || stopping_) return;
  if (group_.may_read(index_)) return connection_->read();
  held_ = true;
  watchdog_.cancel();
}

void engine::attempt() {
  current() = state::connecting;
  token_ = account_.access_token();
  auto target =
      (server_.path.empty() ? "/" : server_.path) + "?" +
      encode_parameters({{"api_key", account_.api_key}, {"access_token", token_.reveal()}});
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
  read_or_hold();
}

void engine::became_live() {
  live_ = true;
  current() = state::live;
  const auto market_time = group_.stamp();
  heard_at_ = market_time;
  ticks_.connected(market_time, nanoseconds(steady::now()));
  state_change change;
  change.state = state::live;
  change.connection = static_cast<std::uint32_t>(index_);
  group_.on_state(std::move(change), market_time);
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
  read_or_hold();
}

void engine::heard_now() {
  last_life_ = steady::now();
  heard_at_ = options_.clock == clock_source::host ? options_.utc_now() : group_.stamp();
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
  const auto market_time = group_.stamp();
  ticks_.heard(market_time, nanoseconds(last_life_));
  group_.on_frame(std::move(frame), market_time);
}

void engine::take_text(std::string text) {
  shared_.count.text.add();
  auto frame = read_text_frame(text);
  if (frame.kind == text_kind::notice) {
    group_.on_text(std::move(frame.type), std::move(text));
    return;
  }
  if (frame.kind == text_kind::clock && options_.clock == clock_source::exchange)
    take_clock(frame.market_time);
}

void engine::take_clock(market::timestamp t) {
  if (live_ && t < clock_) {
    shared_.count.malformed.add();
    return;
  }
  clock_ = t;
  group_.set_clock(index_, t);
  if (!live_) {
    last_life_ = steady::now();
    became_live();
  }
  group_.tell_time();
}

subscriptions engine::wanted() {
  const std::lock_guard lock(shared_.mutex);
  return shared_.book.wanted(index_);
}

void engine::sync() {
  if (writing_ || stopping_) return;
  if (!live_) return tell_removed();
  auto now = wanted();
  auto update = plan_update(sent_, now, options_.chunk);
  if (update.messages.empty()) return;
  sent_ = std::move(now);
  told_ = sent_;
  count_calendars();
  outbox_.assign(std::move_iterator(update.messages.begin()),
                 std::move_iterator(update.messages.end()));
  for (const auto& change : update.changes) group_.on_subscription(index_, change);
  write_next();
}

void engine::count_calendars() {
  if (!options_.calendar_of) return;
  std::set<market::calendar_ptr> own;
  for (const auto& entry : sent_) own.insert(options_.calendar_of(entry.first));
  ticks_.counts(own, group_.stamp());
}

void engine::tell_removed() {
  if (told_.empty()) return;
  const auto now = wanted();
  auto kept = told_;
  std::erase_if(kept, [&](const auto& entry) { return !now.contains(entry.first); });
  for (const auto& change : plan_update(told_, kept, options_.chunk).changes)
    group_.on_subscription(index_, change);
  told_ = std::move(kept);
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
  open_ = live_ = heard_ = held_ = writing_ = false;
  outbox_.clear();
  sent_.clear();
  deadline_.cancel();
  watchdog_.cancel();
  replace_all(detail, token_.reveal(), "(token)");
  replace_all(detail, encode_parameters({{"", token_.reveal()}}).substr(1), "(token)");
  detail = server_.authority() + ": " + detail;
  current() = next;
  if (next == state::token_expired) {
    detail += "; waiting for a new login";
    backoff_.reset();
    wait_for_login();
  } else {
    const auto wait = next == state::rate_limited ? backoff_.longest() : backoff_.next();
    detail += "; next try in " + text_of(wait);
    retry_after(wait);
  }
  const auto market_time = group_.stamp();
  state_change change;
  change.state = next;
  change.cause = cause;
  change.detail = std::move(detail);
  change.heard = std::min(heard_at_, market_time);
  change.connection = static_cast<std::uint32_t>(index_);
  change.tokens.emplace();
  for (const auto& entry : told_) change.tokens->push_back(entry.first);
  group_.on_state(std::move(change), market_time);
  tell_removed();
  // Only now: clock marks beyond the loss come behind the mark that tells it.
  group_.lose_clock(index_);
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
    if (account_.access_token() == token_) return wait_for_login();
    attempt();
  });
}

void engine::arm_watchdog() {
  watchdog_.expires_at(last_life_ + options_.silence_limit);
  watchdog_.async_wait([this, epoch = epoch_](error_code ec) {
    if (!ec && epoch == epoch_ && open_ && !held_ && !stopping_) watch();
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
  if (!live_ || held_ || stopping_ || sent_.empty()) return;
  const auto now = group_.stamp();
  const bool stalled = ticks_.stalled(now, nanoseconds(steady::now()));
  const auto expected = ticks_.expectation(now);
  {
    const std::lock_guard lock(shared_.mutex);
    shared_.connection[index_].expected = expected;
  }
  if (!stalled) return;
  // The peer lives, but what was lost begins with the last tick.
  heard_at_ = ticks_.last_heard();
  const auto silence = (now - heard_at_) / market::millisecond;
  lost(state::backing_off, gap_cause::stalled,
       "connected, but no tick for " + text_of(std::chrono::milliseconds(silence)) + ", where " +
           std::to_string(expected.frames_per_hour) + " messages an hour are usual");
}

void engine::finish_stop() {
  if (std::exchange(stopped_, true)) return;
  if (connection_) connection_->abort();
  group_.on_stopped();
}

}  // namespace artham::feed::kite
