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

result<void> subscription_book::add(std::span<const std::uint32_t> tokens, tick_mode mode) {
  std::set<std::uint32_t> fresh;
  for (const auto token : tokens) {
    if (!wanted_.contains(token)) fresh.insert(token);
  }
  if (const auto total = wanted_.size() + fresh.size(); total > max_tokens_) {
    return fail(errc::refused,
                "subscribing " + std::to_string(fresh.size()) + " more instruments would make " +
                    std::to_string(total) + " on one connection, and its limit is " +
                    std::to_string(max_tokens_) + "; unsubscribe others or raise the limit");
  }
  for (const auto token : tokens) wanted_[token] = requested_mode(mode);
  return {};
}

void subscription_book::remove(std::span<const std::uint32_t> tokens) {
  for (const auto token : tokens) wanted_.erase(token);
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
