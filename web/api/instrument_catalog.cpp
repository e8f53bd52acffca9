#include "web/api/instrument_catalog.hpp"

#include <algorithm>
#include <tuple>

namespace artham::web {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (!word.empty()) words.push_back(upper(word));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return words;
}

}  // namespace

result<instrument_catalog::list> instrument_catalog::entries() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (list_ && now - read_at_ < max_age_) return list_;
  auto stored = reader_.instruments();
  if (!stored) return tl::unexpected(stored.error());
  auto fresh = std::make_shared<std::vector<entry>>();
  fresh->reserve(stored->size());
  for (auto& s : *stored) {
    if (s.valid_to) continue;
    market::instrument& i = s.instrument;
    entry e{{}, upper(market::display_key(i)), upper(i.symbol), upper(i.name)};
    e.instrument = std::move(i);
    fresh->push_back(std::move(e));
  }
  std::sort(fresh->begin(), fresh->end(), [](const entry& a, const entry& b) {
    const bool a_index = a.instrument.segment == "INDICES";
    const bool b_index = b.instrument.segment == "INDICES";
    return std::tie(b_index, a.key) < std::tie(a_index, b.key);
  });
  list_ = std::move(fresh);
  read_at_ = now;
  return list_;
}

result<instrument_catalog::found> instrument_catalog::search(std::string_view query,
                                                             std::string_view exchange,
                                                             std::size_t limit) {
  const auto all = entries();
  if (!all) return tl::unexpected(all.error());
  const std::string whole = upper(query);
  const auto words = words_of(query);
  const std::string wanted_exchange = upper(exchange);

  std::vector<const entry*> tiers[3];
  found out;
  for (const entry& e : **all) {
    if (!wanted_exchange.empty() && e.instrument.exchange != wanted_exchange) continue;
    if (!std::all_of(words.begin(), words.end(), [&](const std::string& w) {
          return e.key.find(w) != std::string::npos || e.name.find(w) != std::string::npos;
        }))
      continue;
    ++out.total;
    const int tier = e.symbol == whole || e.key == whole ? 0 : e.symbol.starts_with(whole) ? 1 : 2;
    if (tiers[tier].size() < limit) tiers[tier].push_back(&e);
  }
  for (const auto& tier : tiers)
    for (const entry* e : tier)
      if (out.page.size() < limit) out.page.push_back(e->instrument);
  return out;
}

result<std::vector<market::instrument>> instrument_catalog::of_exchange(std::string_view exchange) {
  const auto all = entries();
  if (!all) return tl::unexpected(all.error());
  std::vector<market::instrument> some;
  for (const entry& e : **all)
    if (exchange.empty() || e.instrument.exchange == exchange) some.push_back(e.instrument);
  return some;
}

result<std::set<std::string>> instrument_catalog::exchanges() {
  const auto all = entries();
  if (!all) return tl::unexpected(all.error());
  std::set<std::string> codes;
  for (const entry& e : **all) codes.insert(e.instrument.exchange);
  return codes;
}

}  // namespace artham::web
