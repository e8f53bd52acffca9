#include "app/exchange_command.hpp"

#include <charconv>
#include <cstdio>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/calendars.hpp"
#include "app/environment.hpp"
#include "config/calendar_file.hpp"
#include "exchange/server.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

result<std::optional<double>> parse_speed(const std::string& text) {
  if (text == "max") return std::nullopt;
  double speed = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), speed);
  if (ec != std::errc() || end != text.data() + text.size() || !(speed > 0) || speed > 1e6) {
    return fail(errc::usage,
                "--speed \"" + text + "\" is no speed: a number above 0, such as 1 or 10, or max");
  }
  return speed;
}

result<market::timestamp> open_of(const std::string& date, const market::calendar& c) {
  auto wanted = c.local_date(runtime::utc_now());
  if (!date.empty()) {
    const auto parsed = market::parse_date(date);
    if (!parsed) return fail(parsed.error().code, "--date: " + parsed.error().message);
    if (!c.is_trading_date(*parsed))
      return fail(errc::usage, "--date " + date + " is no trading day of NSE; take another");
    wanted = *parsed;
  }
  while (!c.is_trading_date(wanted)) --wanted.days;
  return c.day(wanted).sessions.front().open;
}

result<exchange::options> options_of(const exchange_options& o) {
  exchange::options e;
  if (o.start != "now" && o.start != "subscribe") {
    return fail(errc::usage, "--start \"" + o.start + "\": now or subscribe");
  }
  e.start = o.start == "now" ? exchange::start_when::now : exchange::start_when::subscribe;
  const auto speed = parse_speed(o.speed);
  if (!speed) return tl::unexpected(speed.error());
  e.speed = *speed;
  e.port = o.port;
  if (!o.disorder.empty()) {
    const auto disorder = exchange::parse_disorder(o.disorder);
    if (!disorder) return fail(disorder.error().code, "--disorder: " + disorder.error().message);
    e.disorder = *disorder;
  }
  e.control = o.control;
  e.limits = {o.sockets_per_key, o.tokens_per_socket};
  const auto calendars = load_calendar_set(config::builtin_calendar_names());
  if (!calendars) return tl::unexpected(calendars.error());
  for (const auto& [name, c] : calendars->by_name) e.calendars.emplace(name, c);
  if (!o.recording.empty()) {
    exchange::recording_source_options source;
    source.file = o.recording;
    e.source = std::move(source);
    return e;
  }
  exchange::synthetic_source_options source;
  source.market.seed = o.seed;
  source.market.instruments = o.synthetic;
  source.market.chains = o.chains;
  if (o.every_second) source.market.activity = feed::synthetic::activity::every_second;
  const auto open = open_of(o.date, *calendars->by_name.at("NSE"));
  if (!open) return tl::unexpected(open.error());
  source.start = *open;
  e.source = source;
  return e;
}

}  // namespace

int run_exchange(const exchange_options& options, signals& stop) {
  auto e = options_of(options);
  if (!e) return report(e.error());
  e->on_finished = [] { runtime::log().info("exchange: everything was played"); };
  const auto server = exchange::start(std::move(*e));
  if (!server) return report(server.error());
  std::printf("ws://127.0.0.1:%u\n", (*server)->port());
  std::fflush(stdout);
  static_cast<void>(stop.wait());
  (*server)->stop();
  return 0;
}

}  // namespace artham::app
