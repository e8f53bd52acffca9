#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bridge/bridge.hpp"
#include "messages/bar_work.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::actors {

/// What md:deadletter says of the bar builders: which records each leaves out, and where one takes
/// nothing any more.
class quarantine_book {
 public:
  /// Letters in the order of the stream. One that says what is known already changes nothing; of
  /// two stops the earlier one counts.
  void add(const record::dead_letter& l);

  /// What the builder of an instrument leaves out; null: nothing.
  [[nodiscard]] std::shared_ptr<const messages::left_out> of(std::uint32_t token) const;
  /// The builder takes nothing from here on; record::no_position when no such quarantine is in
  /// force.
  [[nodiscard]] record::position end_of(std::uint32_t token) const;
  /// Whether an output of the instrument belongs to a quarantine that was lifted since: it is in no
  /// stream, the repair stored it.
  [[nodiscard]] bool repaired(std::uint32_t token, record::position cause) const;
  [[nodiscard]] bool has_repaired() const { return lifted_ != 0; }
  /// Instruments whose builder had stopped at or before `at`, whether the quarantine was lifted
  /// since or not.
  [[nodiscard]] std::vector<std::uint32_t> stopped_at(record::position at) const;

  [[nodiscard]] std::size_t records() const { return records_; }
  /// Builders that are in quarantine now.
  [[nodiscard]] std::size_t builders() const { return builders_; }

 private:
  struct stretch {
    record::position from;
    record::position until = record::no_position;
  };
  struct entry {
    std::vector<record::position> records;
    std::vector<stretch> stops;

    [[nodiscard]] const stretch* in_force() const;
  };
  std::unordered_map<std::uint32_t, entry> by_token_;
  std::size_t records_ = 0;
  std::size_t builders_ = 0;
  std::size_t lifted_ = 0;
};

/// A dead letter and where it stands in md:deadletter.
struct placed_letter {
  record::position place;
  record::dead_letter letter;
};
/// All of md:deadletter that was appended; none when there is no such stream.
[[nodiscard]] result<std::vector<placed_letter>> read_dead_letters(bridge::bridge& from);

}  // namespace artham::actors
