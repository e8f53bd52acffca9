#include "app/backfill.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <nlohmann/json.hpp>

#include "app/data_directory.hpp"
#include "app/environment.hpp"
#include "app/kite_history.hpp"
#include "app/lost_bars.hpp"
#include "app/official_data.hpp"
#include "app/progress.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace artham::app {

namespace {

struct backfilled {
  std::size_t gaps = 0;
  std::size_t instruments = 0;
  std::size_t requests = 0;
  std::size_t candles = 0;
  store::candle_counts stored;
  std::optional<error> refused;  ///< the first instrument that Kite did not take
};

bool within(const std::vector<market::bar_bounds>& stretches, market::timestamp start) {
  return std::ranges::any_of(
      stretches, [&](const market::bar_bounds& s) { return start >= s.start && start < s.end; });
}

/// Kite labels a day by its midnight.
market::timestamp label_of(market::timestamp start, market::timeframe tf,
                           const market::calendar& cal) {
  if (tf != market::one_trading_day) return start;
  return cal.local_date(start).days * market::day - cal.utc_offset(start);
}

/// The candles of an instrument's lost bars: from the first to the last one in as few requests as
/// can be, as requests are what Kite counts.
result<std::vector<market::bar>> fetch(kite_history& kite, std::uint32_t token,
                                       market::timeframe tf, const market::calendar& cal,
                                       const std::vector<market::bar_bounds>& stretches) {
  std::vector<market::bar> all;
  const auto longest = feed::kite::longest_request(tf);
  for (std::size_t i = 0; i < stretches.size();) {
    const auto from = label_of(stretches[i].start, tf, cal);
    auto to = stretches[i].end;
    for (++i; i < stretches.size() && stretches[i].end - from <= longest; ++i)
      to = stretches[i].end;
    const auto candles = kite.fetch(token, tf, from, to);
    if (!candles) return tl::unexpected(candles.error());
    for (const auto& b : official_bars(*candles, token, tf, cal)) {
      if (within(stretches, b.start)) all.push_back(b);
    }
  }
  return all;
}

result<backfilled> run_backfill(const backfill_options& o) {
  const auto s = load(o.settings);
  if (!s) return tl::unexpected(s.error());
  const auto tf = feed::kite::parse_interval(o.interval);
  if (!tf) return fail(tf.error().code, "--interval: " + tf.error().message);
  const auto data = open_official_data(*s);
  if (!data) return tl::unexpected(data.error());
  const auto dir = find_journal(s->data.dir);
  if (!dir) return tl::unexpected(dir.error());
  const auto opened = bridge::local::open_read_only(*dir);
  if (!opened) return tl::unexpected(opened.error());
  auto kite = history_of(*s, o.url);
  if (!kite) return tl::unexpected(kite.error());
  const auto gaps = data->store->reading().gaps(0, market::never);
  if (!gaps) return tl::unexpected(gaps.error());
  const feed::kite::frame_decoder decoder;
  const auto lost = find_lost_bars(*opened->journal, decoder, *gaps, *tf, [&](std::uint32_t token) {
    return data->index->calendar_of(token);
  });
  if (!lost) return tl::unexpected(lost.error());

  backfilled answer;
  answer.gaps = gaps->size();
  progress shown("backfill");
  std::size_t done = 0;
  for (const auto& [token, stretches] : *lost) {
    shown.at(done++, lost->size());
    const auto candles = fetch(*kite, token, *tf, *data->index->calendar_of(token), stretches);
    answer.requests = kite->requests();
    if (!candles && candles.error().code == errc::bad_input) {
      // Of this instrument Kite has none: the others are not to suffer.
      std::fprintf(stderr, "artham: %s: %s\n", data->name_of(token).c_str(),
                   candles.error().message.c_str());
      if (!answer.refused) answer.refused = candles.error();
      continue;
    }
    if (!candles) return tl::unexpected(candles.error());
    const auto put = data->store->writing().put_candles(store::kite_source, *tf, *candles);
    if (!put) return tl::unexpected(put.error());
    ++answer.instruments;
    answer.candles += candles->size();
    answer.stored.added += put->added;
    answer.stored.changed += put->changed;
  }
  return answer;
}

}  // namespace

int backfill(const backfill_options& options) {
  const auto answer = run_backfill(options);
  if (!answer) return report(answer.error());
  if (options.json) {
    const nlohmann::json j{{"gaps", answer->gaps},          {"instruments", answer->instruments},
                           {"requests", answer->requests},  {"candles", answer->candles},
                           {"added", answer->stored.added}, {"changed", answer->stored.changed}};
    std::printf("%s\n", j.dump().c_str());
  } else {
    std::printf("gaps %zu\ninstruments %zu\nrequests %zu\ncandles %zu\nadded %zu\nchanged %zu\n",
                answer->gaps, answer->instruments, answer->requests, answer->candles,
                answer->stored.added, answer->stored.changed);
  }
  return answer->refused ? exit_code(answer->refused->code) : 0;
}

}  // namespace artham::app
