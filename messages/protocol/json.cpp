#include "messages/protocol/json.hpp"

#include <cstdint>

#include <nlohmann/json.hpp>

#include "messages/protocol/json_text.hpp"

namespace artham::protocol {

namespace {

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
  put(out, "{\"start\":", b.start / market::microsecond);
  put(out, ",\"end\":", b.end / market::microsecond);
  put(out, ",\"open\":", b.open);
  put(out, ",\"high\":", b.high);
  put(out, ",\"low\":", b.low);
  put(out, ",\"close\":", b.close);
  if ((b.fields & market::bar::volume_known) != 0) put(out, ",\"volume\":", b.volume);
  if ((b.fields & market::bar::oi_known) != 0) put(out, ",\"oi\":", b.oi);
  if ((b.fields & market::bar::oi_change_known) != 0) put(out, ",\"oi_change\":", b.oi_change);
  if ((b.fields & market::bar::vwap_known) != 0) put(out, ",\"vwap\":", b.vwap);
  put(out, ",\"ticks\":", std::int64_t{b.ticks});
  out += ",\"flags\":[";
  if (b.flags != 0) {
    out += '"';
    for (const char c : market::flags_text(b.flags)) {
      if (c == '|') {
        out += "\",\"";
      } else {
        out += c;
      }
    }
    out += '"';
  }
  put(out, "],\"revision\":", std::int64_t{b.revision});
  out += final ? ",\"final\":true}" : ",\"final\":false}";
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

}  // namespace artham::protocol
