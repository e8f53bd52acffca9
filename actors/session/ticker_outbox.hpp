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

/// What waits for a Kite client that does not read as fast as it is told: what may not be left out,
/// in order, then the newest packet of each instrument, those that were left behind last time
/// first. Bounded by its owner, who asks for bytes().
class ticker_outbox {
 public:
  /// A text as a frame.
  void keep(std::string frame);
  /// So many packets in frames, none of which is left out.
  void keep_packets(std::string frames, std::size_t packets);
  /// A packet with its length. True: an older one of the instrument is left out for it.
  bool put(std::uint32_t token, std::string_view packet);
  void drop(std::uint32_t token);

  [[nodiscard]] bool empty() const { return kept_.empty() && packets_.empty(); }
  /// Something that may not be left out waits.
  [[nodiscard]] bool keeps() const { return !kept_.empty(); }
  /// What goes first: one text, or messages of several packets; empty() is false.
  [[nodiscard]] const messages::frames& front();
  /// How many packets that has; 0: it is a text.
  [[nodiscard]] std::size_t front_packets();
  /// What front() gave has gone.
  void pop();
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  using waiting = std::map<std::uint32_t, std::string>;
  struct kept {
    std::string frames;
    std::size_t packets = 0;  ///< 0: a text
  };

  void add(kept what);
  void make_front();

  std::deque<kept> kept_;
  waiting packets_;
  std::size_t bytes_ = 0;
  std::uint32_t next_ = 0;  ///< the instrument, or the one behind it, whose turn it is
  messages::frames front_;  ///< none: `of` is null
  std::vector<std::uint32_t> in_front_;
};

}  // namespace artham::actors
