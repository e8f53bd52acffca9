#include "bridge/local/orphans.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bridge/common/record_walk.hpp"
#include "bridge/common/stream_rules.hpp"
#include "bridge/local/journal_copy.hpp"
#include "bridge/local/object_store.hpp"
#include "bridge/local/segment_scan.hpp"
#include "bridge/local/stream_cut.hpp"
#include "runtime/failpoint.hpp"

namespace artham::bridge::local {
namespace {

namespace fs = std::filesystem;

/// Stands in a stream's folder while its end is moved out: `{epoch} {seq} {name}`, what is kept and
/// the folder in which the rest is or will be.
constexpr std::string_view note_name = "moving";

struct note {
  record::position keep;
  std::string name;
};

std::optional<note> read_note(const fs::path& dir) {
  const auto text = read_file(dir / note_name);
  if (!text) return std::nullopt;
  note n;
  const char* const end = text->data() + text->size();
  const auto* p = std::from_chars(text->data(), end, n.keep.epoch).ptr;
  if (p != end) p = std::from_chars(p + 1, end, n.keep.seq).ptr;
  if (p != end) n.name.assign(p + 1, end);
  return n;
}

result<void> write_note(const fs::path& dir, const note& n) {
  const auto text = std::to_string(n.keep.epoch) + ' ' + std::to_string(n.keep.seq) + ' ' + n.name;
  return replace_file(dir / note_name, text, true);
}

result<void> remove_note(const fs::path& dir) {
  std::error_code failed;
  fs::remove(dir / note_name, failed);
  if (failed) return tl::unexpected(system_error("remove", dir / note_name, failed.value()));
  return sync_directory(dir);
}

/// Makes all files below `dir` durable, and their names.
result<void> sync_tree(const fs::path& dir) {
  std::error_code failed;
  for (fs::recursive_directory_iterator it(dir, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->is_directory()) {
      if (auto ok = sync_directory(it->path()); !ok) return ok;
      continue;
    }
    const auto f = open_file(it->path(), O_RDONLY);
    if (!f) return tl::unexpected(f.error());
    if (::fsync(f->fd()) != 0) return tl::unexpected(system_error("sync", it->path(), errno));
  }
  if (failed) return tl::unexpected(system_error("read", dir, failed.value()));
  return sync_directory(dir);
}

/// Copies what a stream has behind a position.
class orphan_copy {
 public:
  orphan_copy(const stream& s, record::position keep, fs::path objects)
      : stream_(s), keep_(keep), objects_(std::move(objects)) {}

  result<void> run(const fs::path& to) {
    stream_copy copy(to, stream_.name);
    for (std::size_t i = 0; i < stream_.segments.size(); ++i) {
      if (auto ok = copy_segment(i, copy); !ok) return ok;
    }
    if (auto ok = copy.finish(); !ok) return ok;
    for (const auto& hash : hashes_) {
      // What is not there any more, its marks name all the same.
      const auto content = objects_.get(hash);
      if (!content) continue;
      if (auto ok = copy_object(to, *content); !ok) return ok;
    }
    return {};
  }

  [[nodiscard]] record::position first() const { return first_; }
  [[nodiscard]] record::position last() const { return last_; }

 private:
  result<void> copy_segment(std::size_t i, stream_copy& copy) {
    auto& at = *stream_.segments[i];
    const auto end =
        i + 1 == stream_.segments.size() ? stream_.next_seq : stream_.segments[i + 1]->first_seq();
    if (at.first_seq() >= end || record::position{at.epoch(), end - 1} <= keep_) return {};
    auto index = at.index(stream_.name, end, false);
    if (!index) return tl::unexpected(index.error());
    auto f = at.open();
    if (!f) return tl::unexpected(f.error());
    window w(**f, at.path());
    for (const auto& c : (*index)->chunks) {
      for (const auto& b : read_chunk(w, c, at.epoch(), stream_.source)) {
        if (b->damaged || b->first_seq >= end) continue;
        if (auto ok = copy_block(b, copy); !ok) return ok;
      }
    }
    if (w.failure()) return tl::unexpected(*w.failure());
    return {};
  }

  result<void> copy_block(const record::block_ptr& b, stream_copy& copy) {
    std::uint64_t from = 0;
    record::for_each(*b, [&](const record::header&, std::uint64_t seq, std::string_view) {
      if (from == 0 && record::position{b->epoch, seq} > keep_) from = seq;
    });
    if (from == 0) return {};
    const auto part = behind(b, from - 1);
    for (const auto& m : part->marks) {
      for (const auto& hash : {m.hashes.settings, m.hashes.calendar, m.hashes.instruments}) {
        if (hash != market::content_hash{}) hashes_.insert(hash);
      }
    }
    if (first_.seq == 0) first_ = part->first();
    last_ = part->last();
    return copy.add(*part);
  }

