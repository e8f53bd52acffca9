#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/local/file.hpp"
#include "bridge/local/segment_format.hpp"
#include "bridge/local/segment_index.hpp"

namespace artham::bridge::local {

/// A stretch of a file through a buffer. Reads that fail give fewer bytes, as the end does.
class window {
 public:
  window(const file& f, std::filesystem::path path) : file_(&f), path_(std::move(path)) {}
  /// From now on nothing at or behind `end` is read; what was read before is forgotten.
  void end_at(std::uint64_t end);
  /// Up to n bytes from `offset`; valid until the next call.
  [[nodiscard]] std::string_view view(std::uint64_t offset, std::uint64_t n);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The first read that failed.
  [[nodiscard]] const std::optional<error>& failure() const { return failure_; }

 private:
  const file* file_;
  std::filesystem::path path_;
  std::string buffer_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = UINT64_MAX;
  std::optional<error> failure_;
};

struct found_block {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  record::block block;
};
/// The first intact block of `epoch` with a first seq from `min_seq` on that lies within [offset,
/// end).
[[nodiscard]] std::optional<found_block> next_block(window& w, std::uint64_t offset,
                                                    std::uint64_t end, std::uint32_t epoch,
                                                    std::uint64_t min_seq);

/// A stretch of a segment that holds no intact block, and the positions that are missing there
/// (maybe none).
struct damage {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t count = 0;
};

struct scanned_segment {
  segment_index index;
  bool has_header = false;
  std::vector<damage> damages;  ///< between intact blocks
  std::uint64_t records = 0;    ///< in intact blocks
  std::uint64_t size = 0;       ///< of the file; what lies behind index.end_offset() is torn
};
/// Reads the whole segment and checks every block. `end_seq` is the first position of the next
/// segment (UINT64_MAX for none): blocks from there on do not count. errc::io when not all of it
/// can be read, unsupported for a newer format, corrupt when the file belongs to another stream.
[[nodiscard]] result<scanned_segment> scan_segment(const file& f, const std::filesystem::path& path,
                                                   std::string_view stream, const segment_id& id,
                                                   std::uint64_t end_seq);

/// What an index says of a block; `source`: its records carry times.
[[nodiscard]] index_builder::block_facts facts_of(const record::block& b, std::uint64_t offset,
                                                  std::uint64_t length, bool source);

/// The intact blocks of a chunk and, in between, damaged ones that stand for what is missing.
[[nodiscard]] std::vector<record::block_ptr> read_chunk(window& w, const chunk& c,
                                                        std::uint32_t epoch, bool source);

/// A block that stands for missing positions: one gap mark from `from` to `to` (market time, 0 if
/// unknown).
[[nodiscard]] record::block_ptr damaged_block(record::position first, std::uint64_t count,
                                              std::int64_t from, std::int64_t to,
                                              const std::filesystem::path& path);

}  // namespace artham::bridge::local
