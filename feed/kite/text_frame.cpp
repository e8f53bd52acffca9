#include "feed/kite/text_frame.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

namespace artham::feed::kite {
namespace {

using nlohmann::json;

text_frame read_clock(const json& data) {
  if (!data.is_object()) return {};
  const auto field = data.find("market_time_ns");
  if (field == data.end() || !field->is_string()) return {};
  const auto& digits = field->get_ref<const std::string&>();
  text_frame out{text_kind::clock, {}, 0};
  const auto [end, ec] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.market_time);
  if (ec != std::errc{} || end != digits.data() + digits.size() || out.market_time <= 0) return {};
  return out;
}

}  // namespace

text_frame read_text_frame(std::string_view text) {
  if (text.size() > max_text_frame) return {};
  const auto frame = json::parse(text, nullptr, false);
  if (!frame.is_object()) return {};
  const auto type = frame.find("type");
  const auto data = frame.find("data");
  if (type == frame.end() || !type->is_string() || data == frame.end()) return {};
  const auto& name = type->get_ref<const std::string&>();
  if (name == "artham_clock") return read_clock(*data);
  if (name == "error" || name == "message" || (name == "order" && data->is_object())) {
    return {text_kind::notice, name, 0};
  }
  return {};
}

std::string error_message(std::string_view body) {
  if (body.size() > max_text_frame) return {};
  const auto envelope = json::parse(body, nullptr, false);
  if (!envelope.is_object()) return {};
  const auto message = envelope.find("message");
  if (message == envelope.end() || !message->is_string()) return {};
  std::string out = message->get<std::string>().substr(0, 200);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  return out;
}

}  // namespace artham::feed::kite
