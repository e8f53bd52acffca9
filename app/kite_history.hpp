#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "feed/kite/rest.hpp"
#include "market/bar.hpp"
#include "market/calendar.hpp"

namespace artham::app {

/// Kite's official candles by REST, at the rate that Kite allows: 3 requests a second. A request
/// that finds the server out of order or too busy is made again, a second and two seconds later;
/// one that is refused is not. Calls block.
class kite_history {
 public:
  kite_history(feed::kite::rest_server server, feed::kite::credentials who)
      : server_(std::move(server)), who_(std::move(who)) {}

  /// Candles that start in [from, to), in as many requests as Kite wants.
  [[nodiscard]] result<std::vector<feed::kite::candle>> fetch(std::uint32_t token,
                                                              market::timeframe tf,
                                                              market::timestamp from,
                                                              market::timestamp to);
  [[nodiscard]] std::size_t requests() const { return requests_; }

 private:
  void wait_for_turn();

  feed::kite::rest_server server_;
  feed::kite::credentials who_;
  std::size_t requests_ = 0;
  std::chrono::steady_clock::time_point next_turn_{};
};

/// Of the settings and the login that the data directory keeps; `url`, when given, in place of
/// feed.rest_url.
[[nodiscard]] result<kite_history> history_of(const config::settings& s, const std::string& url);

/// Candles as bars: ended by the calendar, a day begun by its first session.
[[nodiscard]] std::vector<market::bar> official_bars(const std::vector<feed::kite::candle>& candles,
                                                     std::uint32_t token, market::timeframe tf,
                                                     const market::calendar& cal);

}  // namespace artham::app
