#include "bridge/local/opening.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "bridge/common/stream_rules.hpp"
#include "bridge/local/segment_scan.hpp"
#include "bridge/local/stream_cut.hpp"
#include "runtime/failpoint.hpp"

namespace artham::bridge::local {
namespace {

namespace fs = std::filesystem;

/// Segments in the order of their positions; other files are left alone.
struct listed {
  std::vector<segment_ptr> segments;
  std::vector<fs::path> removed;  ///< given up, but still there
  bool begins_late = false;       ///< the first segment stands for what was removed
};
result<listed> list_segments(const fs::path& dir) {
  std::vector<std::pair<std::string, segment_id>> found;
  std::vector<std::pair<std::string, begin_id>> begins;
  std::error_code failed;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    if (const auto id = parse_segment_name(name)) found.emplace_back(name, *id);
    if (const auto id = parse_begin_name(name)) begins.emplace_back(name, *id);
  }
  if (failed) return tl::unexpected(system_error("read", dir, failed.value()));
  std::ranges::sort(found, {}, [](const auto& f) { return f.first; });
  std::ranges::sort(begins, {}, [](const auto& f) { return f.first; });
  listed all;
  std::uint64_t first = 0;
  if (!begins.empty()) {
    const auto& [name, begin] = begins.back();
    first = begin.end_seq();
    all.begins_late = true;
    all.segments.push_back(std::make_shared<segment>(dir / name, begin.id));
    begins.pop_back();
  }
  for (const auto& [name, id] : begins) all.removed.push_back(dir / name);
  for (const auto& [name, id] : found) {
    if (id.first_seq < first) {
      all.removed.push_back(dir / name);
    } else {
      all.segments.push_back(std::make_shared<segment>(dir / name, id));
    }
  }
  return all;
}

/// Where the records that are kept begin.
result<open_report::kept> kept_of(const stream& s) {
  auto& begin = *s.segments.front();
  const auto end = s.segments.size() == 1 ? s.next_seq : s.segments[1]->first_seq();
  const auto index = begin.index(s.name, end, false);
  if (!index) return tl::unexpected(index.error());
  open_report::kept k{s.name, {begin.epoch(), end}, 0};
  if (s.segments.size() > 1) k.first.epoch = s.segments[1]->epoch();
  if (!(*index)->chunks.empty()) k.from = (*index)->chunks.front().first_time;
  return k;
}

segment_id id_of(const segment& s) {
  return {s.first_seq(), s.epoch()};
}

/// The index of a last segment that was closed cleanly: its file is there and its last chunk is
/// intact.
std::optional<segment_index> clean_index(const segment& at, const file& f, std::uint64_t size,
                                         bool source) {
  auto index = load_index(at.path(), size);
  if (!index || index->first_seq != at.first_seq() || index->epoch != at.epoch())
    return std::nullopt;
  if (!index->chunks.empty()) {
    window w(f, at.path());
    for (const auto& b : read_chunk(w, index->chunks.back(), at.epoch(), source)) {
      if (b->damaged) return std::nullopt;
    }
  }
  return std::move(*index);
}

/// Where a segment that was closed cleanly ended, by its index; it may be shorter now.
std::optional<std::uint64_t> clean_end(const segment& at, std::uint64_t size) {
  const auto index = load_index(at.path(), std::nullopt);
  if (!index || index->first_seq != at.first_seq() || index->epoch != at.epoch() ||
      index->end_offset() < size) {
    return std::nullopt;
  }
  return index->end_seq();
}

/// `end_seq`: where the next segment begins; UINT64_MAX for the last, whose end may be torn.
void report_scan(const stream& s, const fs::path& path, const scanned_segment& scanned,
                 std::uint64_t end_seq, open_report& report) {
  const auto& index = scanned.index;
  auto damages = scanned.damages;
  const auto end = std::min(index.end_offset(), scanned.size);
  if (end_seq == UINT64_MAX) {
    if (scanned.size > end || (!scanned.has_header && index.chunks.empty())) {
      report.cuts.push_back({s.name, path, end, scanned.size - end, index.end_seq()});
    }
  } else if (index.end_seq() < end_seq) {
    damages.push_back({end, scanned.size - end, index.end_seq(), end_seq - index.end_seq()});
  }
  for (const auto& d : damages) {
    report.damages.push_back({s.name, path, d.offset, d.bytes, d.first_seq, d.count});
  }
}

/// Cuts the end of the last segment back to its last intact block.
result<void> mend_tail(const stream& s, const segment& at, const file& f,
                       const scanned_segment& scanned) {
  auto keep = scanned.index.end_offset();
  if (!scanned.has_header && scanned.index.chunks.empty()) {
    if (auto ok = truncate_file(f, at.path(), 0); !ok) return ok;
    const auto h = make_segment_header(s.name, at.epoch(), at.first_seq(), 0);
    if (::pwrite(f.fd(), &h, sizeof h, 0) != static_cast<ssize_t>(sizeof h)) {
      return tl::unexpected(system_error("write", at.path(), errno));
    }
    keep = sizeof h;
  }
  if (auto ok = truncate_file(f, at.path(), keep); !ok) return ok;
  runtime::failpoint("open.tail_cut");
  // Without an index file the next reader scans.
  static_cast<void>(save_index(at.path(), scanned.index, keep));
  return {};
}

/// Where the stream ends: reads its last segment.
result<void> load_end(stream& s, access a, open_report& report) {
  auto& last = *s.segments.back();
  s.epoch = last.epoch();
  auto f = open_file(last.path(), a == access::writable ? O_RDWR : O_RDONLY);
  if (!f) return tl::unexpected(f.error());
  auto size = size_of(*f, last.path());
  if (!size) return tl::unexpected(size.error());
  auto index = clean_index(last, *f, *size, s.source);
  if (!index) {
    auto scanned = scan_segment(*f, last.path(), s.name, id_of(last), UINT64_MAX);
    if (!scanned) return tl::unexpected(scanned.error());
    report_scan(s, last.path(), *scanned, UINT64_MAX, report);
    if (a == access::writable) {
      if (auto ok = mend_tail(s, last, *f, *scanned); !ok) return ok;
    } else {
      last.pin(std::make_shared<const segment_index>(scanned->index));
    }
    index = std::move(scanned->index);
  }
  s.next_seq = index->end_seq();
  return {};
}

}  // namespace

