#include "bridge/redis/stream_reader.hpp"

#include <algorithm>
#include <utility>

namespace artham::bridge::redis {

stream_reader::stream_reader(std::shared_ptr<read_lane> lane, cursor_ptr c,
                             std::uint64_t read_bytes)
    : lane_(std::move(lane)), cursor_(std::move(c)), read_bytes_(read_bytes) {}

stream_reader::~stream_reader() {
  {
    const std::lock_guard lock(cursor_->mutex);
    cursor_->is_closed = true;
    cursor_->ready = nullptr;
    cursor_->blocks.clear();
  }
  lane_->wake();
}

result<std::vector<record::block_ptr>> stream_reader::pull(std::uint64_t max_records) {
  std::vector<record::block_ptr> out;
  bool has_room = false;
  {
    const std::lock_guard lock(cursor_->mutex);
    auto& blocks = cursor_->blocks;
    if (blocks.empty() && cursor_->failure) return tl::unexpected(*cursor_->failure);
    for (auto room = std::max<std::uint64_t>(max_records, 1); room != 0 && !blocks.empty();) {
      room -= std::min(room, blocks.front()->count);
      cursor_->bytes -= blocks.front()->payload.size() + sizeof(record::block);
      cursor_->pulled = blocks.front()->last();
      out.push_back(std::move(blocks.front()));
      blocks.pop_front();
    }
    has_room = cursor_->wants_room && cursor_->bytes <= read_bytes_ / 2;
    if (has_room) cursor_->wants_room = false;
  }
  if (has_room) lane_->wake();
  return out;
}

void stream_reader::when_ready(std::function<void()> fn) {
  {
    const std::lock_guard lock(cursor_->mutex);
    if (cursor_->blocks.empty() && !cursor_->failure) {
      cursor_->ready = std::move(fn);
      return;
    }
  }
  fn();
}

std::uint64_t stream_reader::lag() const {
  const std::lock_guard lock(cursor_->mutex);
  return cursor_->top.seq > cursor_->pulled.seq ? cursor_->top.seq - cursor_->pulled.seq : 0;
}

}  // namespace artham::bridge::redis
