#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/client.hpp"

namespace artham::actors {

/// What waits for a Kite client that does not read as fast as it is told: texts in order, then the
/// newest packet of each instrument, those that were left behind last time first. Bounded by its
/// owner, who asks for bytes().
class ticker_outbox {
 public:
  /// A text as a frame.
  void keep(std::string frame);
  /// A packet with its length. True: an older one of the instrument is left out for it.
  bool put(std::uint32_t token, std::string_view packet);
  void drop(std::uint32_t token);

  [[nodiscard]] bool empty() const { return texts_.empty() && packets_.empty(); }
  [[nodiscard]] bool has_texts() const { return !texts_.empty(); }
  /// What goes first: one text, or a message of several packets; empty() is false.
  [[nodiscard]] const messages::frames& front();
  /// How many packets that has; 0: it is a text.
  [[nodiscard]] std::size_t front_packets();
  /// What front() gave has gone.
  void pop();
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  using waiting = std::map<std::uint32_t, std::string>;

  void make_front();

  std::deque<std::string> texts_;
  waiting packets_;
  std::size_t bytes_ = 0;
  std::uint32_t next_ = 0;  ///< the instrument, or the one behind it, whose turn it is
  messages::frames front_;  ///< none: `of` is null
  std::vector<std::uint32_t> in_front_;
};

}  // namespace artham::actors