  const stream& stream_;
  record::position keep_;
  object_store objects_;
  std::set<market::content_hash> hashes_;
  record::position first_;
  record::position last_;
};

/// Cuts what is kept elsewhere now.
result<void> cut_to(stream& s, record::position keep) {
  const auto done =
      cut_stream(s, [keep](const record::header&, record::position at) { return at > keep; });
  if (!done) return tl::unexpected(done.error());
  while (!s.segments.empty() && s.segments.back()->first_seq() >= s.next_seq) {
    const auto path = s.segments.back()->path();
    std::error_code failed;
    fs::remove(index_path(path), failed);
    fs::remove(path, failed);
    if (failed) return tl::unexpected(system_error("remove", path, failed.value()));
    s.segments.pop_back();
  }
  s.epoch = s.segments.empty() ? 0 : s.segments.back()->epoch();
  if (s.segments.empty()) s.next_seq = 1;
  s.set_tops();
  return sync_directory(s.dir);
}

class mover {
 public:
  mover(const fs::path& dir, open_report& report)
      : objects_(dir / "objects"), orphans_(dir / ".." / "orphans"), report_(report) {}

  /// What an earlier opening began.
  result<void> finish(stream& s) {
    const auto begun = read_note(s.dir);
    if (!begun) return {};
    std::error_code absent;
    if (begun->name.empty() || !fs::exists(orphans_ / begun->name, absent)) {
      // It got no further: everything is in the stream still.
      return remove_note(s.dir);
    }
    return cut(s, *begun);
  }

  result<void> move(stream& s, record::position keep) {
    if (s.appended <= keep) return {};
    const auto part = orphans_ / (s.name + ".part");
    std::error_code failed;
    fs::remove_all(part, failed);
    fs::create_directories(part, failed);
    if (failed) return tl::unexpected(system_error("create", part, failed.value()));
    orphan_copy copy(s, keep, objects_);
    if (auto ok = copy.run(part); !ok) return ok;
    if (auto ok = sync_tree(part); !ok) return ok;
    runtime::failpoint("orphan.copied");
    const note n{keep, free_name(s.name, copy.first())};
    if (auto ok = write_note(s.dir, n); !ok) return ok;
    runtime::failpoint("orphan.noted");
    fs::rename(part, orphans_ / n.name, failed);
    if (failed) return tl::unexpected(system_error("rename", part, failed.value()));
    if (auto ok = sync_directory(orphans_); !ok) return ok;
    runtime::failpoint("orphan.renamed");
    report_.orphans.push_back({s.name, orphans_ / n.name, copy.first(), copy.last()});
    return cut(s, n);
  }

 private:
  static result<void> cut(stream& s, const note& n) {
    if (auto ok = cut_to(s, n.keep); !ok) return ok;
    runtime::failpoint("orphan.cut");
    return {};
  }

  [[nodiscard]] std::string free_name(const std::string& stream, record::position first) const {
    const auto name = stream + '-' + std::to_string(first.epoch) + '-' + std::to_string(first.seq);
    auto free = name;
    std::error_code absent;
    for (int n = 2; fs::exists(orphans_ / free, absent); ++n) free = name + '-' + std::to_string(n);
    return free;
  }

  fs::path objects_;
  fs::path orphans_;
  open_report& report_;
};

}  // namespace

result<void> move_orphans(const options& o, stream_map& streams, runtime::metrics& metrics,
                          open_report& report) {
  // A stream of which nothing was kept has no segments, but its note.
  std::error_code failed;
  for (fs::directory_iterator it(o.dir, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    if (streams.contains(name) || !is_source(name) || !fs::exists(it->path() / note_name)) continue;
    streams.emplace(name, std::make_shared<stream>(name, it->path(), metrics));
  }
  if (failed) return tl::unexpected(system_error("read", o.dir, failed.value()));
  mover m(o.dir, report);
  for (const auto& [name, s] : streams) {
    if (!s->source) continue;
    if (auto ok = m.finish(*s); !ok) return ok;
    const auto keep = o.keep_until.find(name);
    if (keep == o.keep_until.end()) continue;
    if (auto ok = m.move(*s, keep->second); !ok) return ok;
  }
  return {};
}

result<void> end_moving(const stream_map& streams) {
  for (const auto& [name, s] : streams) {
    std::error_code absent;
    if (!s->source || !fs::exists(s->dir / note_name, absent)) continue;
    if (auto ok = remove_note(s->dir); !ok) return ok;
  }
  return {};
}

}  // namespace artham::bridge::local
