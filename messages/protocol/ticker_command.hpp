#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "messages/protocol/ticker_mode.hpp"

/// What a client of Kite's ticker says, and is told in words.
namespace artham::protocol {

struct ticker_command {
  enum class action : std::uint8_t { subscribe, unsubscribe, set_mode };
  action what = action::subscribe;
  ticker_mode mode = ticker_mode::quote;  ///< of set_mode; a subscription begins in this one
  std::vector<std::uint32_t> tokens;      ///< as they came: in that order, perhaps repeated
};

/// `{"a":"subscribe","v":[408065]}`, likewise `unsubscribe`, or
/// `{"a":"mode","v":["full",[408065]]}` from untrusted text. Never throws, whatever the text. The
/// error, one line, names what is wrong.
[[nodiscard]] tl::expected<ticker_command, std::string> parse_ticker_command(std::string_view text);

/// `{"type":"error","data":…}`
[[nodiscard]] std::string ticker_error(std::string_view message);

/// Kite's envelope of an error over HTTP; `type` is `TokenException` and so on.
[[nodiscard]] std::string kite_error(std::string_view type, std::string_view message);

}  // namespace artham::protocol
