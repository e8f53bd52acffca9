#include "messages/protocol/auth.hpp"

#include <nlohmann/json.hpp>

namespace artham::protocol {

namespace {

using nlohmann::json;

constexpr std::size_t id_at_most = 64;
constexpr std::size_t credential_at_most = 512;

}  // namespace

std::optional<tl::expected<auth_command, refusal>> parse_auth(std::string_view text) {
  // All others pay no more than this.
  if (text.find("auth") == std::string_view::npos) return std::nullopt;
  const auto flat = [](int depth, json::parse_event_t, json&) { return depth <= 1; };
  const json j = json::parse(text, flat, false);
  if (!j.is_object()) return std::nullopt;
  const auto op = j.find("op");
  if (op == j.end() || !op->is_string() || op->get_ref<const std::string&>() != "auth")
    return std::nullopt;
  refusal no;
  const auto refuse = [&no](std::string message) {
    no.message = std::move(message);
    return tl::unexpected(no);
  };
  auth_command c;
  c.id = "null";
  if (const auto id = j.find("id"); id != j.end()) {
    if (!id->is_number_integer() && !id->is_string() && !id->is_null())
      return refuse("\"id\" is an integer or a string");
    c.id = id->dump(-1, ' ', true, json::error_handler_t::replace);
    if (c.id.size() > id_at_most)
      return refuse("\"id\" is longer than " + std::to_string(id_at_most) + " bytes");
    no.id = c.id;
  }
  const auto key = j.find("key");
  const auto ticket = j.find("ticket");
  if ((key == j.end()) == (ticket == j.end()))
    return refuse("auth has either \"key\" or \"ticket\"");
  const auto& given = key != j.end() ? *key : *ticket;
  if (!given.is_string() || given.get_ref<const std::string&>().size() > credential_at_most)
    return refuse("\"key\" and \"ticket\" are short texts");
  c.credential = given.get<std::string>();
  return c;
}

}  // namespace artham::protocol
