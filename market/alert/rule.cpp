#include "market/alert/rule.hpp"

namespace artham::market::alert {

result<rule_key> parse_rule_key(std::string_view text) {
  const auto refuse = [&] {
    return fail(errc::bad_input,
                "key \"" + std::string(text.substr(0, 100)) +
                    "\" is nothing that can be watched: expected tick:EXCHANGE:SYMBOL, "
                    "bar:EXCHANGE:SYMBOL:TIMEFRAME, greeks:EXCHANGE:SYMBOL, "
                    "chain:UNDERLYING:EXPIRY, gap or gap:EXCHANGE:SYMBOL");
  };
  rule_key k;
  if (text == "gap") {
    k.of = subject::gap;
    return k;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return refuse();
  const auto kind = text.substr(0, colon);
  auto rest = text.substr(colon + 1);
  const auto last = rest.rfind(':');
  if (last == std::string_view::npos || last == 0) return refuse();
  if (kind == "chain") {
    const auto expiry = parse_date(rest.substr(last + 1));
    if (!expiry)
      return fail(errc::bad_input,
                  "key \"" + std::string(text.substr(0, 100)) + "\": " + expiry.error().message);
    k.of = subject::chain;
    k.expiry = *expiry;
    k.instrument = rest.substr(0, last);
    return k;
  }
  if (kind == "bar") {
    const auto tf = parse_timeframe(rest.substr(last + 1));
    if (!tf)
      return fail(errc::bad_input,
                  "key \"" + std::string(text.substr(0, 100)) + "\": " + tf.error().message);
    k.of = subject::bar;
    k.timeframe = *tf;
    rest = rest.substr(0, last);
  } else if (kind == "tick") {
    k.of = subject::tick;
  } else if (kind == "greeks") {
    k.of = subject::greeks;
  } else if (kind == "gap") {
    k.of = subject::gap;
  } else {
    return refuse();
  }
  const auto split = rest.find(':');
  if (split == std::string_view::npos || split == 0 || split + 1 == rest.size()) return refuse();
  k.instrument = rest;
  return k;
}

std::string_view to_string(repeat r) {
  return r == repeat::once ? "once" : "each";
}

result<repeat> parse_repeat(std::string_view text) {
  if (text == "once") return repeat::once;
  if (text == "each") return repeat::each;
  return fail(errc::bad_input,
              "'" + std::string(text.substr(0, 40)) + "' is neither once nor each");
}

}  // namespace artham::market::alert