result<stream_map> load_streams(const fs::path& dir, access a, runtime::metrics& metrics,
                                open_report& report) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    if (name != "objects" && it->is_directory(failed) && check_stream_name(name))
      names.push_back(name);
  }
  if (failed) return tl::unexpected(system_error("read", dir, failed.value()));
  // Sources last: beside a running writer, nothing derived is then seen whose cause is not.
  std::ranges::sort(names);
  std::stable_partition(names.begin(), names.end(), [](const auto& n) { return !is_source(n); });
  stream_map streams;
  for (const auto& name : names) {
    auto s = std::make_shared<stream>(name, dir / name, metrics);
    auto listed = list_segments(s->dir);
    if (!listed) return tl::unexpected(listed.error());
    if (listed->segments.empty()) continue;
    s->segments = std::move(listed->segments);
    if (a == access::writable) {
      // What was given up when the process ended in between.
      for (const auto& path : listed->removed) {
        fs::remove(index_path(path), failed);
        fs::remove(path, failed);
        if (failed) return tl::unexpected(system_error("remove", path, failed.value()));
      }
    }
    if (auto ok = load_end(*s, a, report); !ok) return tl::unexpected(ok.error());
    s->set_tops();
    if (listed->begins_late) {
      auto kept = kept_of(*s);
      if (!kept) return tl::unexpected(kept.error());
      report.trimmed.push_back(std::move(*kept));
    }
    streams.emplace(name, std::move(s));
  }
  return streams;
}

result<void> cut_derived(const stream_map& streams, open_report& report) {
  for (const auto& [name, s] : streams) {
    if (s->source) continue;
    const auto source = streams.find(source_of(name));
    if (source == streams.end()) continue;
    const auto top = source->second->appended;
    auto done = cut_stream(*s, [top](const record::header& h, record::position) {
      return record::cause_of(h).at > top;
    });
    if (!done) return tl::unexpected(done.error());
    if (*done) report.cuts.push_back(std::move(**done));
  }
  return {};
}

result<void> verify_streams(const stream_map& streams, open_report& report) {
  for (const auto& [name, s] : streams) {
    open_report::summary sum{name, s->segments.size(), 0, 0, 0, 0, s->appended};
    std::set<std::uint32_t> epochs;
    for (std::size_t i = 0; i < s->segments.size(); ++i) {
      auto& at = *s->segments[i];
      const bool last = i + 1 == s->segments.size();
      const auto end = last ? UINT64_MAX : s->segments[i + 1]->first_seq();
      auto f = at.open();
      if (!f) return tl::unexpected(f.error());
      auto scanned = scan_segment(**f, at.path(), name, id_of(at), end);
      if (!scanned) return tl::unexpected(scanned.error());
      // A segment that was closed cleanly has no torn tail: its index says what was there.
      const auto closed = last ? clean_end(at, scanned->size) : std::nullopt;
      report_scan(*s, at.path(), *scanned, closed.value_or(end), report);
      epochs.insert(at.epoch());
      sum.bytes += scanned->size;
      sum.records += scanned->records;
      for (const auto& c : scanned->index.chunks) sum.positions += c.count;
    }
    sum.epochs = epochs.size();
    report.streams.push_back(std::move(sum));
  }
  return {};
}

}  // namespace artham::bridge::local
