#include "actors/session/text_batch.hpp"

#include <utility>

#include "messages/protocol/frame.hpp"

namespace artham::actors {

using messages::batch;

namespace {

void append(std::string& bytes, batch& to, std::string_view text) {
  const auto offset = bytes.size();
  protocol::append_frame(bytes, protocol::opcode::text, text);
  to.items.push_back({0, static_cast<std::uint32_t>(offset),
                      static_cast<std::uint32_t>(bytes.size() - offset), batch::kind::event});
}

}  // namespace

messages::batch_ptr text_batch(std::string_view text, batch::origin source) {
  auto b = std::make_shared<batch>();
  std::string bytes;
  append(bytes, *b, text);
  b->bytes = std::make_shared<const std::string>(std::move(bytes));
  b->source = source;
  return b;
}

messages::batch_ptr text_batch(const std::vector<std::string>& texts, batch::origin source) {
  auto b = std::make_shared<batch>();
  std::string bytes;
  for (const auto& text : texts) append(bytes, *b, text);
  b->bytes = std::make_shared<const std::string>(std::move(bytes));
  b->source = source;
  return b;
}

}  // namespace artham::actors
