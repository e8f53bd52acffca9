#include "bridge/local/segment_scan.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "bridge/common/stream_rules.hpp"

namespace artham::bridge::local {
namespace {

constexpr std::uint64_t read_ahead = 1U << 20U;

/// The next place from `offset` on where a block may begin.
std::uint64_t find_magic(window& w, std::uint64_t offset, std::uint64_t end) {
  const auto magic = block_header{}.magic;
  const std::string_view wanted(reinterpret_cast<const char*>(&magic), sizeof magic);
  while (offset + wanted.size() <= end) {
    const auto bytes = w.view(offset, std::min(read_ahead, end - offset));
    if (bytes.size() < wanted.size()) return end;
    const auto at = bytes.find(wanted);
    if (at != std::string_view::npos) return offset + at;
    offset += bytes.size() - wanted.size() + 1;
  }
  return end;
}

struct times {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
times times_of(const record::block& b) {
  times t;
  bool any = false;
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view) {
    t.last = record::receive_time(h);
    if (!std::exchange(any, true)) t.first = t.last;
  });
  return t;
}

}  // namespace

void window::end_at(std::uint64_t end) {
  end_ = end;
  buffer_.clear();
}

std::string_view window::view(std::uint64_t offset, std::uint64_t n) {
  if (offset >= end_) return {};
  n = std::min(n, end_ - offset);
  if (offset < at_ || offset + n > at_ + buffer_.size()) {
    buffer_.resize(std::max(n, std::min(read_ahead, end_ - offset)));
    at_ = offset;
    const auto got = read_at(*file_, offset, buffer_, path_);
    buffer_.resize(got.value_or(0));
    if (!got && !failure_) failure_ = got.error();
  }
  return std::string_view(buffer_).substr(offset - at_, n);
}

std::optional<found_block> next_block(window& w, std::uint64_t offset, std::uint64_t end,
                                      std::uint32_t epoch, std::uint64_t min_seq) {
  while (offset < end) {
    const auto h = read_block_header(w.view(offset, sizeof(block_header)));
    if (h && h->epoch == epoch && h->first_seq >= min_seq && block_length(*h) <= end - offset) {
      auto b = read_block(*h, w.view(offset, block_length(*h)));
      if (b) return found_block{offset, block_length(*h), std::move(*b)};
    }
    offset = find_magic(w, offset + 1, end);
  }
  return std::nullopt;
}

index_builder::block_facts facts_of(const record::block& b, std::uint64_t offset,
                                    std::uint64_t length, bool source) {
  const auto t = source ? times_of(b) : times{};
  return {.offset = offset,
          .length = length,
          .first_seq = b.first_seq,
          .count = b.count,
          .first_time = t.first,
          .last_time = t.last,
          .has_marks = !b.marks.empty()};
}

result<scanned_segment> scan_segment(const file& f, const std::filesystem::path& path,
                                     std::string_view stream, const segment_id& id,
                                     std::uint64_t end_seq) {
  auto size = size_of(f, path);
  if (!size) return tl::unexpected(size.error());
  window w(f, path);
  w.end_at(*size);
  scanned_segment s;
  s.size = *size;
  if (const auto h = read_segment_header(w.view(0, sizeof(segment_header)))) {
    s.has_header = true;
    if (h->version != segment_header{}.version) {
      return fail(errc::unsupported, "segment " + path.string() + " has format version " +
                                         std::to_string(h->version) +
                                         ": use the artham that wrote it");
    }
    if (stream_of(*h) != stream || h->first_seq != id.first_seq || h->epoch != id.epoch) {
      return fail(errc::corrupt, "segment " + path.string() + " belongs to stream " +
                                     std::string(stream_of(*h)) + " from position " +
                                     std::to_string(h->first_seq) +
                                     ": move it back to where it came from");
    }
  }
  index_builder builder(id.first_seq, id.epoch);
  const bool source = is_source(stream);
  while (const auto found = next_block(w, builder.index().end_offset(), s.size, id.epoch,
                                       builder.index().end_seq())) {
    const auto& b = found->block;
    if (b.first_seq >= end_seq) break;
    const auto& index = builder.index();
    if (found->offset != index.end_offset() || b.first_seq != index.end_seq()) {
      s.damages.push_back({index.end_offset(), found->offset - index.end_offset(), index.end_seq(),
                           b.first_seq - index.end_seq()});
      builder.close();
    }
    record::for_each(b,
                     [&](const record::header&, std::uint64_t, std::string_view) { ++s.records; });
    auto facts = facts_of(b, found->offset, found->length, source);
    token_set tokens;
    facts.any_token = !collect_tokens(b, tokens);
    builder.add(
        facts, [&](token_set& into) { tokens.for_each([&](std::uint32_t t) { into.insert(t); }); });
  }
  // What cannot be read now is not torn: nobody may cut it off.
  if (w.failure()) return tl::unexpected(*w.failure());
  builder.close();
  s.index = builder.index();
  return s;
}

record::block_ptr damaged_block(record::position first, std::uint64_t count, std::int64_t from,
                                std::int64_t to, const std::filesystem::path& path) {
  auto b = std::make_shared<record::block>();
  b->epoch = first.epoch;
  b->first_seq = first.seq;
  b->count = count;
  b->damaged = true;
  market::mark gap;
  gap.kind = market::mark_kind::gap;
  gap.cause = market::gap_cause::journal_damaged;
  gap.position = first;
  gap.from = from;
  gap.time = std::max(from, to);
  gap.subject = path.filename().string();
  b->marks.push_back(std::move(gap));
  return b;
}

std::vector<record::block_ptr> read_chunk(window& w, const chunk& c, std::uint32_t epoch,
                                          bool source) {
  std::vector<record::block_ptr> blocks;
  w.end_at(c.end_offset());
  static_cast<void>(w.view(c.offset, c.length));
  auto offset = c.offset;
  auto seq = c.first_seq;
  auto time = c.first_time;
  const auto missing = [&](std::uint64_t upto, std::int64_t to) {
    if (upto > seq) blocks.push_back(damaged_block({epoch, seq}, upto - seq, time, to, w.path()));
  };
  while (seq < c.end_seq()) {
    auto found = next_block(w, offset, c.end_offset(), epoch, seq);
    if (!found || found->block.last().seq >= c.end_seq()) break;
    const auto t = source ? times_of(found->block) : times{};
    missing(found->block.first_seq, t.first);
    offset = found->offset + found->length;
    seq = found->block.last().seq + 1;
    time = t.last;
    blocks.push_back(std::make_shared<const record::block>(std::move(found->block)));
  }
  missing(c.end_seq(), c.last_time);
  return blocks;
}

}  // namespace artham::bridge::local
