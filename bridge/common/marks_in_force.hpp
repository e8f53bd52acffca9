#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "messages/record/record.hpp"

namespace artham::bridge {

/// What the marks of md:ticks have put in force up to some record: settings, subscriptions, and
/// losses that are not over.
class marks_in_force {
 public:
  void note(const market::mark& m);

  /// The marks that say the same: one `config`, a `subscription` per mode, a `gap` per loss that
  /// begins. They stand in the places right before `next`, in `next`'s epoch, and have the time
  /// `at`. Null when there are fewer places than marks.
  [[nodiscard]] record::block_ptr block_before(record::position next, market::timestamp at) const;

 private:
  void note_gap(const market::mark& m);
  /// Of these instruments alone.
  void end_losses(const std::vector<std::uint32_t>& tokens);

  market::config_hashes hashes_;
  std::map<std::uint32_t, market::tick_mode> subscribed_;
  /// That are not over, with the instruments that are still lost; one of all stands in front.
  std::vector<market::mark> losses_;
};

}  // namespace artham::bridge
