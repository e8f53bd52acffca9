#include "feed/kite/candles.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "feed/kite/text_frame.hpp"

namespace artham::feed::kite {
namespace {

using nlohmann::json;

struct interval {
  std::string_view name;
  std::string_view timeframe;
  int days;  ///< that one request may span
};
constexpr std::array<interval, 8> intervals{{
    {"minute", "1m", 60},
    {"3minute", "3m", 100},
    {"5minute", "5m", 100},
    {"10minute", "10m", 100},
    {"15minute", "15m", 200},
    {"30minute", "30m", 200},
    {"60minute", "1h", 400},
    {"day", "1D", 2000},
}};

constexpr std::array<const char*, 7> columns{"time",  "open",   "high", "low",
                                             "close", "volume", "oi"};

const interval* find(market::timeframe tf) {
  const auto text = market::to_string(tf);
  const auto found = std::ranges::find(intervals, std::string_view(text), &interval::timeframe);
  return found == intervals.end() ? nullptr : &*found;
}

std::string all_intervals() {
  std::string text;
  for (const auto& i : intervals) text += (text.empty() ? "" : " ") + std::string(i.name);
  return text;
}

/// A number as it was written: the shortest decimal that reads as the same double is what the
/// exchange wrote, up to 15 digits.
std::optional<std::string> decimal(const json& value) {
  if (value.is_number_integer()) return value.dump();
  if (!value.is_number_float()) return std::nullopt;
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value.get<double>(),
                                 std::chars_format::fixed);
  return std::string(text.data(), end.ptr);
}

class row_reader {
 public:
  row_reader(const json& row, std::size_t number) : row_(row), number_(number) {}

  result<candle> read() {
    if (!row_.is_array() || row_.size() < columns.size() - 1 || row_.size() > columns.size())
      return refuse("is no list of time, open, high, low, close, volume and maybe oi");
    candle c;
    if (!row_[0].is_string()) return refuse("has no time");
    const auto time = market::parse_rfc3339(row_[0].get<std::string>());
    if (!time) return refuse("time: " + time.error().message);
    c.start = *time;
    market::price* const prices[] = {&c.open, &c.high, &c.low, &c.close};
    for (std::size_t i = 0; i < std::size(prices); ++i) {
      const auto text = decimal(row_[i + 1]);
      const auto price = text ? market::parse_price(*text)
                              : result<market::price>(fail(errc::bad_input, "no number"));
      if (!price) return refuse(std::string(columns[i + 1]) + ": " + price.error().message);
      *prices[i] = *price;
    }
    if (!row_[5].is_number_integer() || row_[5].get<std::int64_t>() < 0)
      return refuse("volume: " + row_[5].dump() + " is no whole number from 0 on");
    c.volume = row_[5].get<std::int64_t>();
    if (row_.size() == columns.size()) {
      if (!row_[6].is_number_integer() || row_[6].get<std::int64_t>() < 0)
        return refuse("oi: " + row_[6].dump() + " is no whole number from 0 on");
      c.oi = row_[6].get<std::int64_t>();
    }
    if (c.low > std::min(c.open, c.close) || c.high < std::max(c.open, c.close))
      return refuse("has a low above or a high below its open or close");
    return c;
  }

  [[nodiscard]] tl::unexpected<error> refuse(const std::string& why) const {
    return fail(errc::bad_input, "candle " + std::to_string(number_) + " " + why);
  }

 private:
  const json& row_;
  std::size_t number_;
};

}  // namespace

result<std::string_view> interval_of(market::timeframe tf) {
  if (const auto* i = find(tf)) return i->name;
  return fail(errc::unsupported,
              "Kite has no candles of " + market::to_string(tf) + "; it has " + all_intervals());
}

result<market::timeframe> parse_interval(std::string_view text) {
  const auto named = std::ranges::find(intervals, text, &interval::name);
  const auto tf = market::parse_timeframe(named == intervals.end() ? text : named->timeframe);
  if (tf && find(*tf) != nullptr) return *tf;
  return fail(errc::usage, "\"" + std::string(text) + "\" is none of Kite's intervals: " +
                               all_intervals() + " (or 1m 3m 5m 10m 15m 30m 1h 1D)");
}

market::duration longest_request(market::timeframe tf) {
  const auto* i = find(tf);
  return (i == nullptr ? 1 : i->days) * market::day;
}

result<std::vector<candle>> parse_candles(std::string_view text) {
  const auto document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return fail(errc::bad_input, "it is not JSON");
  if (auto message = error_message(text); !message.empty())
    return fail(errc::bad_input, "it is an error of Kite's: " + message);
  const auto none = fail(errc::bad_input, "it has no data.candles");
  if (!document.is_object() || !document.contains("data")) return none;
  const auto& data = document["data"];
  if (!data.is_object() || !data.contains("candles") || !data["candles"].is_array()) return none;
  std::vector<candle> all;
  std::size_t number = 0;
  for (const auto& row : data["candles"]) {
    row_reader reader(row, ++number);
    auto c = reader.read();
    if (!c) return tl::unexpected(c.error());
    if (!all.empty() && c->start <= all.back().start)
      return reader.refuse("does not begin after the one before it");
    all.push_back(*c);
  }
  return all;
}

}  // namespace artham::feed::kite
