#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/batch.hpp"
#include "messages/protocol/frame.hpp"

namespace artham::actors {

/// One JSON message that a session makes itself.
[[nodiscard]] inline std::shared_ptr<messages::batch> text_batch(std::string_view text,
                                                                 messages::batch::origin source) {
  using messages::batch;
  auto b = std::make_shared<batch>();
  std::string bytes;
  protocol::append_frame(bytes, protocol::opcode::text, text);
  b->items.push_back({0, 0, static_cast<std::uint32_t>(bytes.size()), batch::kind::event});
  b->bytes = std::make_shared<const std::string>(std::move(bytes));
  b->source = source;
  return b;
}
/// Several, none of which is left out.
[[nodiscard]] inline std::shared_ptr<messages::batch> text_batches(
    const std::vector<std::string>& texts, messages::batch::origin source) {
  using messages::batch;
  auto b = std::make_shared<batch>();
  std::string bytes;
  for (const auto& text : texts) {
    const auto offset = bytes.size();
    protocol::append_frame(bytes, protocol::opcode::text, text);
    b->items.push_back({0, static_cast<std::uint32_t>(offset),
                        static_cast<std::uint32_t>(bytes.size() - offset), batch::kind::event});
  }
  b->bytes = std::make_shared<const std::string>(std::move(bytes));
  b->source = source;
  return b;
}

}  // namespace artham::actors
