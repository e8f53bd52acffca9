#include "bridge/redis/entry_codec.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "bridge/redis/digits.hpp"
#include "bridge/redis/record_fields.hpp"
#include "bridge/redis/tick_columns.hpp"
#include "messages/record/mark_codec.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::string_view version = "1";
constexpr int zstd_level = 1;
constexpr std::size_t worth_compressing = 128;

std::string hex16(std::uint64_t v) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto it = text.rbegin(); it != text.rend(); ++it, v >>= 4U) *it = digits[v & 15U];
  return text;
}

std::string checksum_of(std::string_view f, std::string_view n, std::string_view c,
                        std::string_view id, std::string_view stored) {
  std::string head(version);
  for (const auto part : {f, n, c, id}) {
    head += ' ';
    head += part;
  }
  return hex16(
      XXH3_64bits_withSeed(stored.data(), stored.size(), XXH3_64bits(head.data(), head.size())));
}

entry_fields head_fields(numbering n, const entry& e, std::string_view codec,
                         std::string_view stored) {
  const auto f = id_text(is_dense(n) ? e.first : e.after);
  const auto count = std::to_string(e.count);
  return {"v", std::string(version),
          "f", f,
          "n", count,
          "c", std::string(codec),
          "x", checksum_of(f, count, codec, id_text(e.last), stored)};
}

std::optional<std::string> compressed(std::string_view payload) {
  if (payload.size() < worth_compressing) return std::nullopt;
  std::string out(ZSTD_compressBound(payload.size()), '\0');
  const auto n = ZSTD_compress(out.data(), out.size(), payload.data(), payload.size(), zstd_level);
  if (ZSTD_isError(n) != 0 || n > payload.size() - payload.size() / 16) return std::nullopt;
  out.resize(n);
  return out;
}

result<std::string> decompressed(std::string_view stored) {
  const auto size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > max_payload_bytes) {
    return fail(errc::corrupt, "it does not decompress");
  }
  std::string out(size, '\0');
  const auto n = ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(n) != 0 || n != size) return fail(errc::corrupt, "it does not decompress");
  return out;
}

/// u32 size of the rest, which is one frame, and the packets. Nothing unless that is smaller than
/// `records`.
std::optional<std::string> joined(const columns& c, std::string_view records) {
  std::string out(sizeof(std::uint32_t) + ZSTD_compressBound(c.rest.size()), '\0');
  char* const to = out.data() + sizeof(std::uint32_t);
  const auto n = ZSTD_compress(to, out.size() - sizeof(std::uint32_t), c.rest.data(), c.rest.size(),
                               zstd_level);
  if (ZSTD_isError(n) != 0) return std::nullopt;
  const auto size = static_cast<std::uint32_t>(n);
  std::memcpy(out.data(), &size, sizeof size);
  out.resize(sizeof size + n);
  out += c.packets;
  if (out.size() > records.size() - records.size() / 16) return std::nullopt;
  return out;
}

result<std::string> from_joined(std::string_view stored) {
  std::uint32_t size = 0;
  if (stored.size() < sizeof size) return fail(errc::corrupt, "its columns break off");
  std::memcpy(&size, stored.data(), sizeof size);
  stored.remove_prefix(sizeof size);
  if (stored.size() < size) return fail(errc::corrupt, "its columns break off");
  const auto rest = decompressed(stored.substr(0, size));
  if (!rest) return rest;
  return from_columns(*rest, stored.substr(size), max_payload_bytes);
}

/// `elsewhere` records for the positions [first, upto), with the times of what follows.
void fill(std::string& payload, std::uint64_t first, std::uint64_t upto,
          const record::header& times) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint16_t>::max();
  for (auto seq = first; seq < upto;) {
    auto h = times;
    h.kind = record::kind::elsewhere;
    h.flags = 0;
    h.count = static_cast<std::uint16_t>(std::min(most, upto - seq));
    record::append(payload, h, {});
    seq += h.count;
  }
}

/// The checked records of an entry as a block.
result<record::block_ptr> block_of(numbering n, record::position f, record::position last,
                                   std::uint64_t count, std::string payload) {
  if (payload.empty()) return fail(errc::corrupt, "it holds no records");
  if (auto ok = record::check_payload(payload, count); !ok) return tl::unexpected(ok.error());
  auto b = std::make_shared<record::block>();
  b->epoch = last.epoch;
  if (n == numbering::by_cause) {
    b->by_cause = true;
    std::uint64_t before = 0;
    bool in_order = true;
    b->payload = std::move(payload);
    record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view) {
      const auto c = record::cause_of(h).at;
      in_order = in_order && c.epoch == last.epoch && c.seq >= before && c.seq != 0;
      if (before == 0) b->first_seq = c.seq;
      before = c.seq;
    });
    if (!in_order || before != last.seq || f >= record::position{last.epoch, b->first_seq})
      return fail(errc::corrupt, "its causes are not those that its ID says");
    b->count = last.seq - b->first_seq + 1;
    return b;
  }
  if (count > last.seq || f.seq == 0 || f.seq > last.seq - count + 1 || f.epoch > last.epoch)
    return fail(errc::corrupt, "its positions are not those that its ID says");
  const auto records_from = last.seq - count + 1;
  if (f.seq < records_from) {
    record::header h;
    std::memcpy(&h, payload.data(), record::header_size);
    std::string whole;
    fill(whole, f.seq, records_from, h);
    payload.insert(0, whole);
  }
  b->first_seq = f.seq;
  b->count = last.seq - f.seq + 1;
  b->payload = std::move(payload);
  std::optional<error> bad;
  record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (h.kind != record::kind::mark || bad) return;
    auto m = record::decode_mark(h, {last.epoch, seq}, body);
    if (m) {
      b->marks.push_back(std::move(*m));
    } else {
      bad = m.error();
    }
  });
  if (bad) return tl::unexpected(*bad);
  return b;
}

}  // namespace

