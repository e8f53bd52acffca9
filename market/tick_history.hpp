#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/bar_fold.hpp"

namespace artham::market {

/// Ticks in tick order, packed to some 8 bytes each: time, price, volume and position as
/// differences to the tick before, in groups whose columns have one width each.
class packed_ticks {
 public:
  void add(std::span<const bar_tick> ticks);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  /// When no more are to come soon.
  void give_back_room() { bytes_.shrink_to_fit(); }
  /// The other way round. False for bytes that `add` did not make.
  [[nodiscard]] static bool unpack(std::string_view bytes, std::size_t count,
                                   std::vector<bar_tick>& out);
  [[nodiscard]] std::vector<bar_tick> all() const;
  /// `bytes` hold `count` ticks, of which `last` is the last.
  void restore(std::string_view bytes, std::size_t count, const bar_tick& last);

 private:
  void add_group(std::span<const bar_tick> ticks);

  std::string bytes_;
  std::size_t count_ = 0;
  bar_tick last_;
};

/// The ticks that were folded into bars within the revision horizon, so that one that comes late
/// can still be put in its place and the bars behind it be made again. Cut into stretches, each
/// with what the bars were in front of it.
class tick_history {
 public:
  struct stretch {
    bar_fold before;
    tick_key first, last;  ///< of its ticks
    std::uint16_t oldest_coverage = 0;
    packed_ticks ticks;

    void add(std::span<const bar_tick> ticks);
    /// As it was saved; false for what was not.
    [[nodiscard]] bool restore(std::string_view bytes, std::size_t count);

   private:
    void note(std::span<const bar_tick> ticks);
  };
  /// Ticks kept at the most; beyond, the oldest stretch goes before its time.
  static constexpr std::size_t max_ticks = 262'144;
  static constexpr std::size_t max_stretch = max_ticks / 8;

  /// The next ticks in order; `before` is what they will be folded into. Takes those that belong to
  /// the same stretch as the first and returns how many.
  std::size_t add(std::span<const bar_tick> ticks, const bar_fold& before, duration stretch_length);
  /// Forgets stretches whose ticks all lie before `floor`.
  void forget(timestamp floor);
  void forget_oldest();

  /// Whether a tick with this key can still be put in its place.
  [[nodiscard]] bool reaches(const tick_key& key) const { return !(key < forgotten_); }
  /// The stretch that a tick with this key belongs to; there must be one.
  [[nodiscard]] std::size_t stretch_of(const tick_key& key) const;
  /// Puts the tick in its place in that stretch.
  void insert(std::size_t index, const bar_tick& t);

  [[nodiscard]] std::span<stretch> stretches() { return stretches_; }
  [[nodiscard]] std::span<const stretch> stretches() const { return stretches_; }
  [[nodiscard]] bool empty() const { return stretches_.empty(); }
  [[nodiscard]] const tick_key& forgotten() const { return forgotten_; }
  /// As it was saved.
  void restore(std::vector<stretch> stretches, const tick_key& forgotten);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::vector<stretch> stretches_;
  std::size_t size_ = 0;
  tick_key forgotten_;  ///< of the last tick that is kept no longer
};

}  // namespace artham::market
