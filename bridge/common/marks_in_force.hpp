#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "messages/record/record.hpp"

namespace artham::bridge {

/// What the marks of md:ticks have put in force up to some record: settings, subscriptions, and a
/// loss that is not over.
class marks_in_force {
 public:
  void note(const market::mark& m);

  /// The marks that say the same: one `config`, a `subscription` per mode, a `gap` that begins.
  /// They stand in the places right before `next`, in `next`'s epoch, and have the time `at`. Null
  /// when there are fewer places than marks.
  [[nodiscard]] record::block_ptr block_before(record::position next, market::timestamp at) const;

 private:
  market::config_hashes hashes_;
  std::map<std::uint32_t, market::tick_mode> subscribed_;
  std::optional<market::mark> loss_;
};

}  // namespace artham::bridge
