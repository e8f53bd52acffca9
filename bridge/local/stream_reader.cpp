#include "bridge/local/stream_reader.hpp"

#include <algorithm>
#include <utility>

namespace artham::bridge::local {

/// Where the records from next_ on are to be read.
struct stream_reader::step {
  bool at_top = false;  ///< or served from the tail
  segment_ptr at;
  std::uint64_t end_seq = 0;  ///< of the segment
  std::uint64_t limit = 0;    ///< first position that may not be served
  file_ptr active;            ///< the segment still grows: `found` is from its index
  std::optional<chunk> found;
  std::int64_t time_before = 0;
};

namespace {

/// The chunk that holds `seq` or the first behind it, and the last time before that.
std::pair<std::optional<chunk>, std::int64_t> chunk_at(const segment_index& index,
                                                       std::uint64_t seq) {
  const auto i = index.find(seq);
  const auto before = i == 0 ? 0 : index.chunks[i - 1].last_time;
  if (i == index.chunks.size()) return {std::nullopt, before};
  return {index.chunks[i], before};
}

}  // namespace

stream_reader::stream_reader(stream_ptr s, std::uint64_t next_seq, top until,
                             std::vector<std::uint32_t> tokens, bool writable)
    : stream_(std::move(s)),
      next_(next_seq),
      until_(until),
      tokens_(std::move(tokens)),
      writable_(writable) {}

stream_reader::~stream_reader() {
  const std::lock_guard lock(stream_->mutex);
  stream_->waiting.erase(this);
}

stream_reader::step stream_reader::locate(std::vector<record::block_ptr>& out,
                                          std::uint64_t& room) {
  step s;
  const std::lock_guard lock(stream_->mutex);
  s.limit = stream_->limit(until_).seq + 1;
  if (next_ >= s.limit) {
    s.at_top = true;
    return s;
  }
  // The first segments may have been removed: the cursor begins where the stream does.
  next_ = std::max(next_, stream_->segments.front()->first_seq());
  const auto& tail = stream_->tail;
  if (!tail.empty() && tail.front()->first_seq <= next_ && next_ >= stream_->trimmed_until) {
    auto it =
        std::ranges::lower_bound(tail, next_, {}, [](const auto& b) { return b->last().seq; });
    for (; it != tail.end() && room != 0 && (*it)->first_seq < s.limit; ++it) {
      out.push_back(behind(*it, next_ - 1));
      room -= std::min(room, out.back()->count);
      next_ = (*it)->last().seq + 1;
    }
    s.at_top = true;
    return s;
  }
  const auto place = stream_->segment_of(next_);
  s.at = place.at;
  s.end_seq = place.end_seq;
  if (stream_->active_file && place.at == stream_->segments.back()) {
    s.active = stream_->active_file;
    const auto& index = stream_->active_index.index();
    std::tie(s.found, s.time_before) = chunk_at(index, next_);
    if (s.found && !tokens_.empty() && s.found->first_seq <= next_ &&
        !index.may_matter(*s.found, tokens_)) {
      next_ = std::min(s.found->end_seq(), s.limit);
      s.at = nullptr;
    }
  }
  return s;
}

void stream_reader::take(record::block_ptr b) {
  if (b->last().seq < next_) return;
  if (b->damaged) stream_->damaged_blocks.add();
  read_.push_back(std::move(b));
}

result<void> stream_reader::fill(const step& s) {
  if (segment_ != s.at) {
    segment_ = s.at;
    window_.reset();
    index_.reset();
    file_ = s.active;
    if (!file_) {
      auto f = s.at->open();
      if (!f) return tl::unexpected(f.error());
      file_ = *f;
    }
    window_.emplace(*file_, s.at->path());
  }
  auto found = s.found;
  auto before = s.time_before;
  if (!s.active) {
    if (!index_) {
      auto i = s.at->index(stream_->name, s.end_seq, writable_);
      if (!i) return tl::unexpected(i.error());
      index_ = *i;
    }
    std::tie(found, before) = chunk_at(*index_, next_);
    if (found && !tokens_.empty() && found->first_seq <= next_ &&
        !index_->may_matter(*found, tokens_)) {
      next_ = std::min(found->end_seq(), s.limit);
      return {};
    }
  }
  const auto known = found ? std::min(found->first_seq, s.end_seq) : s.end_seq;
  if (next_ < known) {
    take(damaged_block({s.at->epoch(), next_}, known - next_, before,
                       found ? found->first_time : before, s.at->path()));
    return {};
  }
  for (auto& b : read_chunk(*window_, *found, s.at->epoch(), stream_->source)) {
    if (b->first_seq < s.end_seq) take(std::move(b));
  }
  return {};
}

/// The segment was taken from the front of the stream while it was looked up.
bool stream_reader::was_removed(const segment& at) const {
  const std::lock_guard lock(stream_->mutex);
  return at.first_seq() < stream_->segments.front()->first_seq();
}

result<std::vector<record::block_ptr>> stream_reader::pull(std::uint64_t max_records) {
  std::vector<record::block_ptr> out;
  auto room = std::max<std::uint64_t>(max_records, 1);
  while (room != 0) {
    if (read_.empty()) {
      const auto s = locate(out, room);
      if (s.at_top) break;
      if (!s.at) continue;
      if (auto ok = fill(s); !ok) {
        if (ok.error().code == errc::not_found && was_removed(*s.at)) continue;
        // What was found so far is served; the error comes again with the next pull.
        if (!out.empty()) break;
        return tl::unexpected(ok.error());
      }
      continue;
    }
    if (until_ == top::durable) {
      const std::lock_guard lock(stream_->mutex);
      if (read_.front()->first_seq > stream_->durable.seq) break;
    }
    out.push_back(behind(read_.front(), next_ - 1));
    next_ = read_.front()->last().seq + 1;
    room -= std::min(room, out.back()->count);
    read_.pop_front();
  }
  return out;
}

void stream_reader::when_ready(std::function<void()> fn) {
  {
    const std::lock_guard lock(stream_->mutex);
    if (next_ > stream_->limit(until_).seq) {
      stream_->waiting[this] = {next_, until_, std::move(fn)};
      return;
    }
  }
  fn();
}

std::uint64_t stream_reader::lag() const {
  const std::lock_guard lock(stream_->mutex);
  const auto top = stream_->limit(until_).seq;
  return next_ > top ? 0 : top + 1 - next_;
}

}  // namespace artham::bridge::local