entry_fields pack(numbering n, const entry& e, bool compress) {
  const auto with = [&](std::string_view codec, std::string stored) {
    auto fields = head_fields(n, e, codec, stored);
    fields.emplace_back("p");
    fields.push_back(std::move(stored));
    return fields;
  };
  if (compress && n == numbering::ticks) {
    if (const auto c = to_columns(e.payload)) {
      if (auto small = joined(*c, e.payload)) return with("columns", std::move(*small));
    }
  }
  if (compress) {
    if (auto small = compressed(e.payload)) return with("zstd", std::move(*small));
  }
  return with("raw", std::string(e.payload));
}

entry_fields spell_out(numbering n, const entry& e) {
  auto fields = head_fields(n, e, "fields", e.payload);
  append_record_fields(fields, n, e.payload);
  return fields;
}

std::vector<entry> cut(numbering n, const entry& e) {
  std::vector<entry> parts;
  auto next = e;
  std::uint64_t seq = e.last.seq + 1 - (is_dense(n) ? e.count : 0);
  std::size_t begin = 0;
  for (std::size_t at = 0; at != e.payload.size();) {
    record::header h;
    std::memcpy(&h, e.payload.data() + at, record::header_size);
    at += record::header_size + h.size;
    if (is_dense(n)) {
      seq += h.count;
      next.count = h.count;
      next.last = {e.last.epoch, seq - 1};
    } else {
      next.count = begin == at - record::header_size - h.size ? 1 : next.count + 1;
      next.last = record::cause_of(h).at;
      record::header following;
      if (at != e.payload.size()) {
        std::memcpy(&following, e.payload.data() + at, record::header_size);
        if (record::cause_of(following).at == next.last) continue;
      }
    }
    next.payload = e.payload.substr(begin, at - begin);
    begin = at;
    parts.push_back(next);
    next.first = {e.last.epoch, next.last.seq + 1};
    next.after = next.last;
  }
  return parts;
}

found_entry read_entry(numbering n, entry_id id, reply_view fields) {
  using state = found_entry::state;
  found_entry found;
  const auto refuse = [&](state what, std::string why) {
    found.what = what;
    found.why = std::move(why);
    return found;
  };
  const auto last = id.position();
  if (!last) return refuse(state::foreign, "its ID is no position");
  found.last = *last;
  const auto value = [&](std::size_t i, std::string_view name) -> std::optional<std::string_view> {
    if (fields[2 * i].text() != name) return std::nullopt;
    return fields[2 * i + 1].text();
  };
  const auto v = value(0, "v");
  if (!v || !parse_digits<std::uint32_t>(*v))
    return refuse(state::foreign, "its fields are not artham's");
  const auto f = value(1, "f");
  if (f) {
    if (const auto at = parse_entry_id(*f)) {
      if (const auto p = at->position()) {
        found.f = *p;
      } else if (*at == entry_id{} && !is_dense(n)) {
        found.f = record::position{};
      }
    }
  }
  if (*v != version) {
    return refuse(state::damaged, "version " + std::string(*v) + ", this program reads " +
                                      std::string(version) + ": update it");
  }
  const auto count_text = value(2, "n");
  const auto codec = value(3, "c");
  const auto sum = value(4, "x");
  const auto count = parse_digits<std::uint64_t>(count_text.value_or(""));
  if (!found.f || !count || !codec || !sum)
    return refuse(state::damaged, "a field is missing or wrong");
  std::string rebuilt;
  std::string_view stored;
  if (*codec == "fields") {
    auto r = read_record_fields(n, fields, 10);
    if (!r) return refuse(state::damaged, r.error().message);
    rebuilt = std::move(*r);
    stored = rebuilt;
  } else if (*codec == "raw" || *codec == "zstd" || *codec == "columns") {
    const auto p = value(5, "p");
    if (!p) return refuse(state::damaged, "field p is missing");
    stored = *p;
  } else {
    return refuse(state::damaged, "field c is " + std::string(codec->substr(0, 20)));
  }
  if (checksum_of(*f, *count_text, *codec, id.text(), stored) != *sum)
    return refuse(state::damaged, "wrong checksum");
  if (*codec == "zstd" || *codec == "columns") {
    auto whole = *codec == "zstd" ? decompressed(stored) : from_joined(stored);
    if (!whole) return refuse(state::damaged, whole.error().message);
    rebuilt = std::move(*whole);
  } else if (*codec == "raw") {
    rebuilt = stored;
  }
  auto b = block_of(n, *found.f, found.last, *count, std::move(rebuilt));
  if (!b) return refuse(state::damaged, b.error().message);
  found.block = std::move(*b);
  found.records_from = is_dense(n) ? last->seq - *count + 1 : found.block->first_seq;
  return found;
}

}  // namespace artham::bridge::redis
