#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/session/chain_board.hpp"
#include "market/bar.hpp"
#include "market/tick.hpp"
#include "messages/batch.hpp"
#include "messages/protocol/binary.hpp"
#include "messages/protocol/ticker_mode.hpp"

namespace artham::actors {

/// In which words a client has the messages of a key.
struct message_style {
  messages::format format = messages::format::json;
  bool times = false;
  std::string quoted;  ///< the key as the client wrote it, as a JSON text
  protocol::ticker_mode mode = protocol::ticker_mode::full;  ///< with format::kite
  std::uint8_t space = 0;                                    ///< the namespace of the key
  friend bool operator==(const message_style&, const message_style&) = default;
};
[[nodiscard]] message_style make_style(messages::format format, bool times, std::string_view text,
                                       std::uint8_t space = 0);
/// Of a Kite client, which has ticks only.
[[nodiscard]] message_style make_ticker_style(protocol::ticker_mode mode, std::uint8_t space = 0);

// Each appends one message as a WebSocket frame. The same bytes for everybody with this style, now
// or when it is missed and made again; only the time of sending differs, where it is asked for.

/// `newest` is the time of the instrument's newest tick; nothing of it is told without times.
void append_bar_message(std::string& out, std::uint64_t key, const message_style& style,
                        const market::bar& b, bool final, const protocol::message_times& newest);
/// `receive` is market time.
void append_tick_message(std::string& out, std::uint64_t key, const message_style& style,
                         const market::tick& t, market::timestamp receive);
void append_chain_message(std::string& out, std::uint64_t key, const message_style& style,
                          const chain_board::shown& s);
void append_greeks_message(std::string& out, std::uint64_t key, const message_style& style,
                           const chain_board::shown& s, const market::feature::option_row& o);

// Events are JSON in every format.

/// That the bars of a key have stopped.
[[nodiscard]] std::string stop_event(std::string_view quoted_key, market::timestamp since);
[[nodiscard]] std::string state_event(std::string_view quoted_key, std::string_view state);
/// Something was lost: of a key, or of the whole feed for none.
[[nodiscard]] std::string gap_event(std::string_view quoted_key, market::timestamp from,
                                    market::timestamp to, std::string_view cause);
/// Where a replay's virtual clock is: a JSON object.
[[nodiscard]] std::string clock_event(std::string_view quoted_key, std::string_view clock);
/// Of a replay: an alert as a JSON object.
[[nodiscard]] std::string alert_event(std::string_view quoted_key, std::string_view alert);
/// A replay's time was moved: what the key has now, as in the answer to `sub`.
[[nodiscard]] std::string moved_event(std::string_view quoted_key, std::string_view state,
                                      std::string_view snapshot);
[[nodiscard]] std::string token_event(std::string_view token);
/// What the streams had of a key, or of all for none, is not to be had any more.
[[nodiscard]] std::string missing_event(std::string_view quoted_key, std::string_view cause);

}  // namespace artham::actors
