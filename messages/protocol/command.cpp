#include "messages/protocol/command.hpp"

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"

namespace artham::protocol {

namespace {

using nlohmann::json;

constexpr int depth_at_most = 8;
constexpr std::size_t id_at_most = 64;

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

std::string_view name(delivery d) {
  switch (d) {
    case delivery::latest:
      return "latest";
    case delivery::all:
      return "all";
    case delivery::every_ms:
      return "every_ms";
  }
  return "latest";
}

namespace {

/// An integer of [least, most].
bool is_integer(const json& j, std::uint32_t least, std::uint32_t most) {
  return j.is_number_unsigned() && j.get<std::uint64_t>() >= least &&
         j.get<std::uint64_t>() <= most;
}

/// `"all"`, `"latest"`, `{"every_ms":250}`, or `"every_ms"` with `every_ms` beside it. False: none
/// of these.
bool parse_policy(const json& whole, const json& policy, command& c) {
  const json* every = nullptr;
  if (policy.is_object()) {
    if (policy.size() != 1 || !policy.contains("every_ms")) return false;
    every = &policy["every_ms"];
  } else if (policy == "every_ms") {
    if (!whole.contains("every_ms")) return false;
    every = &whole["every_ms"];
  } else if (policy == "all") {
    c.policy = delivery::all;
  } else if (policy == "latest") {
    c.policy = delivery::latest;
  } else {
    return false;
  }
  if (every == nullptr) return true;
  if (!is_integer(*every, 1, every_ms_at_most)) return false;
  c.policy = delivery::every_ms;
  c.every_ms = every->get<std::uint32_t>();
  return true;
}

/// What a `sub` may say besides its keys; or what is wrong with it.
std::string parse_options(const json& j, command& c) {
  if (const auto h = j.find("history"); h != j.end()) {
    if (!is_integer(*h, 0, history_at_most))
      return "\"history\" is an integer from 0 to " + std::to_string(history_at_most);
    c.history = h->get<std::size_t>();
  }
  if (const auto f = j.find("from"); f != j.end()) {
    if (!f->is_string()) return "\"from\" is a resume token, a text";
    c.from = f->get<std::string>();
  }
  if (const auto p = j.find("policy"); p != j.end() && !parse_policy(j, *p, c)) {
    return "\"policy\" is \"latest\", \"all\" or {\"every_ms\":N} with N from 1 to " +
           std::to_string(every_ms_at_most);
  }
  if (const auto t = j.find("times"); t != j.end()) {
    if (!t->is_boolean()) return "\"times\" is true or false";
    c.times = t->get<bool>();
  }
  if (const auto t = j.find("tokens"); t != j.end()) {
    const bool none = t->is_number_unsigned() && t->get<std::uint64_t>() == 0;
    if (!none && !is_integer(*t, tokens_ms_at_least, every_ms_at_most)) {
      return "\"tokens\" is milliseconds from " + std::to_string(tokens_ms_at_least) + " to " +
             std::to_string(every_ms_at_most) + ", or 0 for none";
    }
    c.tokens_ms = t->get<std::uint32_t>();
  }
  return "";
}

}  // namespace

tl::expected<command, refusal> parse_command(std::string_view text) {
  refusal no;
  const auto refuse = [&no](std::string message) {
    no.message = std::move(message);
    return tl::unexpected(no);
  };
  if (is_deeper_than(text, depth_at_most))
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
  if (auto wrong = parse_options(j, c); !wrong.empty()) return refuse(std::move(wrong));
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
