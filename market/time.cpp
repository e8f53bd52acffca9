#include "market/time.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "market/price.hpp"

namespace artham::market {

namespace {

/// Takes fixed-width fields off the front of a text.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool any_of(std::string_view set) {
    if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<date> scan_date(scanner& in) {
  const auto year = in.digits(4);
  if (!year || !in.any_of("-")) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.any_of("-")) return std::nullopt;
  const auto day_of_month = in.digits(2);
  if (!day_of_month) return std::nullopt;
  // Only a date that exists survives the way there and back.
  const auto found =
      make_date(*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day_of_month));
  const auto back = civil(found);
  if (back.month != static_cast<unsigned>(*month) ||
      back.day != static_cast<unsigned>(*day_of_month)) {
    return std::nullopt;
  }
  return found;
}

std::optional<duration> scan_clock(scanner& in) {
  const auto hours = in.digits(2);
  if (!hours || *hours > 23 || !in.any_of(":")) return std::nullopt;
  const auto minutes = in.digits(2);
  if (!minutes || *minutes > 59 || !in.any_of(":")) return std::nullopt;
  const auto seconds = in.digits(2);
  if (!seconds || *seconds > 59) return std::nullopt;
  duration sum = *hours * hour + *minutes * minute + *seconds * second;
  if (in.any_of(".")) {
    duration unit = second;
    bool any = false;
    while (const auto digit = in.digits(1)) {
      if (unit == 1) return std::nullopt;
      unit /= 10;
      sum += *digit * unit;
      any = true;
    }
    if (!any) return std::nullopt;
  }
  return sum;
}

std::optional<duration> scan_offset(scanner& in) {
  if (in.any_of("Zz")) return 0;
  const bool negative = in.front() == '-';
  if (!in.any_of("+-")) return std::nullopt;
  const auto hours = in.digits(2);
  if (!hours || *hours > 23) return std::nullopt;
  in.any_of(":");
  const auto minutes = in.digits(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const duration offset = *hours * hour + *minutes * minute;
  return negative ? -offset : offset;
}

void append_padded(std::string& out, std::int64_t value, int width) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  for (auto missing = width - (end - text.data()); missing > 0; --missing) out += '0';
  out.append(text.data(), end);
}

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

constexpr std::int64_t days_per_era = 146'097;
constexpr std::int64_t days_before_1970 = 719'468;  // from 0000-03-01

struct unit {
  std::string_view name;
  duration length;
};
constexpr std::array<unit, 7> units{{{"d", day},
                                     {"h", hour},
                                     {"m", minute},
                                     {"s", second},
                                     {"ms", millisecond},
                                     {"us", microsecond},
                                     {"ns", 1}}};

}  // namespace

// Both ways count in eras of 400 years that begin on 1 March, so that a leap day is the last of its
// year (Hinnant, "chrono-compatible low-level date algorithms").
date make_date(int year, unsigned month, unsigned day_of_month) {
  const auto shifted = year - (month <= 2 ? 1 : 0);
  const auto era = floor_divide(shifted, 400);
  const auto year_of_era = shifted - era * 400;
  const auto month_from_march = (static_cast<int>(month) + 9) % 12;
  const auto day_of_year = (153 * month_from_march + 2) / 5 + static_cast<int>(day_of_month) - 1;
  const auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return {static_cast<std::int32_t>(era * days_per_era + day_of_era - days_before_1970)};
}

year_month_day civil(date d) {
  const auto shifted = d.days + days_before_1970;
  const auto era = floor_divide(shifted, days_per_era);
  const auto day_of_era = shifted - era * days_per_era;
  const auto year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const auto day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto month_from_march = (5 * day_of_year + 2) / 153;
  const auto month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {static_cast<int>(era * 400 + year_of_era + (month <= 2 ? 1 : 0)),
          static_cast<unsigned>(month),
          static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

int weekday(date d) {
  // 1970-01-01 was a Thursday.
  return (d.days % 7 + 7 + 3) % 7;
}

result<date> parse_date(std::string_view text) {
  scanner in(text);
  const auto found = scan_date(in);
  if (!found || !in.done()) {
    return fail(errc::bad_input, "'" + std::string(text) + "' is not a date: expected yyyy-mm-dd");
  }
  return *found;
}

std::string to_string(date d) {
  const auto ymd = civil(d);
  std::string out;
  append_padded(out, ymd.year, 4);
  out += '-';
  append_padded(out, ymd.month, 2);
  out += '-';
  append_padded(out, ymd.day, 2);
  return out;
}

result<timestamp> parse_rfc3339(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(errc::bad_input,
                "'" + std::string(text) + "' is not an RFC 3339 time: " + std::string(why));
  };
  scanner in(text);
  const auto on = scan_date(in);
  if (!on || !in.any_of("Tt ")) return refuse("expected such as 2026-08-03T09:15:00+05:30");
  const auto at = scan_clock(in);
  if (!at) return refuse("the time of day must be hh:mm:ss with at most nine decimals");
  const auto offset = scan_offset(in);
  if (!offset) return refuse("end it with Z or an offset such as +05:30");
  if (!in.done()) return refuse("something follows the offset");
  const int128 sum = static_cast<int128>(on->days) * day + *at - *offset;
  if (sum > std::numeric_limits<timestamp>::max() || sum < std::numeric_limits<timestamp>::min()) {
    return refuse("only years 1678 to 2261 fit");
  }
  return static_cast<timestamp>(sum);
}

std::string to_rfc3339(timestamp t, duration offset) {
  const auto fraction = t % second + (t % second < 0 ? second : 0);
  const auto local = floor_divide(t, second) + offset / second;
  const auto days = floor_divide(local, day / second);
  const auto of_day = local - days * (day / second);
  auto out = to_string(date{static_cast<std::int32_t>(days)});
  out += 'T';
  append_padded(out, of_day / 3600, 2);
  out += ':';
  append_padded(out, of_day / 60 % 60, 2);
  out += ':';
  append_padded(out, of_day % 60, 2);
  if (fraction != 0) {
    out += '.';
    append_padded(out, fraction, 9);
    out.erase(out.find_last_not_of('0') + 1);
  }
  if (offset == 0) return out += 'Z';
  const auto minutes = (offset < 0 ? -offset : offset) / minute;
  out += offset < 0 ? '-' : '+';
  append_padded(out, minutes / 60, 2);
  out += ':';
  append_padded(out, minutes % 60, 2);
  return out;
}

result<duration> parse_duration(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(errc::bad_input,
                "'" + std::string(text) + "' is not a duration: " + std::string(why));
  };
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure == std::errc::result_out_of_range) return refuse("it is too long");
  constexpr std::string_view expected =
      "expected a whole number and a unit (ns us ms s m h d), such as 250ms or 15m";
  if (failure != std::errc() || count < 0) return refuse(expected);
  const auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& u : units) {
    if (u.name != name) continue;
    if (count > std::numeric_limits<duration>::max() / u.length) return refuse("it is too long");
    return count * u.length;
  }
  return refuse(expected);
}

std::string duration_text(duration d) {
  if (d == 0) return "0s";
  for (const auto& u : units) {
    if (d % u.length == 0) return std::to_string(d / u.length) + std::string(u.name);
  }
  return std::to_string(d) + "ns";
}

}  // namespace artham::market
