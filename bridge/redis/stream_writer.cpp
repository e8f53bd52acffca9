#include "bridge/redis/stream_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bridge/common/record_walk.hpp"

namespace artham::bridge::redis {

stream_writer::stream_writer(std::shared_ptr<append_pipe> pipe, out_stream_ptr s,
                             std::uint32_t epoch, std::uint64_t fence)
    : pipe_(std::move(pipe)), stream_(std::move(s)), epoch_(epoch), fence_(fence) {}

stream_writer::~stream_writer() {
  pipe_->end(*stream_);
}

record::position stream_writer::next() const {
  const auto tail = pipe_->tail(*stream_);
  return {std::max(epoch_, tail.epoch), tail.seq + 1};
}

result<std::vector<outgoing>> stream_writer::by_cause(std::string_view records) const {
  std::vector<outgoing> parts;
  auto before = pipe_->tail(*stream_);
  bool first = true;
  for (std::size_t at = 0; at != records.size();) {
    record::header h;
    std::memcpy(&h, records.data() + at, record::header_size);
    const auto size = record::header_size + h.size;
    const auto cause = record::cause_of(h).at;
    if (cause.epoch == 0 || cause.seq == 0 || cause < before || (first && cause == before)) {
      return fail(errc::bad_input, "append to " + stream_->name + ": a record of cause " +
                                       id_text(cause) + " behind " + id_text(before));
    }
    first = false;
    before = cause;
    if (parts.empty() || parts.back().last.epoch != cause.epoch) {
      parts.emplace_back();
      parts.back().first = cause;
      parts.back().fence = fence_;
    }
    parts.back().payload += records.substr(at, size);
    parts.back().last = cause;
    ++parts.back().count;
    at += size;
  }
  return parts;
}

result<record::position> stream_writer::append(std::string_view records, std::uint64_t count,
                                               std::span<const std::uint32_t>) {
  auto first = next();
  auto w = walk(stream_->name, records, count, first);
  if (!w) return tl::unexpected(w.error());
  std::vector<outgoing> parts;
  if (is_dense(stream_->kind)) {
    outgoing o;
    o.first = first;
    o.last = {first.epoch, first.seq + count - 1};
    o.count = count;
    o.payload = records;
    o.fence = fence_;
    parts.push_back(std::move(o));
  } else {
    auto cut = by_cause(records);
    if (!cut) return tl::unexpected(cut.error());
    parts = std::move(*cut);
    first = parts.front().first;
  }
  if (auto ok = pipe_->add(*stream_, std::move(parts)); !ok) {
    if (ok.error().code == errc::full) refused_ = records.size();
    return tl::unexpected(ok.error());
  }
  return first;
}

void stream_writer::when_room(std::function<void()> fn) {
  pipe_->when_room(refused_, std::move(fn));
}

}  // namespace artham::bridge::redis
