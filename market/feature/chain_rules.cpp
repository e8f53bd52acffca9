#include "market/feature/chain_rules.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace artham::market::feature {

namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(at), text.size());
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

result<double> parse_fraction(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !(std::abs(value) <= 1)) {
    return fail(errc::usage, "must be a yearly rate from -1 to 1 such as 0.065, not '" +
                                 std::string(text) + "'");
  }
  return value;
}

result<duration> parse_limit(std::string_view text) {
  const auto parsed = parse_duration(text);
  if (!parsed || *parsed < second || *parsed > day) {
    return fail(errc::usage, "must be a duration from 1s to 1d, not '" + std::string(text) + "'");
  }
  return *parsed;
}

result<void> set(chain_rules& r, std::string_view key, std::string_view value) {
  const auto assign = [](auto& target, auto parsed) -> result<void> {
    if (!parsed) return tl::unexpected(parsed.error());
    target = *parsed;
    return {};
  };
  const auto refuse = [&](const char* accepted) -> result<void> {
    return fail(errc::usage,
                std::string("must be ") + accepted + ", not '" + std::string(value) + "'");
  };
  if (key == "model") {
    if (value != "black76" && value != "bs") return refuse("black76 or bs");
    r.model = value == "bs" ? option::pricing::black_scholes : option::pricing::black76;
    return {};
  }
  if (key == "years") {
    if (value != "calendar" && value != "trading") return refuse("calendar or trading");
    r.years = value == "trading" ? year_rule::trading : year_rule::calendar;
    return {};
  }
  if (key == "forward") return assign(r.sources, parse_sources(value));
  if (key == "rate") return assign(r.rate, parse_fraction(value));
  if (key == "dividend") return assign(r.dividend, parse_fraction(value));
  if (key == "stale_option") return assign(r.stale_option, parse_limit(value));
  if (key == "stale_underlying") return assign(r.stale_underlying, parse_limit(value));
  return fail(errc::usage,
              "is no part of it: model forward rate dividend years stale_option stale_underlying");
}

}  // namespace

std::string_view name(forward_source s) {
  switch (s) {
    case forward_source::parity:
      return "parity";
    case forward_source::future:
      return "future";
    case forward_source::spot:
      return "spot";
    case forward_source::none:
      break;
  }
  return "none";
}

result<std::array<forward_source, 3>> parse_sources(std::string_view text) {
  std::array<forward_source, 3> sources{};
  std::size_t count = 0;
  for (const auto part : split(text, " +,")) {
    auto found = forward_source::none;
    for (const auto s : {forward_source::parity, forward_source::future, forward_source::spot}) {
      if (part == name(s)) found = s;
    }
    const bool again = std::find(sources.begin(), sources.end(), found) != sources.end();
    if (found == forward_source::none || count == sources.size() || (count != 0 && again)) {
      count = 0;
      break;
    }
    sources[count++] = found;
  }
  if (count == 0) {
    return fail(errc::usage, "must name some of parity, future and spot, each once, not '" +
                                 std::string(text) + "'");
  }
  return sources;
}

result<std::pair<std::string, chain_rules>> parse_chain_rules(std::string_view text,
                                                              const chain_rules& common) {
  const auto parts = split(text, " ");
  if (parts.empty() || parts.front().find('=') != std::string_view::npos) {
    return fail(errc::usage, "must begin with an underlying, as in 'NIFTY rate=0.065', not '" +
                                 std::string(text) + "'");
  }
  auto rules = common;
  for (const auto part : std::span(parts).subspan(1)) {
    const auto sign = part.find('=');
    const auto key = part.substr(0, sign);
    const auto value = sign == std::string_view::npos ? "" : part.substr(sign + 1);
    if (auto done = set(rules, key, value); !done) {
      return fail(errc::usage, std::string(parts.front()) + ": " + std::string(key) + " " +
                                   done.error().message);
    }
  }
  return std::pair(std::string(parts.front()), rules);
}

std::string write_sources(const std::array<forward_source, 3>& sources, std::string_view between) {
  std::string text;
  for (const auto s : sources) {
    if (s == forward_source::none) break;
    if (!text.empty()) text += between;
    text += name(s);
  }
  return text;
}

}  // namespace artham::market::feature
