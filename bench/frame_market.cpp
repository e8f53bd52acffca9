#include "bench/frame_market.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace artham::bench {

namespace {

constexpr std::size_t packets_per_frame = 500;

}  // namespace

using market::timestamp;

market_data make_frames(std::size_t instruments, std::size_t per_second, std::uint64_t ticks,
                        market::tick_mode mode, timestamp open) {
  market_data d;
  for (std::uint32_t i = 0; i < instruments; ++i) d.tokens.push_back((1000 + i) << 8U | 1U);
  std::uint64_t state = 88172645463325252ULL;
  const auto random = [&state] {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return state;
  };
  std::vector<std::int64_t> paise(instruments, 150'000);
  std::vector<std::int64_t> volume(instruments, 0);
  const auto step = market::second / static_cast<market::duration>(per_second);
  for (timestamp now = open; d.ticks < ticks; now += step) {
    feed::kite::frame_builder frame;
    const auto end = [&] {
      if (!frame.empty()) d.frames.push_back({now, frame.finish()});
    };
    for (std::size_t i = 0; i < instruments && d.ticks < ticks; ++i) {
      market::tick t;
      t.token = d.tokens[i];
      t.mode = mode;
      paise[i] += 5 * (static_cast<std::int64_t>(random() % 5) - 2);
      if ((random() & 1U) != 0) volume[i] += static_cast<std::int64_t>(random() % 100);
      t.last.units = paise[i] * (market::price_scale / 100);
      t.open = t.high = t.low = t.close = t.average = t.last;
      if (market::has_volume(mode)) t.volume = volume[i];
      if (market::has_full(mode)) {
        t.exchange_time = now / market::second * market::second;
        t.last_trade_time = t.exchange_time;
        for (auto& level : t.bids) level = {t.last, 75, 1};
        for (auto& level : t.offers) level = {t.last, 75, 1};
      }
      if (!frame.add(t)) std::abort();
      ++d.ticks;
      if (frame.packets() == packets_per_frame) end();
    }
    end();
  }
  return d;
}

measure plain_loop(const market_data& d, const std::vector<market::timeframe>& frames,
                   timestamp open) {
  struct bar {
    timestamp end = 0;
    std::int64_t open = 0, high = 0, low = 0, close = 0, volume = 0, closed = 0;
  };
  struct state {
    std::int64_t cumulative = 0;
    std::vector<bar> bars;
  };
  const feed::kite::frame_decoder decoder;
  const auto cpu = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  std::unordered_map<std::uint32_t, state> all;
  std::vector<market::bar_input> ticks;
  for (const auto& f : d.frames) {
    ticks.clear();
    decoder.bar_inputs(f.bytes, f.at, {1, 1}, ticks);
    for (const auto& t : ticks) {
      auto& s = all[t.token];
      if (s.bars.empty()) s.bars.resize(frames.size());
      const auto size = std::max<std::int64_t>(t.volume_or_size - s.cumulative, 0);
      s.cumulative = t.volume_or_size;
      for (std::size_t i = 0; i < frames.size(); ++i) {
        auto& b = s.bars[i];
        const auto price = t.last.units;
        if (t.time >= b.end) {
          ++b.closed;
          const auto width =
              frames[i].kind == market::timeframe::unit::intraday ? frames[i].length : market::day;
          b.end = open + ((t.time - open) / width + 1) * width;
          b.open = b.high = b.low = b.close = price;
          b.volume = size;
        } else {
          b.high = std::max(b.high, price);
          b.low = std::min(b.low, price);
          b.close = price;
          b.volume += size;
        }
      }
    }
  }
  std::int64_t keep = 0;
  for (const auto& [token, s] : all) keep += s.bars.front().closed;
  if (keep == 0) std::abort();
  const auto wall = seconds_since(begun);
  const auto n = static_cast<double>(d.ticks) / 1e6;
  return {n / wall, (cpu_seconds() - cpu) / n};
}

}  // namespace artham::bench
