#include "bridge/local/journal_copy.hpp"

#include <utility>

#include "bridge/common/record_walk.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/local/object_store.hpp"
#include "bridge/local/segment_format.hpp"

namespace artham::bridge::local {

stream_copy::stream_copy(std::filesystem::path dir, std::string stream)
    : dir_(std::move(dir)), stream_(std::move(stream)) {}

result<void> stream_copy::begin_segment(const record::block& b) {
  if (auto done = finish(); !done) return done;
  const auto folder = dir_ / stream_;
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return tl::unexpected(system_error("create", folder, failed.value()));
  path_ = folder / segment_name(b.first_seq, b.epoch);
  out_.open(path_, std::ios::binary | std::ios::trunc);
  const auto h = make_segment_header(stream_, b.epoch, b.first_seq, 0);
  out_.write(reinterpret_cast<const char*>(&h), sizeof h);
  epoch_ = b.epoch;
  bytes_ = sizeof h;
  return {};
}

result<void> stream_copy::add(const record::block& b) {
  const auto walked = walk(stream_, b.payload, b.count, b.first());
  if (!walked) return tl::unexpected(walked.error());
  const auto size =
      sizeof(block_header) + walked->places.size() * sizeof(mark_place) + b.payload.size();
  if (b.epoch != epoch_ || bytes_ + size > options{}.segment_bytes) {
    if (auto begun = begin_segment(b); !begun) return begun;
  }
  out_ << plain_block_head(b, walked->places) << b.payload;
  bytes_ += size;
  return {};
}

result<void> stream_copy::finish() {
  if (!out_.is_open()) return {};
  out_.close();
  if (out_) return {};
  return fail(errc::io, "cannot write " + path_.string() + ": is there room?");
}

result<void> copy_object(const std::filesystem::path& dir, std::string_view content) {
  const auto put = object_store(dir / "objects").put(content);
  if (!put) return tl::unexpected(put.error());
  return {};
}

}  // namespace artham::bridge::local
