#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "config/calendar_file.hpp"
#include "exchange/server.hpp"
#include "feed/synthetic/generator.hpp"
#include "market/time.hpp"

namespace artham::exchange::test {

inline market::calendar_ptr calendar(const char* name) {
  auto loaded = config::load_calendar(name);
  REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().message));
  return loaded->calendar;
}

inline std::map<std::string, market::calendar_ptr> calendars() {
  std::map<std::string, market::calendar_ptr> all;
  for (const auto* name : {"NSE", "NFO", "BSE", "CDS", "MCX"}) {
    all.emplace(name, calendar(name));
  }
  return all;
}

/// A Friday; the next trading day is Monday the 23rd.
inline const market::date friday = market::make_date(2026, 11, 20);

inline market::timestamp open_of(market::date d) {
  return calendar("NSE")->day(d).sessions.at(0).open;
}

inline feed::synthetic::generator generator(feed::synthetic::options o) {
  auto made = feed::synthetic::generator::make(o, calendar("NSE"), calendar("NFO"));
  REQUIRE(made);
  return std::move(*made);
}

/// Polls until the condition holds; false after ten seconds.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace artham::exchange::test
