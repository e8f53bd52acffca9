#include "market/indicator/spec.hpp"

#include <algorithm>
#include <charconv>

namespace artham::market::indicator {

namespace {

constexpr std::string_view accepted =
    "accepted are sma:N, ema:N, rsi:N and atr:N of 1 to 1000 bars, vwap, and vwap:K with bands K "
    "standard deviations away (up to 10)";
constexpr std::size_t most_bars = 1000;
constexpr std::size_t most_specs = 16;
constexpr price most_width{10 * price_scale};
constexpr std::string_view names[] = {"sma", "ema", "rsi", "atr", "vwap"};

tl::unexpected<error> refuse(std::string_view text, std::string_view why) {
  return fail(errc::bad_input, "indicator '" + std::string(text.substr(0, 100)) +
                                   "': " + std::string(why) + "; " + std::string(accepted));
}

result<spec> parse_spec(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto* const found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return refuse(text, "no such indicator");
  spec s;
  s.kind = static_cast<kind>(found - std::begin(names));
  const bool has_number = colon != std::string_view::npos;
  const auto number = has_number ? text.substr(colon + 1) : std::string_view{};
  if (s.kind == kind::vwap) {
    if (!has_number) return s;
    const auto width = parse_price(number);
    if (!width || width->units <= 0 || *width > most_width)
      return refuse(text, "no width of bands above 0 and up to 10");
    s.width = *width;
    return s;
  }
  const auto* const last = number.data() + number.size();
  const auto [end, failure] = std::from_chars(number.data(), last, s.length);
  if (failure != std::errc() || end != last || s.length < 1 || s.length > most_bars)
    return refuse(text, "no whole number of bars from 1 to 1000");
  return s;
}

}  // namespace

result<std::vector<spec>> parse_specs(std::string_view text) {
  std::vector<spec> specs;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find_first_of(", ", at), text.size());
    const auto word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const auto s = parse_spec(word);
    if (!s) return tl::unexpected(s.error());
    if (std::find(specs.begin(), specs.end(), *s) != specs.end())
      return refuse(word, "given twice");
    if (specs.size() == most_specs) return refuse(word, "more than 16 at once");
    specs.push_back(*s);
  }
  if (specs.empty()) return refuse(text, "nothing is named");
  return specs;
}

std::string to_string(const spec& s) {
  std::string out(names[static_cast<std::size_t>(s.kind)]);
  if (s.kind != kind::vwap) return out + ":" + std::to_string(s.length);
  return s.width.units == 0 ? out : out + ":" + to_string(s.width);
}

std::vector<std::string> column_names(std::span<const spec> specs) {
  std::vector<std::string> out;
  for (const auto& s : specs) {
    const auto name = to_string(s);
    out.push_back(name);
    if (s.width.units == 0) continue;
    out.push_back(name + ":upper");
    out.push_back(name + ":lower");
  }
  return out;
}

std::size_t bars_before(const spec& s) {
  switch (s.kind) {
    case kind::sma:
      return s.length - 1;
    case kind::ema:
      return 20 * s.length;
    case kind::rsi:
    case kind::atr:
      return 40 * s.length;
    case kind::vwap:
      break;
  }
  return 0;
}

}  // namespace artham::market::indicator
