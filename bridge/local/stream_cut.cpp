#include "bridge/local/stream_cut.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "bridge/common/record_walk.hpp"
#include "bridge/local/segment_scan.hpp"
#include "runtime/failpoint.hpp"

namespace artham::bridge::local {
namespace {

namespace fs = std::filesystem;

class end_cut {
 public:
  end_cut(stream& s, const is_beyond& beyond) : stream_(s), beyond_(beyond) {}

  result<std::optional<open_report::cut>> run() {
    if (auto ok = find(); !ok) return tl::unexpected(ok.error());
    if (cut_seq_ == 0) return std::nullopt;
    if (auto ok = apply(); !ok) return tl::unexpected(ok.error());
    return std::move(cut_);
  }

 private:
  /// The first record of `b` that is beyond: seq and byte; seq 0 when there is none.
  [[nodiscard]] std::pair<std::uint64_t, std::size_t> first_beyond(const record::block& b) const {
    std::pair<std::uint64_t, std::size_t> found;
    std::size_t at = 0;
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
      if (found.first == 0 && beyond_(h, {b.epoch, seq})) found = {seq, at};
      at += record::header_size + h.size;
    });
    return found;
  }

  /// Goes back from the end to the first intact block of which nothing is beyond.
  result<void> find() {
    for (auto i = stream_.segments.size(); i-- > 0;) {
      auto& at = *stream_.segments[i];
      const auto end = i + 1 == stream_.segments.size() ? stream_.next_seq
                                                        : stream_.segments[i + 1]->first_seq();
      if (at.first_seq() >= end) continue;
      auto index = at.index(stream_.name, end, false);
      if (!index) return tl::unexpected(index.error());
      auto f = at.open();
      if (!f) return tl::unexpected(f.error());
      window w(**f, at.path());
      for (auto c = (*index)->chunks.rbegin(); c != (*index)->chunks.rend(); ++c) {
        auto blocks = read_chunk(w, *c, at.epoch(), stream_.source);
        for (auto b = blocks.rbegin(); b != blocks.rend(); ++b) {
          if ((*b)->first_seq >= end) continue;
          const bool damaged = (*b)->damaged;
          const auto [seq, byte] =
              damaged ? std::pair((*b)->first_seq, std::size_t{0}) : first_beyond(**b);
          if (damaged && !beyond_({}, (*b)->first())) continue;
          if (seq == 0) return {};
          cut_seq_ = seq;
          cut_byte_ = byte;
          block_ = *b;
          segment_ = i;
        }
      }
    }
    return {};
  }

  result<void> apply() {
    runtime::failpoint("cut.begun");
    // Later segments go first: a crash in between leaves a shorter cut to be made again.
    while (stream_.segments.size() > segment_ + 1) {
      if (auto ok = remove(stream_.segments.back()->path()); !ok) return ok;
      stream_.segments.pop_back();
    }
    const auto at = stream_.segments.back();
    auto f = open_file(at->path(), O_RDWR);
    if (!f) return tl::unexpected(f.error());
    auto size = size_of(*f, at->path());
    if (!size) return tl::unexpected(size.error());
    window w(*f, at->path());
    w.end_at(*size);
    const auto offset = offset_of_cut(w, *size, at->epoch());
    if (!offset)
      return fail(errc::io, "segment " + at->path().string() + " changed while it was opened");
    cut_ = {stream_.name,
            at->path(),
            *offset,
            *size - *offset,
            cut_seq_,
            stream_.next_seq - 1,
            open_report::reason::cause_beyond};
    // What is kept of the block goes into a segment of its own; from then on the old one ends
    // before it.
    if (cut_byte_ != 0) {
      if (auto ok = keep_front(); !ok) return ok;
    }
    if (stream_.segments.back()->path() != at->path() || cut_byte_ == 0) {
      std::error_code ignored;
      fs::remove(index_path(at->path()), ignored);
      if (auto ok = truncate_file(*f, at->path(), *offset); !ok) return ok;
    }
    runtime::failpoint("cut.truncated");
    if (auto ok = sync_directory(stream_.dir); !ok) return ok;
    stream_.next_seq = cut_seq_;
    stream_.set_tops();
    return {};
  }

  /// Where the block that is cut lies; of a damaged one, where the one before it ends.
  [[nodiscard]] std::optional<std::uint64_t> offset_of_cut(window& w, std::uint64_t size,
                                                           std::uint32_t epoch) const {
    std::uint64_t end = sizeof(segment_header);
    if (!block_->damaged) {
      const auto found = next_block(w, end, size, epoch, block_->first_seq);
      if (!found) return std::nullopt;
      return found->offset;
    }
    for (;;) {
      const auto found = next_block(w, end, size, epoch, 0);
      if (!found || found->block.first_seq >= block_->first_seq) return end;
      end = found->offset + found->length;
    }
  }

  result<void> keep_front() {
    const auto payload = std::string_view(block_->payload).substr(0, cut_byte_);
    const auto count = cut_seq_ - block_->first_seq;
    auto w = walk(stream_.name, payload, count, block_->first());
    if (!w) return tl::unexpected(w.error());
    block_header h;
    h.epoch = block_->epoch;
    h.marks = static_cast<std::uint32_t>(w->places.size());
    h.first_seq = block_->first_seq;
    h.count = count;
    h.raw = h.stored = static_cast<std::uint32_t>(payload.size());
    const auto header = make_segment_header(stream_.name, h.epoch, h.first_seq, 0);
    std::string content(reinterpret_cast<const char*>(&header), sizeof header);
    content += block_head(h, w->places, payload);
    content += payload;
    const auto path = stream_.dir / segment_name(h.first_seq, h.epoch);
    std::error_code ignored;
    fs::remove(index_path(path), ignored);
    if (auto ok = replace_file(path, content, true); !ok) return ok;
    // The block may have been the first of its segment: then this is another file under the same
    // name.
    if (stream_.segments.back()->path() == path) stream_.segments.pop_back();
    stream_.segments.push_back(std::make_shared<segment>(path, segment_id{h.first_seq, h.epoch}));
    return {};
  }

  result<void> remove(const fs::path& segment) {
    std::error_code failed;
    fs::remove(index_path(segment), failed);
    fs::remove(segment, failed);
    if (failed) return tl::unexpected(system_error("remove", segment, failed.value()));
    return sync_directory(stream_.dir);
  }

  stream& stream_;
  const is_beyond& beyond_;
  open_report::cut cut_;
  std::uint64_t cut_seq_ = 0;
  std::size_t cut_byte_ = 0;
  record::block_ptr block_;
  std::size_t segment_ = 0;
};

}  // namespace

result<void> truncate_file(const file& f, const fs::path& path, std::uint64_t size) {
  bool cut = ::ftruncate(f.fd(), static_cast<off_t>(size)) == 0;
  runtime::failpoint("open.truncated");
  cut = cut && ::fsync(f.fd()) == 0;
  if (!cut) return tl::unexpected(system_error("cut", path, errno));
  return {};
}

result<std::optional<open_report::cut>> cut_stream(stream& s, const is_beyond& beyond) {
  return end_cut(s, beyond).run();
}

}  // namespace artham::bridge::local
