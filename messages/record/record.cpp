#include "messages/record/record.hpp"

#include <cassert>
#include <limits>

#include "messages/record/bytes.hpp"

namespace artham::record {

namespace {

bool is_known(kind k) {
  switch (k) {
    case kind::kite_frame:
    case kind::packed_ticks:
    case kind::mark:
    case kind::bar:
    case kind::dead_letter:
    case kind::chain:
    case kind::instrument_feature:
    case kind::elsewhere:
      return true;
  }
  return false;
}

bool takes_one_position(kind k) {
  return k != kind::kite_frame && k != kind::packed_ticks && k != kind::elsewhere;
}

tl::unexpected<error> corrupt_at(std::size_t offset, const std::string& what) {
  return fail(errc::corrupt, "record at byte " + std::to_string(offset) + ": " + what);
}

}  // namespace

void append(std::string& payload, header h, std::string_view body) {
  assert(body.size() <= std::numeric_limits<std::uint32_t>::max());
  h.size = static_cast<std::uint32_t>(body.size());
  payload.append(reinterpret_cast<const char*>(&h), header_size);
  payload.append(body);
}

result<void> check_payload(std::string_view payload, std::uint64_t count) {
  std::size_t at = 0;
  std::uint64_t counted = 0;
  while (at != payload.size()) {
    if (payload.size() - at < header_size) {
      return corrupt_at(at, "the header breaks off");
    }
    header h;
    std::memcpy(&h, payload.data() + at, header_size);
    if (!is_known(h.kind)) {
      return corrupt_at(at, "unknown kind " + std::to_string(static_cast<int>(h.kind)) +
                                " (written by a newer version?)");
    }
    if (h.count == 0 || (h.count != 1 && takes_one_position(h.kind))) {
      return corrupt_at(at, "a count of " + std::to_string(h.count));
    }
    if (payload.size() - at - header_size < h.size) {
      return corrupt_at(at, "the body of " + std::to_string(h.size) + " bytes breaks off");
    }
    counted += h.count;
    at += header_size + h.size;
  }
  if (counted != count) {
    return fail(errc::corrupt, "the records take " + std::to_string(counted) +
                                   " positions, their block says " + std::to_string(count));
  }
  return {};
}

}  // namespace artham::record
