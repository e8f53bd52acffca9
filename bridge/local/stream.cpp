#include "bridge/local/stream.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "bridge/common/stream_rules.hpp"
#include "bridge/local/segment_scan.hpp"

namespace artham::bridge::local {

result<file_ptr> segment::open() {
  const std::lock_guard lock(mutex_);
  if (auto f = file_.lock()) return f;
  auto f = open_file(path_, O_RDONLY);
  if (!f) return tl::unexpected(f.error());
  auto shared = std::make_shared<const file>(std::move(*f));
  file_ = shared;
  return shared;
}

result<index_ptr> segment::index(std::string_view stream, std::uint64_t end_seq, bool writable) {
  auto f = open();
  if (!f) return tl::unexpected(f.error());
  auto size = size_of(**f, path_);
  if (!size) return tl::unexpected(size.error());
  const std::lock_guard lock(mutex_);
  if (auto i = index_.lock()) return i;
  auto loaded = load_index(path_, *size);
  if (!loaded || loaded->first_seq != id_.first_seq || loaded->epoch != id_.epoch) {
    auto scanned = scan_segment(**f, path_, stream, id_, end_seq);
    if (!scanned) return tl::unexpected(scanned.error());
    loaded = std::move(scanned->index);
    // The index only saves time: without room for it the next reader scans again.
    if (writable) static_cast<void>(save_index(path_, *loaded, *size));
  }
  auto shared = std::make_shared<const segment_index>(std::move(*loaded));
  index_ = shared;
  return shared;
}

void segment::pin(index_ptr index) {
  const std::lock_guard lock(mutex_);
  index_ = index;
  pinned_ = std::move(index);
}

stream::stream(std::string stream_name, std::filesystem::path directory, runtime::metrics& metrics)
    : name(std::move(stream_name)),
      dir(std::move(directory)),
      source(is_source(name)),
      bytes_written(metrics.counter("artham_journal_bytes_total", "Bytes written to the journal.",
                                    {{"stream", name}})),
      damaged_blocks(metrics.counter("artham_journal_damaged_blocks_total",
                                     "Blocks that a reader found damaged.", {{"stream", name}})) {}

stream::place stream::segment_of(std::uint64_t seq) const {
  const auto it =
      std::ranges::upper_bound(segments, seq, {}, [](const auto& s) { return s->first_seq(); });
  return {*std::prev(it), it == segments.end() ? appended.seq + 1 : (*it)->first_seq()};
}

void stream::set_tops() {
  appended = {};
  for (const auto& at : segments) {
    if (at->first_seq() < next_seq) appended = {at->epoch(), next_seq - 1};
  }
  durable = appended;
}

std::vector<std::function<void()>> stream::wake() {
  std::vector<std::function<void()>> ready;
  for (auto it = waiting.begin(); it != waiting.end();) {
    if (it->second.next_seq > limit(it->second.until).seq) {
      ++it;
      continue;
    }
    ready.push_back(std::move(it->second.ready));
    it = waiting.erase(it);
  }
  return ready;
}

}  // namespace artham::bridge::local
