#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>

#include "feed/feed.hpp"

namespace artham::actors {

struct frame_event {
  std::string bytes;
};
struct time_event {};
struct subscription_event {
  std::vector<std::uint32_t> tokens;
  market::tick_mode mode;
  bool added;
};

/// What a feed said, on its way to the ingestor.
struct feed_event {
  market::timestamp market_time = 0;
  market::timestamp wall = 0;
  std::variant<frame_event, time_event, feed::state_change, subscription_event> what;

  /// What it takes of the queue's budget.
  [[nodiscard]] std::size_t weight() const {
    const auto* f = std::get_if<frame_event>(&what);
    return (f ? f->bytes.size() : 0) + 128;
  }
};
using feed_event_ptr = std::shared_ptr<const feed_event>;

}  // namespace artham::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(artham::actors::feed_event_ptr)
