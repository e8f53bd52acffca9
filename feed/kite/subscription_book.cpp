#include "feed/kite/subscription_book.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace artham::feed::kite {
namespace {

using market::tick_mode;
using token_list = std::vector<std::uint32_t>;
using mode_groups = std::map<tick_mode, token_list>;

/// Kite has one `quote` and one `full`, for shares and indices alike.
tick_mode requested_mode(tick_mode mode) {
  switch (mode) {
    case tick_mode::index_quote:
      return tick_mode::quote;
    case tick_mode::index_full:
      return tick_mode::full;
    default:
      return mode;
  }
}

std::string_view mode_name(tick_mode mode) {
  switch (mode) {
    case tick_mode::ltp:
      return "ltp";
    case tick_mode::full:
      return "full";
    default:
      return "quote";
  }
}

std::string json_list(std::span<const std::uint32_t> tokens) {
  std::string text = "[";
  for (const auto token : tokens) {
    if (text.size() > 1) text += ',';
    text += std::to_string(token);
  }
  return text += ']';
}

template <class Fn>
void for_each_chunk(const token_list& tokens, std::size_t chunk, Fn&& fn) {
  for (std::size_t i = 0; i < tokens.size(); i += chunk) {
    fn(std::span(tokens).subspan(i, std::min(chunk, tokens.size() - i)));
  }
}

/// What `to` has that `from` has not, or not in this mode.
mode_groups missing(const subscriptions& from, const subscriptions& to) {
  mode_groups groups;
  for (const auto& [token, mode] : to) {
    const auto it = from.find(token);
    if (it == from.end() || it->second != mode) groups[mode].push_back(token);
  }
  return groups;
}

}  // namespace

subscription_book::subscription_book(std::size_t connections, std::size_t max_tokens)
    : max_tokens_(max_tokens), wanted_(connections) {}

result<void> subscription_book::add(std::span<const std::uint32_t> tokens, tick_mode mode,
                                    const std::function<bool(std::size_t)>& usable) {
  std::set<std::uint32_t> fresh;
  for (const auto token : tokens) {
    if (!place_.contains(token)) fresh.insert(token);
  }
  const auto limit = max_tokens_ * wanted_.size();
  if (const auto total = place_.size() + fresh.size(); total > limit) {
    const auto where = wanted_.size() == 1 ? " on one connection, and its limit is "
                                           : " on " + std::to_string(wanted_.size()) +
                                                 " connections, and their limit is ";
    return fail(errc::refused, "subscribing " + std::to_string(fresh.size()) +
                                   " more instruments would make " + std::to_string(total) + where +
                                   std::to_string(limit) +
                                   "; unsubscribe others or raise the limit");
  }
  const auto is_usable = [&](std::size_t c) { return !usable || usable(c); };
  std::size_t free = 0;
  for (std::size_t c = 0; c < opened_; ++c) free += is_usable(c) ? room(c) : 0;
  while (free < fresh.size() && opened_ < wanted_.size()) {
    free += is_usable(opened_) ? room(opened_) : 0;
    ++opened_;
  }
  const auto emptiest = [&](bool any) {
    std::size_t best = opened_;
    for (std::size_t c = 0; c < opened_; ++c) {
      if (room(c) == 0 || !(any || is_usable(c))) continue;
      if (best == opened_ || room(c) > room(best)) best = c;
    }
    return best;
  };
  for (const auto token : fresh) {
    auto c = emptiest(false);
    if (c == opened_) c = emptiest(true);
    place_.emplace(token, c);
    wanted_[c].emplace(token, requested_mode(mode));
  }
  for (const auto token : tokens) wanted_[place_.at(token)][token] = requested_mode(mode);
  return {};
}

void subscription_book::remove(std::span<const std::uint32_t> tokens) {
  for (const auto token : tokens) {
    const auto found = place_.find(token);
    if (found == place_.end()) continue;
    wanted_[found->second].erase(token);
    place_.erase(found);
  }
}

subscription_update plan_update(const subscriptions& sent, const subscriptions& wanted,
                                std::size_t chunk) {
  subscription_update update;
  token_list gone;
  token_list fresh;
  mode_groups removed;
  for (const auto& [token, mode] : sent) {
    if (!wanted.contains(token)) {
      gone.push_back(token);
      removed[mode].push_back(token);
    }
  }
  for (const auto& [token, mode] : wanted) {
    if (!sent.contains(token)) fresh.push_back(token);
  }
  for (auto& [mode, tokens] : removed) update.changes.push_back({mode, false, std::move(tokens)});
  for_each_chunk(gone, chunk, [&](auto part) {
    update.messages.push_back(R"({"a":"unsubscribe","v":)" + json_list(part) + "}");
  });
  for_each_chunk(fresh, chunk, [&](auto part) {
    update.messages.push_back(R"({"a":"subscribe","v":)" + json_list(part) + "}");
  });
  for (auto& group : missing(sent, wanted)) {
    const auto mode = group.first;
    for_each_chunk(group.second, chunk, [&](auto part) {
      update.messages.push_back(R"({"a":"mode","v":[")" + std::string(mode_name(mode)) + "\"," +
                                json_list(part) + "]}");
    });
    update.changes.push_back({mode, true, group.second});
  }
  return update;
}

}  // namespace artham::feed::kite
