#include "bench/bridge_market.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "config/calendar_file.hpp"
#include "exchange/synthetic_source.hpp"
#include "feed/kite/codec.hpp"
#include "feed/synthetic/random.hpp"

namespace artham::bench {
namespace {

constexpr market::timestamp ten_in_india = 1'795'408'200 * market::second;  // 2026-11-23, a Monday

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bridge_bench: %s\n", what.c_str());
  std::exit(1);
}

void add_plain(std::vector<plain_tick>& to, std::string_view frame, market::timestamp receive,
               std::size_t most) {
  feed::kite::for_each_packet(frame, [&](std::string_view packet) {
    const auto t = feed::kite::decode_packet(packet);
    if (!t || to.size() == most) return;
    to.push_back({t->token, receive, t->exchange_time, t->last_trade_time, t->last.units,
                  t->average.units, t->volume, t->oi, t->buy_quantity, t->sell_quantity});
  });
}

}  // namespace

bridge_market make_bridge_market(std::uint32_t instruments, std::uint64_t ticks,
                                 std::size_t plain_ticks, std::size_t block_bytes) {
  std::map<std::string, market::calendar_ptr> calendars;
  for (const auto* name : {"NSE", "NFO"}) {
    const auto loaded = config::load_calendar(name);
    if (!loaded) die(loaded.error().message);
    calendars.emplace(name, loaded->calendar);
  }
  exchange::synthetic_source_options o;
  o.market.instruments = instruments;
  o.market.activity = feed::synthetic::activity::every_second;
  o.start = ten_in_india;
  auto source = exchange::make_synthetic_source(o, calendars);
  if (!source) die(source.error().message);

  bridge_market m;
  auto block = std::make_shared<record::block>();
  const auto finish = [&] {
    block->epoch = 1;
    block->first_seq = m.count - block->count + 1;
    m.blocks.push_back(block);
    block = std::make_shared<record::block>();
  };
  feed::synthetic::random jitter(7);
  while (m.count < ticks) {
    const auto at = *(*source)->next_at();
    const auto frame = (*source)->next();
    const auto packets = feed::kite::load_u16(frame.data());
    const auto receive = at + 200'000 + jitter.below(300'000);
    if (!block->payload.empty() &&
        block->payload.size() + frame.size() + record::header_size > block_bytes) {
      finish();
    }
    record::append(block->payload,
                   record::with_times(record::kind::kite_frame, packets, receive,
                                      receive + jitter.below(2'000)),
                   frame);
    block->count += packets;
    m.count += packets;
    add_plain(m.ticks, frame, receive, plain_ticks);
  }
  finish();
  return m;
}

}  // namespace artham::bench
