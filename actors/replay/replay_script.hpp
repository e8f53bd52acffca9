#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "bridge/bridge.hpp"
#include "market/mark.hpp"

namespace artham::actors {

/// What a replay plays: the records of md:ticks one after the other, with their times. Knows no
/// actor.
class replay_script {
 public:
  /// The records behind `after`, up to `until`.
  replay_script(bridge::bridge& from, record::position after, record::position until);

  struct step {
    record::position last;               ///< of the record
    market::timestamp time = 0;          ///< received, market time
    std::uint32_t ticks = 0;             ///< that it has; 0: a mark, or what was lost
    bool is_clock = false;               ///< a clock mark
    const market::mark* mark = nullptr;  ///< null: no mark
  };
  /// The next record, as long as nothing was advanced. None: there is none at present; see at_end.
  [[nodiscard]] result<std::optional<step>> peek();
  /// Behind what peek gave.
  void advance();
  /// Nothing is left.
  [[nodiscard]] bool at_end() const { return at_ >= until_; }
  [[nodiscard]] record::position at() const { return at_; }
  /// Calls fn once when peek has something, or will; see bridge::reader.
  void when_ready(std::function<void()> fn) { reader_->when_ready(std::move(fn)); }

 private:
  std::unique_ptr<bridge::reader> reader_;
  record::position at_;
  record::position until_;
  std::deque<record::block_ptr> blocks_;
  std::size_t offset_ = 0;  ///< in the first block
  std::uint64_t seq_ = 0;
  std::size_t mark_ = 0;
  std::optional<step> next_;
  std::size_t next_size_ = 0;
};

}  // namespace artham::actors
