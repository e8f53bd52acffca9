#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "messages/record/record.hpp"

namespace artham::bench {

/// What a client of Redis would store of a tick in fields of its own.
struct plain_tick {
  std::uint32_t token;
  std::int64_t receive, exchange, last_trade;  ///< ns UTC
  std::int64_t last, average;                  ///< 1e-9
  std::int64_t volume, oi, buy_quantity, sell_quantity;
};

/// A morning's hour of the synthetic market in full mode, each instrument once a second.
struct bridge_market {
  std::vector<record::block_ptr> blocks;
  std::vector<plain_tick> ticks;  ///< the first ones
  std::uint64_t count = 0;        ///< ticks in blocks
};

/// Blocks of `block_bytes` as the journal has them, positions from 1:1 on.
[[nodiscard]] bridge_market make_bridge_market(std::uint32_t instruments, std::uint64_t ticks,
                                               std::size_t plain_ticks, std::size_t block_bytes);

}  // namespace artham::bench
