#include "app/calendars.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "config/calendar_file.hpp"

namespace artham::app {

namespace {

/// Stands before each calendar in the text of a set.
constexpr std::string_view divider = "#: calendar ";

}  // namespace

market::content_hash sha256(std::string_view content) {
  market::content_hash h{};
  unsigned size = 0;
  EVP_Digest(content.data(), content.size(), h.data(), &size, EVP_sha256(), nullptr);
  return h;
}

std::string hex(const market::content_hash& h) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : h) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

result<calendar_set> load_calendar_set(std::span<const std::string_view> names) {
  calendar_set set;
  for (const auto name : names) {
    auto loaded = config::load_calendar(name);
    if (!loaded) return tl::unexpected(loaded.error());
    set.by_name.emplace(std::string(name), loaded->calendar);
    set.text += std::string(divider) + std::string(name) + "\n" + loaded->text + "\n";
  }
  return set;
}

result<calendar_set> read_calendar_set(std::string_view text) {
  calendar_set set;
  set.text = text;
  while (text.starts_with(divider)) {
    text.remove_prefix(divider.size());
    const auto line = text.find('\n');
    if (line == std::string_view::npos) break;
    const std::string name(text.substr(0, line));
    text.remove_prefix(line + 1);
    const auto next = text.find("\n" + std::string(divider));
    auto c =
        config::parse_calendar(text.substr(0, next), "calendar " + name + " kept with the journal");
    if (!c) return tl::unexpected(c.error());
    set.by_name.emplace(name, std::make_shared<const market::calendar>(std::move(*c)));
    if (next == std::string_view::npos) return set;
    text.remove_prefix(next + 1);
  }
  return fail(errc::corrupt, "the calendars kept with the journal cannot be read");
}

std::function<market::calendar_ptr(std::string_view)> calendar_by_exchange(
    const calendar_set& calendars) {
  return [&calendars](std::string_view exchange) {
    const auto it = calendars.by_name.find(market::calendar_of(exchange));
    return it == calendars.by_name.end() ? calendars.by_name.begin()->second : it->second;
  };
}

plan_book::plan_book(const market::bar_plan& rules, const calendar_set& calendars,
                     std::shared_ptr<const actors::instrument_index> instruments,
                     market::calendar_ptr only)
    : instruments_(std::move(instruments)), only_(std::move(only)) {
  const auto add = [&](const market::calendar_ptr& c) {
    auto plan = rules;
    plan.cal = c;
    plans_.emplace(c.get(), std::make_shared<const market::bar_plan>(std::move(plan)));
  };
  for (const auto& entry : calendars.by_name) add(entry.second);
  if (only_) add(only_);
}

std::shared_ptr<const market::bar_plan> plan_book::of(std::uint32_t token) const {
  return plans_.at((only_ ? only_ : instruments_->calendar_of(token)).get());
}

const market::calendar& plan_book::calendar_of(std::uint32_t token) const {
  return *(only_ ? only_ : instruments_->calendar_of(token));
}

}  // namespace artham::app
