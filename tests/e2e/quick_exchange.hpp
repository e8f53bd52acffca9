#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <doctest/doctest.h>

#include "app/calendars.hpp"
#include "config/calendar_file.hpp"
#include "exchange/server.hpp"

namespace artham::test {

/// Every instrument ticks every second of market time, sixty of which are one of ours.
inline std::unique_ptr<exchange::server> quick_exchange(std::uint32_t instruments,
                                                        exchange::key_limits limits = {}) {
  exchange::options o;
  const auto calendars = app::load_calendar_set(config::builtin_calendar_names());
  REQUIRE(calendars);
  for (const auto& [name, c] : calendars->by_name) o.calendars.emplace(name, c);
  exchange::synthetic_source_options source;
  source.market.instruments = instruments;
  source.market.activity = feed::synthetic::activity::every_second;
  source.start = o.calendars.at("NSE")->day(market::make_date(2026, 11, 20)).sessions.front().open;
  o.source = source;
  o.speed = 60;
  o.limits = limits;
  auto started = exchange::start(std::move(o));
  REQUIRE(started);
  return std::move(*started);
}

}  // namespace artham::test
