#include "messages/protocol/command.hpp"

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"

namespace artham::protocol {

namespace {

using nlohmann::json;

constexpr int depth_at_most = 8;
constexpr std::size_t id_at_most = 64;

bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_at_most) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string_view name(code c) {
  switch (c) {
    case code::bad_request:
      return "bad_request";
    case code::unauthorized:
      return "unauthorized";
    case code::forbidden:
      return "forbidden";
    case code::unknown_instrument:
      return "unknown_instrument";
    case code::unknown_timeframe:
      return "unknown_timeframe";
    case code::too_many_subscriptions:
      return "too_many_subscriptions";
    case code::too_many_attempts:
      return "too_many_attempts";
    case code::unavailable:
      return "unavailable";
  }
  return "error";
}

tl::expected<command, refusal> parse_command(std::string_view text) {
  refusal no;
  const auto refuse = [&no](std::string message) {
    no.message = std::move(message);
    return tl::unexpected(no);
  };
  if (too_deep(text))
    return refuse("the command is nested deeper than " + std::to_string(depth_at_most) + " levels");
  const json j = json::parse(text, nullptr, false);
  if (!j.is_object())
    return refuse("a command is a JSON object such as {\"id\":1,\"op\":\"ping\"}");
  if (const auto id = j.find("id"); id != j.end()) {
    if (!id->is_number_integer() && !id->is_string() && !id->is_null()) {
      return refuse("\"id\" is an integer or a string");
    }
    no.id = id->dump(-1, ' ', false, json::error_handler_t::replace);
    if (no.id.size() > id_at_most) {
      no.id = "null";
      return refuse("\"id\" is longer than " + std::to_string(id_at_most) + " characters");
    }
  }
  command c;
  c.id = no.id;
  const auto op = j.find("op");
  if (op == j.end() || !op->is_string())
    return refuse("\"op\" is missing: sub, unsub, ping or status");
  const auto& word = op->get_ref<const std::string&>();
  if (word == "sub") {
    c.what = command::op::sub;
  } else if (word == "unsub") {
    c.what = command::op::unsub;
  } else if (word == "ping") {
    c.what = command::op::ping;
    return c;
  } else if (word == "status") {
    c.what = command::op::status;
    return c;
  } else {
    return refuse("unknown op \"" + word + "\": sub, unsub, ping or status");
  }
  const auto keys = j.find("keys");
  if (keys == j.end() || !keys->is_array() || keys->empty())
    return refuse("\"keys\" is a list of at least one key");
  if (keys->size() > keys_per_command) {
    return refuse("at most " + std::to_string(keys_per_command) + " keys a command; send several");
  }
  for (const auto& k : *keys) {
    if (!k.is_string()) return refuse("\"keys\" holds texts only");
    c.keys.push_back(k.get<std::string>());
  }
  if (const auto h = j.find("history"); h != j.end()) {
    if (!h->is_number_unsigned() || h->get<std::uint64_t>() > history_at_most) {
      return refuse("\"history\" is an integer from 0 to " + std::to_string(history_at_most));
    }
    c.history = h->get<std::size_t>();
  }
  return c;
}

std::string error_reply(const refusal& r) {
  std::string out = "{\"id\":" + r.id + ",\"ok\":false,\"error\":{\"code\":" +
                    std::to_string(static_cast<unsigned>(r.code)) + ",\"name\":\"" +
                    std::string(name(r.code)) + "\",\"message\":";
  append_text(out, r.message);
  out += r.code == code::unavailable ? ",\"retry\":true}}" : ",\"retry\":false}}";
  return out;
}

}  // namespace artham::protocol
