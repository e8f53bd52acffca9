#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/alert/rule.hpp"

namespace artham::market::alert {

/// What a rule remembers of the records that it has seen: with it, the next records say the same
/// whether the program was started again between or not.
struct watch_state {
  bool done = false;                ///< it has fired once, and is to do no more
  verdict last = verdict::unknown;  ///< the last that was decided
  std::vector<side> sides;          ///< of each crossing
  timestamp newest = 0;             ///< of ticks: the newest that was taken ...
  std::int64_t volume = -1;         ///< ... and its cumulative volume; -1: it had none
  timestamp fired = 0;              ///< last
  std::uint64_t left_out = 0;       ///< alerts since then that `quiet` left out
  friend bool operator==(const watch_state&, const watch_state&) = default;
};
[[nodiscard]] watch_state fresh_state(const rule& r);
[[nodiscard]] std::string write_state(const watch_state& s);
/// errc::corrupt unless it is the state of such a rule.
[[nodiscard]] result<watch_state> read_state(std::string_view text, const rule& r);

/// Whether a state's text is that of a rule that is to do no more.
[[nodiscard]] inline bool is_done(std::string_view state) {
  return state.starts_with("1d");
}

struct firing {
  std::uint64_t left_out = 0;  ///< before it
};

/// The next of a series: a tick, a bar, Greeks, a chain.
[[nodiscard]] std::optional<firing> take(const rule& r, watch_state& s, const values& v,
                                         timestamp at);
/// A record that stands on its own: a gap, a revision of a bar.
[[nodiscard]] std::optional<firing> take_alone(const rule& r, watch_state& s, const values& v,
                                               timestamp at);
/// Whether a tick is not older than those that were taken: else it is no news. Takes it, if so.
[[nodiscard]] bool is_news(watch_state& s, timestamp at, std::optional<std::int64_t> volume);

}  // namespace artham::market::alert
