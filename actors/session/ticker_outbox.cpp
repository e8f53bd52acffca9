#include "actors/session/ticker_outbox.hpp"

#include <algorithm>
#include <utility>

#include "actors/session/packet_frames.hpp"

namespace artham::actors {

namespace {

/// What a message or packet that waits costs besides its bytes.
constexpr std::size_t overhead = 64;
/// Packets in one message, so that little is out of reach of newer ones at a time.
constexpr std::size_t packets_at_once = 256;

}  // namespace

void ticker_outbox::keep(std::string frame) {
  add({std::move(frame), 0});
}

void ticker_outbox::keep_packets(std::string frames, std::size_t packets) {
  add({std::move(frames), packets});
}

void ticker_outbox::add(kept what) {
  bytes_ += what.frames.size() + overhead;
  if (kept_.empty()) front_ = {};
  kept_.push_back(std::move(what));
}

bool ticker_outbox::put(std::uint32_t token, std::string_view packet) {
  const auto [at, fresh] = packets_.try_emplace(token);
  if (!fresh) bytes_ -= at->second.size() + overhead;
  at->second.assign(packet);
  bytes_ += packet.size() + overhead;
  if (kept_.empty()) front_ = {};
  return !fresh;
}

void ticker_outbox::drop(std::uint32_t token) {
  const auto at = packets_.find(token);
  if (at == packets_.end()) return;
  bytes_ -= at->second.size() + overhead;
  packets_.erase(at);
  if (kept_.empty()) front_ = {};
}

const messages::frames& ticker_outbox::front() {
  if (!front_.of) make_front();
  return front_;
}

std::size_t ticker_outbox::front_packets() {
  if (!front_.of) make_front();
  return kept_.empty() ? in_front_.size() : kept_.front().packets;
}

void ticker_outbox::make_front() {
  in_front_.clear();
  front_.messages = 1;
  if (!kept_.empty()) {
    const auto& first = kept_.front();
    front_.of = std::make_shared<const std::string>(first.frames);
    if (first.packets != 0) front_.messages = frames_of_packets(first.packets);
  } else {
    std::string packets;
    std::vector<messages::batch::item> items;
    auto it = packets_.lower_bound(next_);
    while (items.size() < std::min(packets_.size(), packets_at_once)) {
      if (it == packets_.end()) it = packets_.begin();
      const auto& [token, packet] = *it++;
      items.push_back({0, static_cast<std::uint32_t>(packets.size()),
                       static_cast<std::uint32_t>(packet.size()), messages::batch::kind::value});
      packets += packet;
      in_front_.push_back(token);
    }
    front_.of = std::make_shared<const std::string>(frame_packets(packets, items));
  }
  front_.offset = 0;
  front_.size = front_.of->size();
}

void ticker_outbox::pop() {
  front_ = {};
  if (!kept_.empty()) {
    bytes_ -= kept_.front().frames.size() + overhead;
    kept_.pop_front();
    return;
  }
  for (const auto token : in_front_) drop(token);
  next_ = in_front_.back() + 1;
}

}  // namespace artham::actors
