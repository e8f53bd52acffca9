#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "actors/session/stream_set.hpp"
#include "store/record_source.hpp"

namespace artham::actors {

/// What somebody wants of a stretch of a stream.
struct stretch_wants {
  stream_list::what of = stream_list::what::ticks;
  std::string stream;                     ///< its name
  market::timeframe timeframe;            ///< of bars
  std::vector<std::uint32_t> tokens;      ///< of ticks or bars; may be empty
  std::vector<store::chain_name> chains;  ///< of features; may be empty
  bool gaps = false;                      ///< losses of the feed, too
};

/// A stretch of a stream out of the store, some rows at a time and in their order. Used by one
/// thread at a time; calls block.
class stored_stretch {
 public:
  using row =
      std::variant<record::bar_record, record::feature_record, store::stored_tick, store::gap_row>;

  stored_stretch(store::record_source& from, stretch_wants wants);

  /// How far what is wanted of the stream is stored.
  [[nodiscard]] result<record::position> stored_upto();
  /// Nothing of it from before this is there any more; 0: all is.
  [[nodiscard]] result<market::timestamp> kept_since();

  /// Goes to the records between these two.
  void begin(record::cause after, record::cause before);
  /// The first that was not popped; null behind the last.
  [[nodiscard]] result<const row*> front();
  void pop() { rows_.pop_front(); }

 private:
  template <class T>
  void take(std::vector<T> page, std::size_t limit, record::cause (*cause_of)(const T&));
  result<void> read_page();
  result<void> read_bars();
  result<void> read_chains();
  result<void> read_ticks();
  result<void> read_gaps(std::uint64_t upto);
  void next_window();

  store::record_source& from_;
  stretch_wants wants_;
  store::record_range range_;
  record::cause begin_;
  std::uint64_t gaps_above_ = 0;  ///< seq that gaps were read up to
  std::uint64_t width_ = 0;       ///< of the window, in positions
  bool at_end_ = true;
  std::deque<row> rows_;
};

}  // namespace artham::actors
