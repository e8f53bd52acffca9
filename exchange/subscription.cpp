#include "exchange/subscription.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "feed/kite/codec.hpp"

namespace artham::exchange {

namespace {

using nlohmann::json;

std::optional<std::vector<std::uint32_t>> parse_tokens(const json& list) {
  if (!list.is_array()) {
    return std::nullopt;
  }
  std::vector<std::uint32_t> tokens;
  tokens.reserve(list.size());
  for (const auto& entry : list) {
    if (!entry.is_number_unsigned() || entry.get<std::uint64_t>() > UINT32_MAX) {
      return std::nullopt;
    }
    tokens.push_back(entry.get<std::uint32_t>());
  }
  return tokens;
}

std::optional<mode> parse_mode(const json& name) {
  if (name == "ltp") {
    return mode::ltp;
  }
  if (name == "quote") {
    return mode::quote;
  }
  if (name == "full") {
    return mode::full;
  }
  return std::nullopt;
}

}  // namespace

std::optional<request> parse_request(std::string_view text) {
  const auto message = json::parse(text, nullptr, false);
  if (!message.is_object() || !message.contains("a") || !message.contains("v")) {
    return std::nullopt;
  }
  const auto& action = message["a"];
  const auto* tokens = &message["v"];
  request r;
  if (action == "subscribe" || action == "unsubscribe") {
    r.what = action == "subscribe" ? request::action::subscribe : request::action::unsubscribe;
  } else if (action == "mode" && tokens->is_array() && tokens->size() == 2) {
    const auto named = parse_mode((*tokens)[0]);
    if (!named) {
      return std::nullopt;
    }
    r.what = request::action::set_mode;
    r.mode = *named;
    tokens = &(*tokens)[1];
  } else {
    return std::nullopt;
  }
  auto list = parse_tokens(*tokens);
  if (!list) {
    return std::nullopt;
  }
  r.tokens = std::move(*list);
  return r;
}

std::vector<std::uint32_t> subscriptions::apply(const request& r) {
  std::vector<std::uint32_t> changed;
  refused_ = 0;
  for (const auto token : r.tokens) {
    const bool adds = r.what != request::action::unsubscribe && !modes_.contains(token);
    if (adds && modes_.size() >= limit_) {
      ++refused_;
      continue;
    }
    switch (r.what) {
      case request::action::unsubscribe:
        modes_.erase(token);
        break;
      case request::action::subscribe:
        if (modes_.try_emplace(token, mode::quote).second) {
          changed.push_back(token);
        }
        break;
      case request::action::set_mode: {
        const auto [entry, is_new] = modes_.try_emplace(token, r.mode);
        if (is_new || entry->second != r.mode) {
          entry->second = r.mode;
          changed.push_back(token);
        }
        break;
      }
    }
  }
  return changed;
}

std::string_view in_mode(std::string_view packet, mode m) {
  namespace kite = feed::kite;
  if (m == mode::full) {
    return packet;
  }
  switch (packet.size()) {
    case kite::ltp_size:
    case kite::index_quote_size:
    case kite::quote_size:
      return m == mode::ltp ? packet.substr(0, kite::ltp_size) : packet;
    case kite::index_full_size:
      return packet.substr(0, m == mode::ltp ? kite::ltp_size : kite::index_quote_size);
    case kite::full_size:
      return packet.substr(0, m == mode::ltp ? kite::ltp_size : kite::quote_size);
    default:
      return {};
  }
}

}  // namespace artham::exchange
