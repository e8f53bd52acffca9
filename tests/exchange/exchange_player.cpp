/// exchange_player RECORDING|N SPEED|max [PORT]: an exchange for tests in other languages. Prints
/// its port, starts when subscriptions are quiet, ends with its standard input.

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/calendar_file.hpp"
#include "exchange/server.hpp"

int main(int argc, char** argv) {
  using namespace artham;
  if (argc < 3) {
    std::fputs("usage: exchange_player RECORDING|N SPEED|max [PORT]\n", stderr);
    return 2;
  }
  exchange::options o;
  o.start = exchange::start_when::subscribe;
  o.control = true;
  o.heartbeat = 100 * market::millisecond;
  o.on_finished = [] {
    std::puts("finished");
    std::fflush(stdout);
  };
  for (const auto* name : {"NSE", "NFO", "BSE", "CDS", "MCX"}) {
    auto loaded = config::load_calendar(name);
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
      return exit_code(loaded.error().code);
    }
    o.calendars.emplace(name, loaded->calendar);
  }
  const std::string what = argv[1];
  std::uint32_t instruments = 0;
  const auto read = std::from_chars(what.data(), what.data() + what.size(), instruments);
  if (read.ec == std::errc() && read.ptr == what.data() + what.size()) {
    exchange::synthetic_source_options market;
    market.market.instruments = instruments;
    market.start = o.calendars.at("NSE")->day(market::make_date(2026, 11, 20)).sessions.at(0).open;
    o.source = market;
  } else {
    o.source = exchange::recording_source_options{what, 0};
  }
  if (const std::string speed = argv[2]; speed == "max") {
    o.speed.reset();
  } else {
    o.speed = std::strtod(argv[2], nullptr);
  }
  o.port = argc > 3 ? static_cast<std::uint16_t>(std::atoi(argv[3])) : std::uint16_t{0};
  auto started = exchange::start(std::move(o));
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return exit_code(started.error().code);
  }
  std::printf("%u\n", (*started)->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
