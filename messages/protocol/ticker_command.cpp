#include "messages/protocol/ticker_command.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"

namespace artham::protocol {

namespace {

using nlohmann::json;

constexpr int depth_at_most = 3;
constexpr std::size_t shown_at_most = 64;

tl::unexpected<std::string> refuse(const std::string& why) {
  return tl::unexpected("error parsing request: " + why);
}

/// A part of the command, in ASCII.
std::string shown(const json& j) {
  auto text = j.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() <= shown_at_most) return text;
  text.resize(shown_at_most);
  return text + "...";
}

std::optional<ticker_mode> mode_named(const json& name) {
  if (name == "ltp") return ticker_mode::ltp;
  if (name == "quote") return ticker_mode::quote;
  if (name == "full") return ticker_mode::full;
  return std::nullopt;
}

/// Or what is wrong with them.
std::string read_tokens(const json& list, std::vector<std::uint32_t>& tokens) {
  if (!list.is_array()) return "instrument tokens are a list of numbers, not " + shown(list);
  tokens.reserve(list.size());
  for (const auto& entry : list) {
    if (!entry.is_number_unsigned() || entry.get<std::uint64_t>() > UINT32_MAX)
      return "an instrument token is a number from 0 to 4294967295, not " + shown(entry);
    tokens.push_back(entry.get<std::uint32_t>());
  }
  return "";
}

}  // namespace

tl::expected<ticker_command, std::string> parse_ticker_command(std::string_view text) {
  if (is_deeper_than(text, depth_at_most))
    return refuse("it is nested deeper than " + std::to_string(depth_at_most) + " levels");
  const json j = json::parse(text, nullptr, false);
  if (!j.is_object())
    return refuse(R"(it is no JSON object such as {"a":"subscribe","v":[408065]})");
  const auto action = j.find("a");
  const auto value = j.find("v");
  if (action == j.end() || value == j.end()) return refuse(R"(it has no "a" or no "v")");
  ticker_command c;
  const json* list = &*value;
  if (*action == "subscribe") {
    c.what = ticker_command::action::subscribe;
  } else if (*action == "unsubscribe") {
    c.what = ticker_command::action::unsubscribe;
  } else if (*action == "mode") {
    c.what = ticker_command::action::set_mode;
    if (!value->is_array() || value->size() != 2)
      return refuse(R"("v" of a mode is such as ["full",[408065]], not )" + shown(*value));
    const auto mode = mode_named((*value)[0]);
    if (!mode) {
      return refuse(R"(a mode is "ltp", "quote" or "full", not )" + shown((*value)[0]));
    }
    c.mode = *mode;
    list = &(*value)[1];
  } else {
    return refuse(R"("a" is "subscribe", "unsubscribe" or "mode", not )" + shown(*action));
  }
  if (const auto wrong = read_tokens(*list, c.tokens); !wrong.empty()) return refuse(wrong);
  return c;
}

std::string ticker_error(std::string_view message) {
  std::string out = R"({"type":"error","data":)";
  append_text(out, message);
  return out + "}";
}

std::string kite_error(std::string_view type, std::string_view message) {
  std::string out = R"({"status":"error","message":)";
  append_text(out, message);
  out += R"(,"data":null,"error_type":)";
  append_text(out, type);
  return out + "}";
}

}  // namespace artham::protocol
