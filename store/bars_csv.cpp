#include "store/bars_csv.hpp"

#include <charconv>

#include "market/price.hpp"

namespace artham::store {
namespace {

template <class T>
void put_number(std::string& out, T value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  out += ',';
}

void put_price(std::string& out, market::price p) {
  char text[market::price_text_max];
  out.append(text, market::write_price(text, p));
  out += ',';
}

}  // namespace

void append_bar_csv(std::string& out, const market::bar& b, market::duration utc_offset) {
  const auto has = [&](market::bar::field f) { return (b.fields & f) != 0; };
  put_number(out, b.token);
  out += market::to_rfc3339(b.start, utc_offset);
  out += ',';
  put_price(out, b.open);
  put_price(out, b.high);
  put_price(out, b.low);
  put_price(out, b.close);
  has(market::bar::volume_known) ? put_number(out, b.volume) : void(out += ',');
  has(market::bar::oi_known) ? put_number(out, b.oi) : void(out += ',');
  has(market::bar::oi_change_known) ? put_number(out, b.oi_change) : void(out += ',');
  has(market::bar::vwap_known) ? put_price(out, b.vwap) : void(out += ',');
  put_number(out, b.ticks);
  if (b.flags != 0) out += market::flags_text(b.flags);
  out += ',';
  put_number(out, b.revision);
  out.back() = '\n';
}

}  // namespace artham::store
