#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/bars/quarantine_book.hpp"
#include "bridge/bridge.hpp"
#include "market/bar.hpp"
#include "market/bar_aggregator.hpp"
#include "messages/record/record.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// Ordinals from here on are those of repaired bars (docs/bars.md): counted per cause, timeframe
/// and instrument.
inline constexpr std::uint32_t first_repaired_ordinal = 1U << 31U;

/// What becomes of outputs that a repair has stored: they are in no stream of a run, but a replay
/// gives them.
enum class repaired_bars : std::uint8_t { leave_out, give };

/// The streams md:bars:final.{tf}: gives outputs their ordinals, leaves out what a stream has
/// already, and holds what a stream has no room for.
class derived_streams {
 public:
  /// Opens a writer for each timeframe and reads where each stream ends.
  static result<std::unique_ptr<derived_streams>> open(
      bridge::bridge& out, const std::vector<market::timeframe>& timeframes,
      runtime::metrics& metrics);

  /// Takes the outputs of one block, in any order. Every output of one cause must be in the same
  /// call. `book` tells which ones were repaired.
  void add(std::vector<market::closed_bar>& closed, const quarantine_book& book = {},
           repaired_bars repaired = repaired_bars::leave_out);
  /// Appends what is held. False when a stream is full: `room` will be called once it has room.
  result<bool> flush(const std::function<void()>& room);
  /// The last record of each stream, what is held included.
  [[nodiscard]] std::map<std::string, record::cause> tops() const;

 private:
  struct stream {
    std::string name;
    std::unique_ptr<bridge::writer> writer;
    record::cause top;
    record::cause opened;  ///< `top` when it was opened
    std::string held;
    std::uint64_t held_count = 0;
    std::vector<std::uint32_t> held_tokens;
    runtime::counter* bars = nullptr;
    runtime::counter* revisions = nullptr;
  };
  void put(stream& s, record::cause at, const market::bar& bar);

  std::vector<stream> streams_;
  runtime::counter* repeated_ = nullptr;
};

/// The cause of the last record of a derived stream; all zero when it has none.
[[nodiscard]] result<record::cause> last_cause(bridge::bridge& from, std::string_view stream);

}  // namespace artham::actors
