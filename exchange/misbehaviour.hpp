#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/message.hpp"
#include "market/error.hpp"

namespace artham::exchange {

/// What a real feed does on a bad day.
enum class mischief : std::uint8_t {
  drop,       ///< ends every connection without a word
  mute,       ///< no ticks, but heartbeats and texts, until they connect anew
  silent,     ///< nothing, heartbeats included, to those now connected for `seconds`
  junk,       ///< a binary frame of noise
  truncated,  ///< a frame that promises more than it has
  huge,       ///< a binary frame of 20 MiB
  text,       ///< text frames that are no JSON, no object, or of no known type
  reject,     ///< answers new handshakes with `status` until told 0
};

struct misbehaviour {
  mischief what = mischief::drop;
  double seconds = 0;  ///< of wall time
  unsigned status = 0;
  std::uint64_t after_frames = 0;       ///< in options: as soon as so many frames were played
  std::optional<std::size_t> client{};  ///< mute: in the order of connecting, from 0; none: all
};

/// What `junk`, `truncated`, `huge` and `text` send; empty for the others.
[[nodiscard]] std::vector<message_ptr> bad_messages(mischief what);

/// Reads `{"do": "drop"}`, `{"do": "mute", "client": 0}` (without `client`: all), `{"do": "silent",
/// "seconds": 3}`, `{"do": "send", "what": "junk"}`
/// (`truncated`, `huge`, `text`), `{"do": "reject", "status": 403}`. The error names the field and
/// what it may be.
[[nodiscard]] result<misbehaviour> parse_misbehaviour(std::string_view json);

}  // namespace artham::exchange
