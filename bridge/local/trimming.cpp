#include "bridge/local/trimming.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "bridge/common/marks_in_force.hpp"
#include "bridge/common/stream_rules.hpp"
#include "bridge/local/segment_scan.hpp"
#include "messages/record/record.hpp"

namespace artham::bridge::local {
namespace {

namespace fs = std::filesystem;

/// The segments of a stream at one moment. Only trimming changes its front.
struct view {
  std::vector<segment_ptr> segments;

  [[nodiscard]] std::uint64_t end_of(std::size_t i) const { return segments[i + 1]->first_seq(); }
  /// The last position of a segment that is not the last.
  [[nodiscard]] record::position last_of(std::size_t i) const {
    return {segments[i]->epoch(), end_of(i) - 1};
  }
  [[nodiscard]] bool is_empty(std::size_t i) const { return segments[i]->first_seq() == end_of(i); }
};

view view_of(const stream& s) {
  const std::lock_guard lock(s.mutex);
  return {s.segments};
}

bool is_begin(const segment& s) {
  return parse_begin_name(s.path().filename().string()).has_value();
}

/// Calls fn(block) for the blocks of a segment in the chunks that `wanted` takes.
template <class Wanted, class Fn>
result<void> for_each_block(const stream& s, segment& at, std::uint64_t end, Wanted&& wanted,
                            Fn&& fn) {
  const auto index = at.index(s.name, end, false);
  if (!index) return tl::unexpected(index.error());
  const auto f = at.open();
  if (!f) return tl::unexpected(f.error());
  window w(**f, at.path());
  for (const auto& c : (*index)->chunks) {
    if (!wanted(c)) continue;
    for (const auto& b : read_chunk(w, c, at.epoch(), s.source)) {
      if (b->first_seq < end) fn(*b);
    }
    if (w.failure()) return tl::unexpected(*w.failure());
  }
  return {};
}

result<market::timestamp> newest_time(const stream& s, segment& at, std::uint64_t end) {
  const auto index = at.index(s.name, end, false);
  if (!index) return tl::unexpected(index.error());
  market::timestamp newest = 0;
  for (const auto& c : (*index)->chunks) newest = std::max(newest, c.last_time);
  return newest;
}

/// How many segments at the front of md:ticks may go.
result<std::size_t> removable(const stream& s, const view& v, const trim_limits& limits,
                              record::position passed) {
  std::size_t n = 0;
  for (std::size_t i = 0; i + 1 < v.segments.size(); ++i) {
    if (!v.is_empty(i)) {
      if (v.last_of(i) > passed) break;
      const auto newest = newest_time(s, *v.segments[i], v.end_of(i));
      if (!newest) return tl::unexpected(newest.error());
      if (*newest >= limits.before) break;
    }
    n = i + 1;
  }
  return n == 1 && is_begin(*v.segments.front()) ? 0 : n;
}

/// The same of a derived stream: all of it came from records before `first`.
result<std::size_t> removable_derived(const stream& s, const view& v, record::position passed,
                                      std::uint64_t first) {
  std::size_t n = 0;
  for (std::size_t i = 0; i + 1 < v.segments.size(); ++i) {
    if (!v.is_empty(i)) {
      if (v.last_of(i) > passed) break;
      std::uint64_t newest_cause = 0;
      auto read = for_each_block(
          s, *v.segments[i], v.end_of(i),
          [&](const chunk& c) { return c.end_seq() >= v.end_of(i); },
          [&](const record::block& b) {
            record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view) {
              newest_cause = std::max(newest_cause, record::cause_of(h).at.seq);
            });
          });
      if (!read) return tl::unexpected(read.error());
      // 0: the end of the segment is damaged, so nothing tells.
      if (newest_cause == 0 || newest_cause >= first) break;
    }
    n = i + 1;
  }
  return n;
}

std::uint64_t bytes_of(const fs::path& path) {
  std::error_code absent;
  const auto size = fs::file_size(path, absent);
  return absent ? 0 : size;
}

/// Removes files that nobody looks up any more.
result<stream_size> remove_files(const stream& s, std::span<const segment_ptr> segments) {
  stream_size sum{s.name, 0, 0};
  for (const auto& at : segments) {
    std::error_code failed;
    const auto bytes = bytes_of(at->path()) + bytes_of(index_path(at->path()));
    fs::remove(index_path(at->path()), failed);
    fs::remove(at->path(), failed);
    if (failed) return tl::unexpected(system_error("remove", at->path(), failed.value()));
    ++sum.segments;
    sum.bytes += bytes;
  }
  if (auto ok = sync_directory(s.dir); !ok) return tl::unexpected(ok.error());
  return sum;
}

class segment_trimmer final : public trimmer {
 public:
  explicit segment_trimmer(std::shared_ptr<core> c) : core_(std::move(c)) {}

  result<trim_report> trim(const trim_limits& limits) override {
    trim_report report;
    for (const bool sources : {true, false}) {
      for (const auto& s : core_->streams()) {
        const auto passed = limits.passed.find(s->name);
        if (s->source != sources || passed == limits.passed.end()) continue;
        auto done = sources ? trim_source(*s, limits, passed->second, report)
                            : trim_derived(*s, passed->second, report);
        if (!done) return tl::unexpected(done.error());
      }
    }
    return report;
  }

