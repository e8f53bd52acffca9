#include "web/api/kite/quotes.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "messages/protocol/json.hpp"
#include "web/api/kite/answers.hpp"

namespace artham::web::kite {
namespace {

void append_number(std::string& out, std::string_view name, std::int64_t value) {
  out.append(",\"").append(name).append("\":").append(std::to_string(value));
}
void append_price(std::string& out, std::string_view name, market::price value) {
  out.append(",\"").append(name).append("\":").append(market::to_string(value));
}

void append_ohlc(std::string& out, const market::tick& t) {
  out += ",\"ohlc\":{\"open\":" + market::to_string(t.open);
  append_price(out, "high", t.high);
  append_price(out, "low", t.low);
  append_price(out, "close", t.close);
  out += '}';
}

void append_levels(std::string& out, std::string_view name,
                   const std::array<market::depth_level, 5>& levels) {
  out.append("\"").append(name).append("\":[");
  for (const auto& level : levels) {
    if (out.back() == '}') out += ',';
    out += "{\"price\":" + market::to_string(level.px);
    append_number(out, "quantity", level.quantity);
    append_number(out, "orders", level.orders);
    out += '}';
  }
  out += ']';
}

void append_full(std::string& out, const last_tick& last) {
  const auto& t = last.tick;
  out += ",\"timestamp\":" + time_json(t.exchange_time != 0 ? t.exchange_time : last.receive);
  out += ",\"last_trade_time\":" + time_json(t.last_trade_time);
  append_price(out, "last_price", t.last);
  append_number(out, "last_quantity", t.last_quantity);
  append_number(out, "buy_quantity", t.buy_quantity);
  append_number(out, "sell_quantity", t.sell_quantity);
  append_number(out, "volume", t.volume);
  append_price(out, "average_price", t.average);
  append_number(out, "oi", t.oi);
  append_number(out, "oi_day_high", t.oi_day_high);
  append_number(out, "oi_day_low", t.oi_day_low);
  append_price(out, "net_change", {t.close.units == 0 ? 0 : t.last.units - t.close.units});
  // Packets do not carry them.
  append_number(out, "lower_circuit_limit", 0);
  append_number(out, "upper_circuit_limit", 0);
  append_ohlc(out, t);
  out += ",\"depth\":{";
  append_levels(out, "buy", t.bids);
  out += ',';
  append_levels(out, "sell", t.offers);
  out += '}';
}

void append_quote(std::string& out, const last_tick& last, quote_kind kind) {
  out += "{\"instrument_token\":" + std::to_string(last.tick.token);
  if (kind == quote_kind::full) {
    append_full(out, last);
  } else {
    append_price(out, "last_price", last.tick.last);
    if (kind == quote_kind::ohlc) append_ohlc(out, last.tick);
  }
  out += '}';
}

std::optional<std::uint32_t> token_of(const std::string& asked, const quote_sources& from) {
  std::uint32_t token = 0;
  const char* const end = asked.data() + asked.size();
  const auto [stop, ec] = std::from_chars(asked.data(), end, token);
  if (ec == std::errc() && stop == end) return token;
  return from.token_of(asked);
}

}  // namespace

http_response quotes(const text_pairs& query, quote_kind kind, const quote_sources& from) {
  std::set<std::string_view> asked;
  for (const auto& [name, value] : query)
    if (name == "i" || name == "i[]") asked.insert(value);
  if (asked.empty())
    return bad_input("no instrument is named; give i=EXCHANGE:TRADINGSYMBOL once or more");
  if (asked.size() > most_instruments(kind)) {
    return bad_input(std::to_string(asked.size()) + " instruments are more than the " +
                     std::to_string(most_instruments(kind)) + " that one request may name");
  }
  std::string data = "{";
  for (const auto& [name, value] : query) {
    // In the order in which they are named, each once.
    if ((name != "i" && name != "i[]") || asked.erase(value) == 0) continue;
    const auto token = token_of(value, from);
    if (!token) continue;
    const auto last = from.last_tick(*token);
    if (!last) return failed(last.error());
    if (!*last) continue;
    if (data.size() > 1) data += ',';
    protocol::append_text(data, value);
    data += ':';
    append_quote(data, **last, kind);
  }
  return success(data + '}');
}

}  // namespace artham::web::kite
