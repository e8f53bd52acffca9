#include "feed/recording/tick_row.hpp"

#include <string>
#include <utility>

#include "feed/kite/codec.hpp"

namespace artham::feed::recording {

using market::bar_input;
using market::tick;

namespace {

/// The first field that an index packet has no room for; empty when there is none.
std::string beyond_index(const tick& t) {
  const std::pair<column, std::int64_t> numbers[] = {
      {column::last_traded_quantity, t.last_quantity},
      {column::volume_traded, t.volume},
      {column::oi, t.oi},
      {column::average_traded_price, t.average.units},
      {column::total_buy_quantity, t.buy_quantity},
      {column::total_sell_quantity, t.sell_quantity},
      {column::last_trade_time, t.last_trade_time},
      {column::oi_day_high, t.oi_day_high},
      {column::oi_day_low, t.oi_day_low},
  };
  for (const auto& [c, value] : numbers) {
    if (value != 0) {
      return column_name(index_of(c));
    }
  }
  return t.bids != tick{}.bids || t.offers != tick{}.offers ? "depth" : "";
}

}  // namespace

bar_input to_bar_input(const tick_row& row, volume_use volume) {
  bar_input out;
  out.time = row.tick.exchange_time;
  out.token = row.tick.token;
  out.mode = row.tick.mode;
  out.last = row.tick.last;
  if (volume == volume_use::cumulative && row.has(column::volume_traded)) {
    out.volume_or_size = row.tick.volume;
    out.fields |= bar_input::volume;
  }
  if (volume == volume_use::sizes && row.has(column::last_traded_quantity)) {
    out.volume_or_size = row.tick.last_quantity;
    out.fields |= bar_input::size;
  }
  if (row.has(column::oi)) {
    out.oi = row.tick.oi;
    out.fields |= bar_input::open_interest;
  }
  return out;
}

result<tick> to_kite(const tick_row& row, std::string_view file) {
  const auto refuse = [&](const std::string& why) {
    return fail(errc::bad_input, std::string(file) + ", line " + std::to_string(row.line) + ": " +
                                     why + "; artham replay --ticks can read such rows");
  };
  if (row.tick.mode == market::tick_mode::index_full) {
    if (const auto field = beyond_index(row.tick); !field.empty()) {
      return refuse("instrument " + std::to_string(row.tick.token) + ": " + field +
                    " of an index, which its Kite packet cannot carry");
    }
  }
  std::string packet;
  if (auto fits = kite::encode_packet(packet, row.tick); !fits) {
    return refuse(fits.error().message);
  }
  return row.tick;
}

}  // namespace artham::feed::recording
