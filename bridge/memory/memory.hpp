#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge::memory {

struct options {
  /// What is appended between two pulls becomes one block of at most this many records (an append
  /// is never split).
  std::uint64_t max_block_records = 262'144;
};

/// The bridge kept in memory, for replay and tests. Records are visible and "durable" as soon as
/// they are appended. Nothing bounds it but its owner, who drops what everybody has consumed.
class memory_bridge : public bridge {
 public:
  /// Releases the blocks of `stream` that end at or before `upto`. A cursor that stands before them
  /// gets errc::not_found from pull.
  virtual void drop_before(std::string_view stream, record::position upto) = 0;
};

[[nodiscard]] std::unique_ptr<memory_bridge> make(options o = {});

}  // namespace artham::bridge::memory