  [[nodiscard]] std::vector<stream_size> sizes() const override {
    std::vector<stream_size> all;
    for (const auto& s : core_->streams()) {
      stream_size sum{s->name, 0, 0};
      for (const auto& at : view_of(*s).segments) {
        ++sum.segments;
        sum.bytes += bytes_of(at->path()) + bytes_of(index_path(at->path()));
      }
      all.push_back(std::move(sum));
    }
    return all;
  }

 private:
  result<void> trim_source(stream& s, const trim_limits& limits, record::position passed,
                           trim_report& report) {
    const auto v = view_of(s);
    const auto n = removable(s, v, limits, passed);
    if (!n) return tl::unexpected(n.error());
    if (*n == 0) return {};
    // The marks that are removed leave what they put in force.
    marks_in_force in_force;
    record::position last;
    for (std::size_t i = 0; i < *n; ++i) {
      auto read = for_each_block(
          s, *v.segments[i], v.end_of(i), [](const chunk& c) { return c.flags != 0; },
          [&](const record::block& b) {
            for (const auto& m : b.marks) in_force.note(m);
          });
      if (!read) return read;
      if (!v.is_empty(i)) last = v.last_of(i);
    }
    const auto first = v.segments[*n]->first_seq();
    const auto at = first_time(s, v, *n);
    if (!at) return tl::unexpected(at.error());
    const auto begin = in_force.block_before({last.epoch, first}, *at);
    if (!begin) return {};
    auto put = put_in_front(s, *begin, *n);
    if (!put) return put;
    auto removed = remove_files(s, std::span(v.segments).first(*n));
    if (!removed) return tl::unexpected(removed.error());
    report.removed.push_back(std::move(*removed));
    report.kept = open_report::kept{s.name, {v.segments[*n]->epoch(), first}, *at};
    return {};
  }

  /// When the first record behind the first n segments was received.
  static result<market::timestamp> first_time(const stream& s, const view& v, std::size_t n) {
    for (auto i = n; i < v.segments.size(); ++i) {
      {
        const std::lock_guard lock(s.mutex);
        const auto& growing = s.active_index.index();
        if (s.active_file && v.segments[i] == s.segments.back() && !growing.chunks.empty())
          return growing.chunks.front().first_time;
      }
      const auto end = i + 1 < v.segments.size() ? v.end_of(i) : UINT64_MAX;
      const auto index = v.segments[i]->index(s.name, end, false);
      if (!index) return tl::unexpected(index.error());
      if (!(*index)->chunks.empty()) return (*index)->chunks.front().first_time;
    }
    return market::timestamp{0};
  }

  /// Writes the segment that stands for the first n; from then on they do not count.
  static result<void> put_in_front(stream& s, const record::block& b, std::size_t n) {
    const auto walked = walk(s.name, b.payload, b.count, b.first());
    if (!walked) return tl::unexpected(walked.error());
    const auto header = make_segment_header(s.name, b.epoch, b.first_seq, 0);
    std::string content(reinterpret_cast<const char*>(&header), sizeof header);
    content += plain_block_head(b, walked->places);
    content += b.payload;
    const begin_id id{{b.first_seq, b.epoch}, b.count};
    const auto path = s.dir / begin_name(id);
    if (auto ok = replace_file(path, content, true); !ok) return ok;
    auto begin = std::make_shared<segment>(path, id.id);
    const std::lock_guard lock(s.mutex);
    s.segments.erase(s.segments.begin(), s.segments.begin() + static_cast<std::ptrdiff_t>(n));
    s.segments.insert(s.segments.begin(), std::move(begin));
    s.trimmed_until = id.end_seq();
    return {};
  }

  result<void> trim_derived(stream& s, record::position passed, trim_report& report) {
    const auto source = core_->find(source_of(s.name));
    if (!source) return {};
    std::uint64_t first = 0;
    {
      const auto v = view_of(*source);
      if (v.segments.size() < 2 || !is_begin(*v.segments.front())) return {};
      first = v.end_of(0);
    }
    const auto v = view_of(s);
    const auto n = removable_derived(s, v, passed, first);
    if (!n) return tl::unexpected(n.error());
    if (*n == 0) return {};
    {
      const std::lock_guard lock(s.mutex);
      s.segments.erase(s.segments.begin(), s.segments.begin() + static_cast<std::ptrdiff_t>(*n));
      s.trimmed_until = s.segments.front()->first_seq();
    }
    auto removed = remove_files(s, std::span(v.segments).first(*n));
    if (!removed) return tl::unexpected(removed.error());
    report.removed.push_back(std::move(*removed));
    return {};
  }

  std::shared_ptr<core> core_;
};

}  // namespace

std::shared_ptr<trimmer> make_trimmer(std::shared_ptr<core> c) {
  return std::make_shared<segment_trimmer>(std::move(c));
}

}  // namespace artham::bridge::local
