#include "exchange/misbehaviour.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "feed/synthetic/random.hpp"

namespace artham::exchange {

namespace {

std::string noise(std::size_t bytes) {
  feed::synthetic::random draw(bytes);
  std::string out(bytes, '\0');
  for (auto& c : out) {
    c = static_cast<char>(draw.below(256));
  }
  return out;
}

/// Two packets promised; one whole ltp packet (INFY at 1500.00) and half of another.
std::string truncated_frame() {
  using namespace std::string_literals;
  return "\x00\x02\x00\x08\x00\x06\x3a\x01\x00\x02\x49\xf0\x00\x08\x00\x06"s;
}

}  // namespace

std::vector<message_ptr> bad_messages(mischief what) {
  switch (what) {
    case mischief::junk:
      return {binary_message(noise(333))};
    case mischief::truncated:
      return {binary_message(truncated_frame())};
    case mischief::huge:
      return {binary_message(std::string(std::size_t{20} << 20, '\xff'))};
    case mischief::text:
      return {text_message("no JSON at all"),
              text_message(R"({"type":)"),
              text_message("[1,2,3]"),
              text_message(R"({"data":"no type"})"),
              text_message(R"({"type":7})"),
              text_message(R"({"type":"error","data":{"not":"a string"}})"),
              text_message(R"({"type":"artham_clock","data":{"market_time_ns":"soon"}})")};
    default:
      return {};
  }
}

result<misbehaviour> parse_misbehaviour(std::string_view json) {
  const auto request = nlohmann::json::parse(json, nullptr, false);
  if (!request.is_object() || !request.contains("do") || !request["do"].is_string()) {
    return fail(errc::bad_input,
                R"(expected {"do": "drop" | "mute" | "silent" | "send" | "reject", ...})");
  }
  const auto action = request["do"].get<std::string>();
  misbehaviour out;
  if (action == "drop") {
    return out;
  }
  if (action == "mute") {
    out.what = mischief::mute;
    if (request.contains("client")) {
      if (!request["client"].is_number_unsigned()) {
        return fail(errc::bad_input, R"("mute" may have "client", a number from 0 on)");
      }
      out.client = request["client"].get<std::size_t>();
    }
    return out;
  }
  if (action == "silent") {
    const auto seconds = request.value("seconds", nlohmann::json());
    if (!seconds.is_number() || seconds.get<double>() < 0 || seconds.get<double>() > 86'400) {
      return fail(errc::bad_input, R"("silent" needs "seconds", 0 to 86400)");
    }
    out.what = mischief::silent;
    out.seconds = seconds.get<double>();
    return out;
  }
  if (action == "reject") {
    const auto status = request.value("status", nlohmann::json());
    if (status != 0 && status != 403 && status != 429) {
      return fail(errc::bad_input, R"("reject" needs "status": 403, 429, or 0 to end it)");
    }
    out.what = mischief::reject;
    out.status = status.get<unsigned>();
    return out;
  }
  if (action == "send") {
    static constexpr std::array<std::pair<std::string_view, mischief>, 4> kinds{
        {{"junk", mischief::junk},
         {"truncated", mischief::truncated},
         {"huge", mischief::huge},
         {"text", mischief::text}}};
    const auto name = request.value("what", nlohmann::json());
    for (const auto& [text, what] : kinds) {
      if (name == text) {
        out.what = what;
        return out;
      }
    }
    return fail(errc::bad_input, R"("send" needs "what": "junk", "truncated", "huge" or "text")");
  }
  return fail(errc::bad_input,
              "\"do\" is \"" + action + "\"; it may be drop, mute, silent, send or reject");
}

}  // namespace artham::exchange
