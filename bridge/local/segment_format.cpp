#include "bridge/local/segment_format.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "bridge/common/stream_rules.hpp"
#include "messages/record/mark_codec.hpp"

namespace artham::bridge::local {
namespace {

static_assert(max_stream_name <= sizeof(segment_header::name));

constexpr int zstd_level = 1;

/// Each part seeds the next one's hash.
std::uint64_t checksum_of(const block_header& h, std::string_view marks, std::string_view stored) {
  const auto head = XXH3_64bits(&h, offsetof(block_header, checksum));
  const auto table = XXH3_64bits_withSeed(marks.data(), marks.size(), head);
  return XXH3_64bits_withSeed(stored.data(), stored.size(), table);
}

tl::unexpected<error> bad_block(const block_header& h, std::string_view why) {
  return fail(errc::corrupt,
              "block of position " + std::to_string(h.first_seq) + ": " + std::string(why));
}

template <class T>
bool parse_digits(std::string_view text, T& into) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failed == std::errc{} && end == text.data() + text.size();
}

}  // namespace

segment_header make_segment_header(std::string_view stream, std::uint32_t epoch,
                                   std::uint64_t first_seq, std::int64_t created) {
  segment_header h;
  h.epoch = epoch;
  h.first_seq = first_seq;
  h.created = created;
  h.name_size = static_cast<std::uint32_t>(stream.size());
  stream.copy(h.name, sizeof h.name);
  h.checksum = XXH3_64bits(&h, offsetof(segment_header, checksum));
  return h;
}

std::optional<segment_header> read_segment_header(std::string_view bytes) {
  const segment_header expected;
  segment_header h;
  if (bytes.size() < sizeof h) return std::nullopt;
  std::memcpy(&h, bytes.data(), sizeof h);
  if (h.magic != expected.magic || h.size != expected.size || h.name_size > sizeof h.name ||
      h.checksum != XXH3_64bits(&h, offsetof(segment_header, checksum))) {
    return std::nullopt;
  }
  return h;
}

std::string_view stream_of(const segment_header& h) {
  return {h.name, h.name_size};
}

std::string block_head(block_header h, std::span<const mark_place> marks, std::string_view stored) {
  const std::string_view table(reinterpret_cast<const char*>(marks.data()), marks.size_bytes());
  h.checksum = checksum_of(h, table, stored);
  std::string head(reinterpret_cast<const char*>(&h), sizeof h);
  head += table;
  return head;
}

std::string plain_block_head(const record::block& b, std::span<const mark_place> marks) {
  block_header h;
  h.epoch = b.epoch;
  h.marks = static_cast<std::uint32_t>(marks.size());
  h.first_seq = b.first_seq;
  h.count = b.count;
  h.raw = h.stored = static_cast<std::uint32_t>(b.payload.size());
  return block_head(h, marks, b.payload);
}

std::optional<block_header> read_block_header(std::string_view bytes) {
  const block_header expected;
  block_header h;
  if (bytes.size() < sizeof h) return std::nullopt;
  std::memcpy(&h, bytes.data(), sizeof h);
  if (h.magic != expected.magic || h.version != expected.version || h.size != expected.size ||
      h.count == 0 || h.first_seq == 0 || h.raw > max_block_bytes || h.stored > max_block_bytes ||
      h.marks > h.count || h.codec > static_cast<std::uint8_t>(codec::zstd)) {
    return std::nullopt;
  }
  return h;
}

result<record::block> read_block(const block_header& h, std::string_view bytes) {
  if (bytes.size() != block_length(h)) return bad_block(h, "cut short");
  const auto table = bytes.substr(h.size, h.marks * sizeof(mark_place));
  const auto stored = bytes.substr(h.size + table.size());
  if (checksum_of(h, table, stored) != h.checksum) return bad_block(h, "wrong checksum");
  record::block b;
  b.epoch = h.epoch;
  b.first_seq = h.first_seq;
  b.count = h.count;
  if (h.codec == static_cast<std::uint8_t>(codec::none)) {
    b.payload = stored;
  } else {
    b.payload.resize(h.raw);
    const auto n =
        ZSTD_decompress(b.payload.data(), b.payload.size(), stored.data(), stored.size());
    if (ZSTD_isError(n) != 0 || n != h.raw) return bad_block(h, "does not decompress");
  }
  if (auto ok = record::check_payload(b.payload, b.count); !ok)
    return bad_block(h, ok.error().message);
  b.marks.reserve(h.marks);
  for (std::size_t i = 0; i < h.marks; ++i) {
    mark_place place;
    std::memcpy(&place, table.data() + i * sizeof place, sizeof place);
    record::header r;
    if (place.offset > b.payload.size() - record::header_size)
      return bad_block(h, "wrong mark table");
    std::memcpy(&r, b.payload.data() + place.offset, record::header_size);
    const std::string_view body =
        std::string_view(b.payload).substr(place.offset + record::header_size);
    if (r.kind != record::kind::mark || r.size > body.size())
      return bad_block(h, "wrong mark table");
    auto m = record::decode_mark(r, {b.epoch, b.first_seq + place.index}, body.substr(0, r.size));
    if (!m) return bad_block(h, m.error().message);
    b.marks.push_back(std::move(*m));
  }
  return b;
}

std::optional<std::string> compress(std::string_view raw) {
  std::string out(ZSTD_compressBound(raw.size()), '\0');
  const auto n = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), zstd_level);
  if (ZSTD_isError(n) != 0 || n >= raw.size()) return std::nullopt;
  out.resize(n);
  return out;
}

std::string segment_name(std::uint64_t first_seq, std::uint32_t epoch) {
  char text[64];
  std::snprintf(text, sizeof text, "%020llu-%010u.seg", static_cast<unsigned long long>(first_seq),
                epoch);
  return text;
}

std::optional<segment_id> parse_segment_name(std::string_view name) {
  segment_id id;
  if (name.size() != 35 || name[20] != '-' || !name.ends_with(".seg") ||
      !parse_digits(name.substr(0, 20), id.first_seq) ||
      !parse_digits(name.substr(21, 10), id.epoch)) {
    return std::nullopt;
  }
  return id;
}

std::string begin_name(const begin_id& b) {
  auto stem = segment_name(b.id.first_seq, b.id.epoch);
  stem.resize(stem.size() - 4);
  char rest[32];
  std::snprintf(rest, sizeof rest, "-%06llu.begin", static_cast<unsigned long long>(b.count));
  return stem + rest;
}

std::optional<begin_id> parse_begin_name(std::string_view name) {
  begin_id b;
  if (name.size() != 44 || name[20] != '-' || name[31] != '-' || !name.ends_with(".begin") ||
      !parse_digits(name.substr(0, 20), b.id.first_seq) ||
      !parse_digits(name.substr(21, 10), b.id.epoch) ||
      !parse_digits(name.substr(32, 6), b.count)) {
    return std::nullopt;
  }
  return b;
}

}  // namespace artham::bridge::local
