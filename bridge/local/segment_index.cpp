#include "bridge/local/segment_index.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "bridge/local/file.hpp"
#include "bridge/local/segment_format.hpp"

namespace artham::bridge::local {
namespace {

constexpr std::uint64_t chunk_bytes = 64U << 10U;

struct index_header {
  std::uint32_t magic = 0x49'4a'54'41;  // "ATJI"
  std::uint16_t version = 1;
  std::uint16_t size = 64;
  std::uint32_t epoch = 0;
  std::uint32_t chunks = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t segment_size = 0;
  std::uint64_t filter_bytes = 0;
  std::uint64_t reserved[2] = {};
  std::uint64_t checksum = 0;  // xxh3-64 of all other bytes of the file
};
static_assert(sizeof(index_header) == 64);

std::uint64_t checksum_of(const index_header& h, std::string_view rest) {
  return XXH3_64bits_withSeed(rest.data(), rest.size(),
                              XXH3_64bits(&h, offsetof(index_header, checksum)));
}

}  // namespace

std::uint64_t segment_index::end_offset() const {
  return chunks.empty() ? sizeof(segment_header) : chunks.back().end_offset();
}

std::size_t segment_index::find(std::uint64_t seq) const {
  const auto it = std::ranges::upper_bound(chunks, seq, {}, &chunk::end_seq);
  return static_cast<std::size_t>(it - chunks.begin());
}

bool segment_index::may_matter(const chunk& c, std::span<const std::uint32_t> tokens) const {
  return c.flags != 0 || c.filter_size == 0 ||
         may_hold(std::string_view(filters).substr(c.filter_at, c.filter_size), tokens);
}

index_builder::index_builder(std::uint64_t first_seq, std::uint32_t epoch) {
  index_.first_seq = first_seq;
  index_.epoch = epoch;
}

chunk& index_builder::chunk_for(const block_facts& b) {
  if (open_ && index_.chunks.back().length + b.length > chunk_bytes) close();
  if (!open_) {
    open_ = true;
    index_.chunks.push_back(
        {.offset = b.offset, .first_seq = b.first_seq, .first_time = b.first_time});
  }
  open_any_ = open_any_ || b.any_token;
  return index_.chunks.back();
}

void index_builder::close() {
  if (!open_) return;
  if (!open_any_) {
    const auto filter = make_filter(open_tokens_);
    index_.chunks.back().filter_at = static_cast<std::uint32_t>(index_.filters.size());
    index_.chunks.back().filter_size = static_cast<std::uint32_t>(filter.size());
    index_.filters += filter;
  }
  open_ = false;
  open_any_ = false;
  open_tokens_.clear();
}

std::filesystem::path index_path(const std::filesystem::path& segment) {
  auto path = segment;
  return path.replace_extension(".idx");
}

result<void> save_index(const std::filesystem::path& segment, const segment_index& index,
                        std::uint64_t segment_size) {
  index_header h;
  h.epoch = index.epoch;
  h.chunks = static_cast<std::uint32_t>(index.chunks.size());
  h.first_seq = index.first_seq;
  h.segment_size = segment_size;
  h.filter_bytes = index.filters.size();
  std::string rest(reinterpret_cast<const char*>(index.chunks.data()),
                   index.chunks.size() * sizeof(chunk));
  rest += index.filters;
  h.checksum = checksum_of(h, rest);
  return replace_file(index_path(segment),
                      std::string(reinterpret_cast<const char*>(&h), sizeof h) + rest, false);
}

result<segment_index> load_index(const std::filesystem::path& segment,
                                 std::optional<std::uint64_t> segment_size) {
  const auto path = index_path(segment);
  auto content = read_file(path);
  if (!content) return tl::unexpected(content.error());
  const auto corrupt = [&] {
    return fail(errc::corrupt, "index " + path.string() + " is not valid");
  };
  const index_header expected;
  index_header h;
  if (content->size() < sizeof h) return corrupt();
  std::memcpy(&h, content->data(), sizeof h);
  const auto rest = std::string_view(*content).substr(sizeof h);
  if (h.magic != expected.magic || h.version != expected.version || h.size != expected.size ||
      h.segment_size != segment_size.value_or(h.segment_size) ||
      h.checksum != checksum_of(h, rest) || h.filter_bytes > rest.size() ||
      rest.size() - h.filter_bytes != h.chunks * sizeof(chunk)) {
    return corrupt();
  }
  segment_index index;
  index.first_seq = h.first_seq;
  index.epoch = h.epoch;
  index.chunks.resize(h.chunks);
  if (h.chunks != 0) std::memcpy(index.chunks.data(), rest.data(), h.chunks * sizeof(chunk));
  index.filters = rest.substr(h.chunks * sizeof(chunk));
  return index;
}

}  // namespace artham::bridge::local
