#include "actors/session/message_style.hpp"

#include <chrono>

#include "messages/actors.hpp"
#include "messages/protocol/feature_json.hpp"
#include "messages/protocol/frame.hpp"
#include "messages/protocol/json.hpp"
#include "messages/protocol/json_text.hpp"
#include "messages/record/feature_codec.hpp"

namespace artham::actors {

using messages::format;
using protocol::binary_kind;
using protocol::opcode;

namespace {

market::timestamp host_clock() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

/// `{"ev":"bar","key":"…","bar":…}`; value(out) writes the value.
template <class Value>
void append_json(std::string& out, std::string_view what, const message_style& style,
                 const protocol::message_times* times, Value&& value) {
  protocol::append_frame(out, opcode::text, [&](std::string& to) {
    to += "{\"ev\":\"";
    to += what;
    to += "\",\"key\":";
    to += style.quoted;
    to += ",\"";
    to += what;
    to += "\":";
    value(to);
    if (times != nullptr) {
      if (times->exchange != 0)
        protocol::put(to, ",\"t_ex\":", times->exchange / market::microsecond);
      if (times->received != 0)
        protocol::put(to, ",\"t_rx\":", times->received / market::microsecond);
      protocol::put(to, ",\"t_tx\":", times->sent / market::microsecond);
    }
    to += '}';
  });
}

std::uint64_t handle_of(std::uint64_t key, const message_style& style) {
  return messages::in_space(key, style.space);
}

template <class Value>
void append_binary(std::string& out, binary_kind what, bool final, std::uint64_t key,
                   const protocol::message_times* times, Value&& value) {
  protocol::append_frame(out, opcode::binary, [&](std::string& to) {
    protocol::append_binary_header(to, what, final, key, times);
    value(to);
  });
}

}  // namespace

message_style make_ticker_style(protocol::ticker_mode mode, std::uint8_t space) {
  return {format::kite, false, {}, mode, space};
}

message_style make_style(format f, bool times, std::string_view text, std::uint8_t space) {
  message_style s;
  s.format = f;
  s.times = times;
  s.space = space;
  protocol::append_text(s.quoted, text);
  return s;
}

void append_bar_message(std::string& out, std::uint64_t key, const message_style& style,
                        const market::bar& b, bool final, const protocol::message_times& newest) {
  auto times = newest;
  if (style.times) times.sent = host_clock();
  const auto* const shown = style.times ? &times : nullptr;
  if (style.format == format::binary) {
    append_binary(out, binary_kind::bar, final, handle_of(key, style), shown,
                  [&](std::string& to) { protocol::append_binary_bar(to, b); });
  } else {
    append_json(out, "bar", style, shown,
                [&](std::string& to) { protocol::append_bar(to, b, final); });
  }
}

void append_tick_message(std::string& out, std::uint64_t key, const message_style& style,
                         const market::tick& t, market::timestamp receive) {
  protocol::message_times times{t.exchange_time, receive, 0};
  if (style.times) times.sent = host_clock();
  const auto* const shown = style.times ? &times : nullptr;
  if (style.format == format::binary) {
    append_binary(out, binary_kind::tick, true, handle_of(key, style), shown,
                  [&](std::string& to) { protocol::append_binary_tick(to, t, receive); });
  } else {
    append_json(out, "tick", style, shown,
                [&](std::string& to) { protocol::append_tick(to, t, receive); });
  }
}

void append_chain_message(std::string& out, std::uint64_t key, const message_style& style,
                          const chain_board::shown& s) {
  protocol::message_times times;
  if (style.times) times.sent = host_clock();
  const auto* const shown = style.times ? &times : nullptr;
  if (style.format == format::binary) {
    append_binary(out, binary_kind::chain, s.final, handle_of(key, style), shown,
                  [&](std::string& to) { record::encode(to, s.row); });
  } else {
    append_json(out, "chain", style, shown,
                [&](std::string& to) { protocol::append_chain(to, s.row, s.final); });
  }
}

void append_greeks_message(std::string& out, std::uint64_t key, const message_style& style,
                           const chain_board::shown& s, const market::feature::option_row& o) {
  protocol::message_times times;
  if (style.times) times.sent = host_clock();
  const auto* const shown = style.times ? &times : nullptr;
  if (style.format == format::binary) {
    market::feature::chain_row one;
    one.underlying = s.row.underlying;
    one.expiry = s.row.expiry;
    one.at = s.row.at;
    one.is = s.row.is;
    one.fields = s.row.fields & market::feature::chain_row::forward_known;
    one.source = s.row.source;
    one.age = s.row.age;
    one.years = s.row.years;
    one.forward = s.row.forward;
    one.options.push_back(o);
    append_binary(out, binary_kind::greeks, s.final, handle_of(key, style), shown,
                  [&](std::string& to) { record::encode(to, one); });
  } else {
    append_json(out, "greeks", style, shown,
                [&](std::string& to) { protocol::append_greeks(to, s.row, o, s.final); });
  }
}

std::string stop_event(std::string_view quoted_key, market::timestamp since) {
  std::string out = "{\"ev\":\"gap\",\"key\":" + std::string(quoted_key);
  protocol::put(out, ",\"from\":", since / market::microsecond);
  return out + ",\"cause\":\"quarantined\"}";
}

std::string state_event(std::string_view quoted_key, std::string_view state) {
  return "{\"ev\":\"state\",\"key\":" + std::string(quoted_key) + ",\"state\":\"" +
         std::string(state) + "\"}";
}

std::string gap_event(std::string_view quoted_key, market::timestamp from, market::timestamp to,
                      std::string_view cause) {
  std::string out = "{\"ev\":\"gap\"";
  if (!quoted_key.empty()) out += ",\"key\":" + std::string(quoted_key);
  protocol::put(out, ",\"from\":", from / market::microsecond);
  protocol::put(out, ",\"to\":", to / market::microsecond);
  protocol::put_name(out, ",\"cause\":", cause);
  return out + "}";
}

std::string clock_event(std::string_view quoted_key, std::string_view clock) {
  return "{\"ev\":\"clock\",\"key\":" + std::string(quoted_key) +
         ",\"clock\":" + std::string(clock) + "}";
}

std::string alert_event(std::string_view quoted_key, std::string_view alert) {
  return "{\"ev\":\"alert\",\"key\":" + std::string(quoted_key) +
         ",\"alert\":" + std::string(alert) + "}";
}

std::string moved_event(std::string_view quoted_key, std::string_view state,
                        std::string_view snapshot) {
  return "{\"ev\":\"moved\",\"key\":" + std::string(quoted_key) + ",\"state\":\"" +
         std::string(state) + "\",\"snapshot\":" + std::string(snapshot) + "}";
}

std::string token_event(std::string_view token) {
  return "{\"ev\":\"token\",\"token\":\"" + std::string(token) + "\"}";
}

std::string missing_event(std::string_view quoted_key, std::string_view cause) {
  std::string out = "{\"ev\":\"gap\"";
  if (!quoted_key.empty()) out += ",\"key\":" + std::string(quoted_key);
  protocol::put_name(out, ",\"cause\":", cause);
  return out + "}";
}

}  // namespace artham::actors
