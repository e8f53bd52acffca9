#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// Where a mark stands in a payload: its byte, and its position behind the payload's first.
struct mark_place {
  std::uint32_t offset = 0;
  std::uint32_t index = 0;
};

struct walked {
  std::vector<mark_place> places;
  std::vector<market::mark> marks;
  bool only_marks = true;
};

/// Checks that record headers tile `records` exactly, that they count `count` positions, at least
/// one each, and that each mark can be read. errc::bad_input otherwise.
[[nodiscard]] result<walked> walk(std::string_view stream, std::string_view records,
                                  std::uint64_t count, record::position first);

/// The part of `b` behind `after_seq`, which must be below its last; a record that straddles stays
/// whole. `b` itself when that is all of it. By cause: the records whose cause is behind it.
[[nodiscard]] record::block_ptr behind(const record::block_ptr& b, std::uint64_t after_seq);

}  // namespace artham::bridge
