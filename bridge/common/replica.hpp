#pragma once

#include <functional>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// The only writer of one stream, as a copy of another journal's: blocks keep their positions and
/// epochs. Readers of the stream see them like those of any writer. Not thread-safe towards itself.
class replica {
 public:
  virtual ~replica() = default;
  /// Takes a block right behind the one before; an empty stream begins with any. errc::conflict
  /// when it does not follow; full, io, bad_input and unavailable as writer::append.
  virtual result<void> append(const record::block_ptr& b) = 0;
  /// As writer::when_room.
  virtual void when_room(std::function<void()> fn) = 0;
  /// What the next block must follow; zeros for an empty stream.
  [[nodiscard]] virtual record::position last() const = 0;
};

}  // namespace artham::bridge
