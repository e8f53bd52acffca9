#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bridge/local/token_filter.hpp"
#include "market/error.hpp"

namespace artham::bridge::local {

/// One entry of a segment's index: adjacent blocks of at most 64 KiB together, or one larger block.
/// Positions between two chunks are missing.
struct chunk {
  enum flag : std::uint32_t { has_marks = 1 };
  std::uint64_t offset = 0;  ///< in the segment file
  std::uint64_t length = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t count = 0;
  std::int64_t first_time = 0;  ///< receive times of a source's first and last record; 0 elsewhere
  std::int64_t last_time = 0;
  std::uint32_t filter_at = 0;
  std::uint32_t filter_size = 0;  ///< 0: may hold any instrument
  std::uint32_t blocks = 0;
  std::uint32_t flags = 0;

  [[nodiscard]] std::uint64_t end_seq() const { return first_seq + count; }
  [[nodiscard]] std::uint64_t end_offset() const { return offset + length; }
};
static_assert(sizeof(chunk) == 64);

/// Where what is in one segment. Always rebuildable from the segment.
struct segment_index {
  std::uint64_t first_seq = 0;
  std::uint32_t epoch = 0;
  std::vector<chunk> chunks;
  std::string filters;

  [[nodiscard]] std::uint64_t end_seq() const {
    return chunks.empty() ? first_seq : chunks.back().end_seq();
  }
  /// The end of the last chunk; the segment header's when there is none.
  [[nodiscard]] std::uint64_t end_offset() const;
  /// The chunk that holds `seq`, or the first behind it; chunks.size() when there is none.
  [[nodiscard]] std::size_t find(std::uint64_t seq) const;
  /// False when `c` surely holds none of `tokens`, and no mark.
  [[nodiscard]] bool may_matter(const chunk& c, std::span<const std::uint32_t> tokens) const;
};

/// Builds an index block by block, in the order of the file. The chunk at the end is still growing:
/// its filter says "any" until it is closed.
class index_builder {
 public:
  struct block_facts {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t first_seq = 0;
    std::uint64_t count = 0;
    std::int64_t first_time = 0;
    std::int64_t last_time = 0;
    bool has_marks = false;
    bool any_token = false;  ///< its tokens are not known
  };
  index_builder() = default;
  index_builder(std::uint64_t first_seq, std::uint32_t epoch);

  template <class Tokens>  // calls insert on the token_set that it is given
  void add(const block_facts& b, Tokens&& tokens) {
    chunk& c = chunk_for(b);
    if (!open_any_) tokens(open_tokens_);
    c.length += b.length;
    c.count += b.count;
    ++c.blocks;
    c.last_time = b.last_time;
    if (b.has_marks) c.flags |= chunk::has_marks;
  }
  /// Closes the chunk at the end. Needed before a block that does not follow on the one before.
  void close();

  [[nodiscard]] const segment_index& index() const { return index_; }

 private:
  chunk& chunk_for(const block_facts& b);

  segment_index index_;
  bool open_ = false;
  bool open_any_ = false;
  token_set open_tokens_;
};

/// The index file beside a segment.
[[nodiscard]] std::filesystem::path index_path(const std::filesystem::path& segment);
[[nodiscard]] result<void> save_index(const std::filesystem::path& segment,
                                      const segment_index& index, std::uint64_t segment_size);
/// errc::corrupt when the file does not belong to a segment of that size (if given), or is damaged;
/// not_found.
[[nodiscard]] result<segment_index> load_index(const std::filesystem::path& segment,
                                               std::optional<std::uint64_t> segment_size);

}  // namespace artham::bridge::local
