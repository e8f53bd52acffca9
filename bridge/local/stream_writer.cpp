#include "bridge/local/stream_writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace artham::bridge::local {
namespace {

constexpr std::uint64_t usual_block_bytes = 4U << 20U;  ///< exceeded by a larger append only

}  // namespace

void add_pending(stream& s, const options& settings, record::position first,
                 std::string_view records, std::uint64_t count,
                 std::span<const std::uint32_t> tokens, bool any_token, walked&& w) {
  const std::lock_guard lock(s.mutex);
  const auto fits = [&](const record::block& b) {
    return b.epoch == first.epoch && b.count + count <= settings.max_block_records &&
           b.payload.size() + records.size() <= usual_block_bytes;
  };
  if (s.pending.empty() || !fits(*s.pending.back().block)) {
    s.pending.emplace_back();
    s.pending.back().block->epoch = first.epoch;
    s.pending.back().block->first_seq = first.seq;
  }
  auto& into = s.pending.back();
  for (auto place : w.places) {
    place.offset += static_cast<std::uint32_t>(into.block->payload.size());
    place.index += static_cast<std::uint32_t>(into.block->count);
    into.places.push_back(place);
  }
  into.block->payload.append(records);
  into.block->count += count;
  std::ranges::move(w.marks, std::back_inserter(into.block->marks));
  into.tokens.insert(into.tokens.end(), tokens.begin(), tokens.end());
  into.any_token = into.any_token || any_token;
  s.epoch = first.epoch;
  s.next_seq = first.seq + count;
}

stream_writer::stream_writer(std::shared_ptr<core> c, stream_ptr s, record::position next)
    : core_(std::move(c)), stream_(std::move(s)), next_(next) {}

stream_writer::~stream_writer() {
  const std::lock_guard lock(stream_->mutex);
  stream_->has_writer = false;
}

result<record::position> stream_writer::append(std::string_view records, std::uint64_t count,
                                               std::span<const std::uint32_t> tokens) {
  auto w = walk(stream_->name, records, count, next_);
  if (!w) return tl::unexpected(w.error());
  if (auto room = core_->reserve(records.size()); !room) {
    refused_ = records.size();
    return tl::unexpected(room.error());
  }
  const auto first = next_;
  put(records, count, tokens, std::move(*w));
  return first;
}

result<record::position> stream_writer::append_urgent(std::string_view records,
                                                      std::uint64_t count) {
  auto w = walk(stream_->name, records, count, next_);
  if (!w) return tl::unexpected(w.error());
  if (auto taken = core_->reserve_urgent(records.size()); !taken)
    return tl::unexpected(taken.error());
  const auto first = next_;
  put(records, count, {}, std::move(*w));
  return first;
}

void stream_writer::put(std::string_view records, std::uint64_t count,
                        std::span<const std::uint32_t> tokens, walked&& w) {
  const auto first = next_;
  next_.seq += count;
  const bool any_token = tokens.empty() && !w.only_marks;
  add_pending(*stream_, core_->settings(), first, records, count, tokens, any_token, std::move(w));
  core_->submit(records.size());
}

void stream_writer::when_room(std::function<void()> fn) {
  core_->when_room(refused_, std::move(fn));
}

}  // namespace artham::bridge::local
