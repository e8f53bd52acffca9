#include "web/api/udf/quotes.hpp"

#include <array>
#include <cstdio>

#include "messages/protocol/json.hpp"

namespace artham::web::udf {
namespace {

void append_price(std::string& out, std::string_view name, market::price value) {
  out.append(",\"").append(name).append("\":").append(market::to_string(value));
}

/// Of the previous close, with two decimals; 0 when there is none.
std::string percent_of(const market::tick& t) {
  if (t.close.units == 0) return "0";
  std::array<char, 32> text{};
  const double change = static_cast<double>(t.last.units - t.close.units);
  std::snprintf(text.data(), text.size(), "%.2f",
                100 * change / static_cast<double>(t.close.units));
  return text.data();
}

void append_values(std::string& out, std::string_view symbol, const market::tick& t) {
  const auto colon = symbol.find(':');
  out += "{\"short_name\":";
  protocol::append_text(out, colon == std::string_view::npos ? symbol : symbol.substr(colon + 1));
  out += ",\"exchange\":";
  protocol::append_text(out, symbol.substr(0, colon == std::string_view::npos ? 0 : colon));
  out += ",\"description\":";
  protocol::append_text(out, symbol);
  append_price(out, "lp", t.last);
  append_price(out, "ch", {t.close.units == 0 ? 0 : t.last.units - t.close.units});
  out += ",\"chp\":" + percent_of(t);
  if (t.bids[0].px.units != 0) append_price(out, "bid", t.bids[0].px);
  if (t.offers[0].px.units != 0) append_price(out, "ask", t.offers[0].px);
  if (t.bids[0].px.units != 0 && t.offers[0].px.units != 0)
    append_price(out, "spread", {t.offers[0].px.units - t.bids[0].px.units});
  append_price(out, "open_price", t.open);
  append_price(out, "high_price", t.high);
  append_price(out, "low_price", t.low);
  append_price(out, "prev_close_price", t.close);
  out += ",\"volume\":" + std::to_string(t.volume) + '}';
}

}  // namespace

result<std::vector<std::string>> read_symbols(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const auto one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    if (!one.empty()) all.emplace_back(one);
    if (all.size() > most_symbols) break;
  }
  if (all.empty() || all.size() > most_symbols) {
    return fail(errc::bad_input, "symbols has 1 to " + std::to_string(most_symbols) +
                                     " keys like NSE:INFY, with commas between them");
  }
  return all;
}

result<std::string> quotes_json(const std::vector<std::string>& symbols,
                                const quote_sources& from) {
  std::string out = R"({"s":"ok","d":[)";
  for (const auto& symbol : symbols) {
    if (out.back() == '}') out += ',';
    const auto token = from.token_of(symbol);
    result<std::optional<last_tick>> last = std::optional<last_tick>();
    if (token) last = from.last_tick(*token);
    if (!last) return tl::unexpected(last.error());
    out += *last ? R"({"s":"ok","n":)" : R"({"s":"error","n":)";
    protocol::append_text(out, symbol);
    out += ",\"v\":";
    if (*last) {
      append_values(out, symbol, (*last)->tick);
    } else {
      out += "{}";
    }
    out += '}';
  }
  return out + "]}";
}

}  // namespace artham::web::udf
