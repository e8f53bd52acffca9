#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "market/instrument.hpp"
#include "market/time.hpp"

namespace artham::exchange {

/// Where the exchange's frames come from, in the order of their market time.
class source {
 public:
  virtual ~source() = default;
  /// When the next frame is due; never earlier than the one before. Nothing at the end.
  [[nodiscard]] virtual std::optional<market::timestamp> next_at() = 0;
  /// The frame that is due at next_at(), with packets of full mode as far as the source has it.
  [[nodiscard]] virtual std::string next() = 0;

  /// Where the days go: market time at which the exchange opens, the first moment at or before the
  /// first frame.
  [[nodiscard]] virtual market::timestamp start() const = 0;
  /// True if days run on to their end without frames and begin with their open; a recording jumps
  /// instead, to the end of its day when it has no more, to its next frame otherwise.
  [[nodiscard]] virtual bool keeps_hours() const = 0;
  /// Packets of what ticked before the start, for snapshots.
  [[nodiscard]] virtual std::vector<std::string> ticked_before() const = 0;
  [[nodiscard]] virtual std::vector<market::instrument> instruments() const = 0;
};

}  // namespace artham::exchange
