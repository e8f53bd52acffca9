#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "messages/protocol/command.hpp"
#include "messages/protocol/ticker_command.hpp"
#include "tests/fuzz/require.hpp"
#include "web/api/query.hpp"
#include "web/server/deflate.hpp"
#include "web/server/frame_parser.hpp"
#include "web/server/handshake.hpp"
#include "web/server/http.hpp"
#include "web/server/utf8.hpp"

/// What must hold of what a client may send.
namespace artham::fuzz {

struct parsed {
  std::vector<std::string> events;
  friend bool operator==(const parsed&, const parsed&) = default;
};

/// All events of a client's bytes, given in pieces of this size.
inline parsed parse_frames(std::string_view bytes, web::frame_parser::rules rules,
                           std::size_t piece) {
  using event = web::frame_parser::event;
  web::frame_parser parser(rules);
  parsed out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    parser.append(bytes.substr(at, piece));
    for (;;) {
      const auto e = parser.next();
      if (e == event::need_more) break;
      if (e == event::text || e == event::binary)
        require(parser.payload.size() <= rules.max_message, "a message has its limit");
      if (e == event::text) require(web::is_utf8(parser.payload), "text is UTF-8");
      if (e == event::binary) require(rules.binary, "binary only where it was agreed");
      if (e == event::ping || e == event::pong)
        require(parser.payload.size() <= 125, "a control frame has its limit");
      const bool coded = e == event::error || e == event::close;
      out.events.push_back(std::to_string(static_cast<int>(e)) + ":" +
                           (coded ? std::to_string(parser.code) : "") + ":" + parser.payload);
      if (coded) return out;
    }
  }
  return out;
}

inline void exercise_websocket(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto choice = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  const web::frame_parser::rules rules{4'096, (choice & 1) != 0, (choice & 2) != 0};
  const auto whole = parse_frames(bytes, rules, std::max<std::size_t>(bytes.size(), 1));
  require(whole == parse_frames(bytes, rules, 1), "how bytes were cut does not matter");
  require(whole == parse_frames(bytes, rules, 1 + choice / 4U),
          "how bytes were cut does not matter");
}

inline void exercise_target(std::string_view target) {
  const auto request = web::parse_target(target);
  if (!request) {
    require(!request.error().message.empty(), "a refusal says why");
    return;
  }
  require(request->path.starts_with('/'), "a path starts with /");
  require(request->path.find('\0') == std::string::npos, "a path has no NUL");
  (void)web::path_fits("/kite/replay/{id}/ws", request->path);
  const auto& q = request->query;
  constexpr std::size_t most = 5'000;
  if (const auto n = web::read_count(q, "limit", 10, most))
    require(*n >= 1 && *n <= most, "a count is in its range");
  (void)web::check_names(q, {"limit", "from", "instrument", "on", "timeframe"});
  (void)web::read_time(q, "from", 0);
  (void)web::read_instrument(q);
  (void)web::read_timeframe(q, {});
  (void)web::read_candle_timeframe(q);
  (void)web::read_choice(q, "fill", {"none", "flat"});
  const auto told = web::problem(400, "x", "x", target, target);
  require(web::is_utf8(told.body), "a problem document is UTF-8");
}

/// The values of the header fields that a handshake reads, one a line.
inline void exercise_handshake(std::string_view lines) {
  std::vector<std::string> values;
  while (!lines.empty()) {
    values.emplace_back(lines.substr(0, lines.find('\n')));
    lines.remove_prefix(std::min(values.back().size() + 1, lines.size()));
  }
  (void)web::agree_on_deflate(values);
  (void)web::choose_subprotocol(values, {{"artham.v1.json", false}, {"artham.v1.bin", true}});
  for (const auto& v : values) {
    (void)web::websocket_accept(v);
    const bool loopback = web::host_allowed(v, {});
    const bool origin = web::origin_allowed("http://" + v, "desk.example", false, {});
    require(!origin || loopback || v.size() == std::string_view("desk.example").size(),
            "an origin is this computer's or the server's own");
  }
}

inline void exercise_command(std::string_view text) {
  const auto parsed = protocol::parse_command(text);
  if (parsed) {
    require(parsed->keys.size() <= protocol::keys_per_command, "a command has so many keys");
    require(parsed->history <= protocol::history_at_most, "history has its limit");
    return;
  }
  require(web::is_utf8(protocol::error_reply(parsed.error())), "an answer is UTF-8");
}

inline void exercise_ticker(std::string_view text) {
  const auto parsed = protocol::parse_ticker_command(text);
  if (parsed) {
    require(parsed->tokens.size() <= text.size() / 2, "a token takes its room");
    return;
  }
  require(parsed.error().find('\n') == std::string::npos, "an error is one line");
  require(parsed.error().size() < 512, "an error is short");
  require(web::is_utf8(protocol::ticker_error(parsed.error())), "an answer is UTF-8");
}

}  // namespace artham::fuzz
