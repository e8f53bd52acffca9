#include "messages/protocol/json.hpp"

#include <array>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "messages/protocol/json_text.hpp"

namespace artham::protocol {

namespace {

/// Room for a bar: names, numbers of any length, and all flags.
constexpr std::size_t bar_room = 1'024;
static_assert(14 * (number_text_max + 18) + 128 < bar_room);

void put_depth(std::string& out, std::string_view member,
               const std::array<market::depth_level, 5>& levels) {
  out += member;
  bool first = true;
  for (const auto& l : levels) {
    if (l.px.units == 0) continue;
    put(out, first ? "{\"price\":" : ",{\"price\":", l.px);
    put(out, ",\"quantity\":", std::int64_t{l.quantity});
    put(out, ",\"orders\":", std::int64_t{l.orders});
    out += '}';
    first = false;
  }
  out += ']';
}

}  // namespace

void append_bar(std::string& out, const market::bar& b, bool final) {
  std::array<char, bar_room> room;
  member_writer w(room.data());
  w.put("{\"start\":", b.start / market::microsecond);
  w.put(",\"end\":", b.end / market::microsecond);
  w.put(",\"open\":", b.open);
  w.put(",\"high\":", b.high);
  w.put(",\"low\":", b.low);
  w.put(",\"close\":", b.close);
  if ((b.fields & market::bar::volume_known) != 0) w.put(",\"volume\":", b.volume);
  if ((b.fields & market::bar::oi_known) != 0) w.put(",\"oi\":", b.oi);
  if ((b.fields & market::bar::oi_change_known) != 0) w.put(",\"oi_change\":", b.oi_change);
  if ((b.fields & market::bar::vwap_known) != 0) w.put(",\"vwap\":", b.vwap);
  w.put(",\"ticks\":", std::int64_t{b.ticks});
  w.put(",\"flags\":[");
  if (b.flags != 0) {
    w.put("\"");
    for (const char c : market::flags_text(b.flags)) {
      w.put(c == '|' ? std::string_view("\",\"") : std::string_view(&c, 1));
    }
    w.put("\"");
  }
  w.put("],\"revision\":", std::int64_t{b.revision});
  w.put(final ? ",\"final\":true}" : ",\"final\":false}");
  out.append(room.data(), w.end());
}

void append_tick(std::string& out, const market::tick& t, market::timestamp receive) {
  put(out, "{\"last\":", t.last);
  put(out, ",\"t_rx\":", receive / market::microsecond);
  if (t.exchange_time != 0) put(out, ",\"t_ex\":", t.exchange_time / market::microsecond);
  if (market::has_day_ohlc(t.mode)) {
    put(out, ",\"open\":", t.open);
    put(out, ",\"high\":", t.high);
    put(out, ",\"low\":", t.low);
    put(out, ",\"close\":", t.close);
  }
  if (market::has_volume(t.mode)) {
    put(out, ",\"last_quantity\":", t.last_quantity);
    put(out, ",\"average\":", t.average);
    put(out, ",\"volume\":", t.volume);
    put(out, ",\"buy_quantity\":", t.buy_quantity);
    put(out, ",\"sell_quantity\":", t.sell_quantity);
  }
  if (market::has_full(t.mode)) {
    if (t.last_trade_time != 0) put(out, ",\"t_trade\":", t.last_trade_time / market::microsecond);
    put(out, ",\"oi\":", t.oi);
    put(out, ",\"oi_day_high\":", t.oi_day_high);
    put(out, ",\"oi_day_low\":", t.oi_day_low);
    put_depth(out, ",\"bids\":[", t.bids);
    put_depth(out, ",\"offers\":[", t.offers);
  }
  out += '}';
}

void append_text(std::string& out, std::string_view text) {
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_deeper_than(std::string_view text, int levels) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > levels) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace artham::protocol
