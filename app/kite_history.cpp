#include "app/kite_history.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "app/environment.hpp"
#include "app/kite_keys.hpp"
#include "feed/kite/endpoint.hpp"
#include "feed/kite/token_file.hpp"
#include "market/bar_zone.hpp"

namespace artham::app {

namespace {

constexpr std::chrono::milliseconds between_requests{340};
constexpr int tries = 3;

/// Where a candle's bar begins and ends; as labelled when the calendar knows no session there.
market::bar_bounds bounds_at(market::timestamp start, market::timeframe tf,
                             const market::calendar& cal) {
  if (tf == market::one_trading_day) {
    const auto sessions = cal.day(cal.local_date(start)).sessions;
    if (sessions.empty()) return {start, start + market::day};
    return {sessions.front().open, sessions.back().close};
  }
  const auto zone = market::zone_at(cal, start);
  if (!zone.in_session) return {start, start + tf.length};
  return {start, market::bounds_of(tf, zone, start).end};
}

}  // namespace

void kite_history::wait_for_turn() {
  std::this_thread::sleep_until(next_turn_);
  next_turn_ = std::chrono::steady_clock::now() + between_requests;
  ++requests_;
}

result<std::vector<feed::kite::candle>> kite_history::fetch(std::uint32_t token,
                                                            market::timeframe tf,
                                                            market::timestamp from,
                                                            market::timestamp to) {
  std::vector<feed::kite::candle> all;
  const auto longest = feed::kite::longest_request(tf);
  while (from < to) {
    const auto end = to - from > longest ? from + longest : to;
    result<std::vector<feed::kite::candle>> some;
    for (int n = 1;; ++n) {
      wait_for_turn();
      some = feed::kite::fetch_candles(server_, who_, token, tf, from, end - 1);
      if (some || some.error().code != errc::unavailable || n == tries) break;
      next_turn_ = std::chrono::steady_clock::now() + std::chrono::seconds(n);
    }
    if (!some) return some;
    // Kite's times have whole seconds: a neighbour may come along.
    for (auto& c : *some) {
      if (c.start >= from && c.start < end) all.push_back(c);
    }
    from = end;
  }
  return all;
}

result<kite_history> history_of(const config::settings& s, const std::string& url) {
  feed::kite::rest_server server;
  if (!s.feed.rest_url.empty()) server.url = s.feed.rest_url;
  if (!url.empty()) server.url = url;
  if (auto known = feed::kite::parse_endpoint(server.url, "http", "https"); !known)
    return fail(errc::usage, (url.empty() ? "feed.rest_url: " : "--url: ") + known.error().message);
  auto who = rest_credentials(s, s.data.dir);
  if (!who) return tl::unexpected(who.error());
  return kite_history(std::move(server), *std::move(who));
}

std::vector<market::bar> official_bars(const std::vector<feed::kite::candle>& candles,
                                       std::uint32_t token, market::timeframe tf,
                                       const market::calendar& cal) {
  std::vector<market::bar> all;
  for (const auto& c : candles) {
    const auto bounds = bounds_at(c.start, tf, cal);
    market::bar b;
    b.token = token;
    b.start = bounds.start;
    b.end = bounds.end;
    b.open = c.open;
    b.high = c.high;
    b.low = c.low;
    b.close = c.close;
    b.volume = c.volume;
    b.fields = market::bar::volume_known;
    if (c.oi) {
      b.oi = *c.oi;
      b.fields |= market::bar::oi_known;
    }
    b.flags = static_cast<std::uint16_t>(market::bar_flag::backfilled);
    all.push_back(b);
  }
  return all;
}

}  // namespace artham::app
