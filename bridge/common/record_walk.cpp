#include "bridge/common/record_walk.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "messages/record/mark_codec.hpp"

namespace artham::bridge {
result<walked> walk(std::string_view stream, std::string_view records, std::uint64_t count,
                    record::position first) {
  const auto bad = [&](const std::string& what) {
    return fail(errc::bad_input, "append to " + std::string(stream) + ": " + what);
  };
  if (records.empty()) return bad("no records");
  if (auto ok = record::check_payload(records, count); !ok) return bad(ok.error().message);
  walked w;
  std::uint32_t index = 0;
  for (std::size_t at = 0; at != records.size();) {
    record::header h;
    std::memcpy(&h, records.data() + at, record::header_size);
    if (h.kind == record::kind::mark) {
      auto m = record::decode_mark(h, {first.epoch, first.seq + index},
                                   records.substr(at + record::header_size, h.size));
      if (!m) return bad(m.error().message);
      w.places.push_back({static_cast<std::uint32_t>(at), index});
      w.marks.push_back(std::move(*m));
    } else {
      w.only_marks = false;
    }
    at += record::header_size + h.size;
    index += h.count;
  }
  return w;
}

record::block_ptr behind(const record::block_ptr& b, std::uint64_t after_seq) {
  if (after_seq < b->first_seq) return b;
  auto part = std::make_shared<record::block>();
  part->epoch = b->epoch;
  part->damaged = b->damaged;
  part->by_cause = b->by_cause;
  if (b->damaged) {
    part->first_seq = after_seq + 1;
    part->marks = b->marks;
    for (auto& m : part->marks) m.position.seq = part->first_seq;
  } else {
    std::size_t skipped = 0;
    bool reached = false;
    part->first_seq = b->first_seq;
    record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
      if (seq + h.count > after_seq + 1) {
        // The next cause need not be the next position.
        if (b->by_cause && !std::exchange(reached, true)) part->first_seq = seq;
        return;
      }
      skipped += record::header_size + h.size;
      part->first_seq = seq + h.count;
    });
    part->payload = b->payload.substr(skipped);
    std::ranges::copy_if(b->marks, std::back_inserter(part->marks),
                         [&](const market::mark& m) { return m.position.seq >= part->first_seq; });
  }
  part->count = b->last().seq + 1 - part->first_seq;
  return part;
}

}  // namespace artham::bridge
