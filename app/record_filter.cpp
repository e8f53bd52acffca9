#include "app/record_filter.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace artham::app {

namespace {

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

result<market::timestamp> parse_time(const char* option, const std::string& text) {
  if (const auto ns = number<market::timestamp>(text)) return *ns;
  const auto t = market::parse_rfc3339(text);
  if (t) return *t;
  return fail(errc::usage, std::string(option) + ": \"" + text +
                               "\" is no time; give one such as 2026-11-20T09:15:00+05:30, or "
                               "nanoseconds since 1970");
}

}  // namespace

bool record_filter::has(const market::mark& m) const {
  return tokens.empty() || m.tokens.empty() ||
         std::ranges::any_of(m.tokens, [&](std::uint32_t t) { return tokens.contains(t); });
}

result<record_filter> parse_selection(
    const journal_selection& s, const std::map<std::uint32_t, market::instrument>& instruments) {
  record_filter f;
  if (!s.from.empty()) {
    const auto t = parse_time("--from", s.from);
    if (!t) return tl::unexpected(t.error());
    f.from = *t;
  }
  if (!s.to.empty()) {
    const auto t = parse_time("--to", s.to);
    if (!t) return tl::unexpected(t.error());
    f.to = *t;
  }
  if (f.from >= f.to) {
    return fail(errc::usage, "--from " + s.from + " is not before --to " + s.to +
                                 ": the range is from --from up to, not including, --to");
  }
  for (const auto& key : s.instruments) {
    const auto token = number<std::uint32_t>(key);
    const auto known = std::ranges::find_if(instruments, [&](const auto& entry) {
      return token ? entry.first == *token : market::display_key(entry.second) == key;
    });
    if (known == instruments.end()) {
      return fail(errc::usage, "--instrument: the journal knows no instrument \"" + key +
                                   "\"; keys look like NSE:INFY, or give a token");
    }
    f.tokens.insert(known->first);
  }
  return f;
}

}  // namespace artham::app
