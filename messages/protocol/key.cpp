#include "messages/protocol/key.hpp"

namespace artham::protocol {

result<key> parse_key(std::string_view text) {
  const auto forms = "\"" + std::string(text) +
                     "\" is no key: tick:EXCHANGE:SYMBOL, bar:EXCHANGE:SYMBOL:TIMEFRAME, "
                     "greeks:EXCHANGE:SYMBOL, chain:UNDERLYING:EXPIRY or system";
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return fail(errc::bad_input, forms);
  const auto kind = text.substr(0, colon);
  auto rest = text.substr(colon + 1);
  key k;
  if (kind == "bar") {
    k.kind = key::what::bar;
    const auto last = rest.rfind(':');
    if (last == std::string_view::npos) return fail(errc::bad_input, forms);
    auto tf = market::parse_timeframe(rest.substr(last + 1));
    if (!tf) return tl::unexpected(tf.error());
    k.timeframe = *tf;
    rest = rest.substr(0, last);
  } else if (kind == "chain") {
    k.kind = key::what::chain;
    const auto last = rest.rfind(':');
    if (last == std::string_view::npos || last == 0) return fail(errc::bad_input, forms);
    const auto expiry = market::parse_date(rest.substr(last + 1));
    if (!expiry) return tl::unexpected(expiry.error());
    k.expiry = *expiry;
    k.instrument = rest.substr(0, last);
    return k;
  } else if (kind == "greeks") {
    k.kind = key::what::greeks;
  } else if (kind != "tick") {
    return fail(errc::bad_input, forms);
  }
  const auto split = rest.find(':');
  if (split == std::string_view::npos || split == 0 || split + 1 == rest.size())
    return fail(errc::bad_input, forms);
  k.instrument = rest;
  return k;
}

}  // namespace artham::protocol
