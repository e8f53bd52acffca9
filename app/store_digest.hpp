#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/audit.hpp"

namespace artham::app {

/// What a table holds, without regard to how it is laid out.
struct table_digest {
  std::string table;
  std::uint64_t rows = 0;
  std::uint64_t digest = 0;
  friend bool operator==(const table_digest&, const table_digest&) = default;
};

/// Of every kind of row; equal rows in two stores give equal digests. Reads all of it, and holds
/// little of it at a time. Ticks only where they are asked for; positions not at all.
[[nodiscard]] result<std::vector<table_digest>> digest_store(store::audit& stored, bool ticks);

}  // namespace artham::app
