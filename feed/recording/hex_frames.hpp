#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "feed/recording/line_reader.hpp"
#include "market/error.hpp"
#include "market/time.hpp"

namespace artham::feed::recording {

struct hex_frame {
  std::uint64_t line = 0;  ///< in the file, from 1
  std::string bytes;       ///< as they went over the wire, well-formed or not
  market::timestamp exchange_time =
      0;  ///< the newest in the frame, which paces it; 0 when it has none
};

/// Reads a `.hex` recording: one Kite WebSocket frame per line, hexadecimal, either case; empty
/// lines are skipped.
class hex_reader {
 public:
  [[nodiscard]] static result<hex_reader> open(const std::string& path);
  /// The next frame; nothing at the end. Refuses, naming file, line and place, what is not
  /// hexadecimal.
  [[nodiscard]] result<std::optional<hex_frame>> next();
  [[nodiscard]] const std::string& path() const { return lines_.path(); }

 private:
  explicit hex_reader(line_reader lines) : lines_(std::move(lines)) {}
  line_reader lines_;
};

/// Appends one line of a `.hex` recording.
void append_hex_line(std::string& out, std::string_view frame);

}  // namespace artham::feed::recording
