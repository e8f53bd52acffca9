#pragma once

#include <cstdint>
#include <string>

#include "market/bar.hpp"
#include "market/tick.hpp"

/// Pushes of values in `artham.v1.bin`, byte by byte in docs/protocol.md: little-endian, a header of
/// 16 bytes, three times if they were asked for, then the value.
namespace artham::protocol {

enum class binary_kind : std::uint8_t { tick = 1, bar = 2, chain = 3, greeks = 4 };

inline constexpr std::uint8_t binary_version = 1;
inline constexpr std::uint8_t binary_final = 1;  ///< flag: a clock mark made it, or it is finished
inline constexpr std::uint8_t binary_times = 2;  ///< flag: times stand behind the header

/// When something was, in ns UTC; 0: not known.
struct message_times {
  market::timestamp exchange = 0;
  market::timestamp received = 0;  ///< market time
  market::timestamp sent = 0;      ///< this host's clock
};

/// `handle` is the one that the reply to `sub` gave for the key; `times` may be null.
void append_binary_header(std::string& out, binary_kind kind, bool final, std::uint64_t handle,
                          const message_times* times);
void append_binary_bar(std::string& out, const market::bar& b);
/// `receive` is market time.
void append_binary_tick(std::string& out, const market::tick& t, market::timestamp receive);

}  // namespace artham::protocol
