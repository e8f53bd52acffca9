#include "market/alert/watch.hpp"

#include <charconv>
#include <utility>

namespace artham::market::alert {

namespace {

constexpr std::string_view verdict_letters = "ny?";
constexpr std::string_view side_letters = "?-+";

std::optional<firing> fire(const rule& r, watch_state& s, timestamp at) {
  if (r.quiet != 0 && s.fired != 0 && at - s.fired < r.quiet) {
    ++s.left_out;
    return std::nullopt;
  }
  s.fired = at;
  s.done = r.repeat == repeat::once;
  return firing{std::exchange(s.left_out, 0)};
}

/// Takes the next word of a state's text as a whole number.
template <class Number>
bool take_number(std::string_view& text, Number& to) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

watch_state fresh_state(const rule& r) {
  watch_state s;
  s.sides.assign(r.condition.crossings(), side::unknown);
  return s;
}

std::string write_state(const watch_state& s) {
  std::string out = s.done ? "1d" : "1w";
  out += verdict_letters[static_cast<std::size_t>(s.last)];
  for (const auto at : s.sides) out += side_letters[static_cast<std::size_t>(at)];
  out += ' ' + std::to_string(s.newest) + ' ' + std::to_string(s.volume) + ' ' +
         std::to_string(s.fired) + ' ' + std::to_string(s.left_out);
  return out;
}

result<watch_state> read_state(std::string_view text, const rule& r) {
  auto s = fresh_state(r);
  const auto head = 3 + s.sides.size();
  const auto refuse = [&] {
    return fail(errc::corrupt, "'" + std::string(text.substr(0, 100)) +
                                   "' is no state of a rule with " +
                                   std::to_string(s.sides.size()) + " crossings");
  };
  if (text.size() < head || text[0] != '1' || (text[1] != 'd' && text[1] != 'w')) return refuse();
  s.done = text[1] == 'd';
  const auto last = verdict_letters.find(text[2]);
  if (last == std::string_view::npos) return refuse();
  s.last = static_cast<verdict>(last);
  for (std::size_t i = 0; i < s.sides.size(); ++i) {
    const auto at = side_letters.find(text[3 + i]);
    if (at == std::string_view::npos) return refuse();
    s.sides[i] = static_cast<side>(at);
  }
  auto rest = text.substr(head);
  if (!take_number(rest, s.newest) || !take_number(rest, s.volume) || !take_number(rest, s.fired) ||
      !take_number(rest, s.left_out) || !rest.empty())
    return refuse();
  return s;
}

std::optional<firing> take(const rule& r, watch_state& s, const values& v, timestamp at) {
  if (s.done) return std::nullopt;
  bool crossed = false;
  const auto now = r.condition.decide(v, &s.sides, crossed);
  if (now == verdict::unknown) return std::nullopt;
  // A crossing is a beginning, also right behind another.
  const bool begins = now == verdict::yes && (crossed || s.last != verdict::yes);
  s.last = now;
  return begins ? fire(r, s, at) : std::nullopt;
}

std::optional<firing> take_alone(const rule& r, watch_state& s, const values& v, timestamp at) {
  if (s.done || r.condition.decide(v, nullptr) != verdict::yes) return std::nullopt;
  return fire(r, s, at);
}

bool is_news(watch_state& s, timestamp at, std::optional<std::int64_t> volume) {
  if (at < s.newest) return false;
  if (at == s.newest && volume && s.volume >= 0 && *volume < s.volume) return false;
  s.newest = at;
  s.volume = volume.value_or(-1);
  return true;
}

}  // namespace artham::market::alert
