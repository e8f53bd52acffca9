#pragma once

#include <cstdint>

#include "messages/actors.hpp"

/// What the parts of a key say (messages::tick_key and its neighbours).
namespace artham::actors {

inline std::uint32_t token_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key >> 32U);
}
inline bool is_greeks(std::uint64_t key) {
  return (key & messages::part_mask) == messages::greeks_part;
}
inline bool is_clock(std::uint64_t key) {
  return (key & messages::part_mask) == messages::clock_part;
}
/// A replay's alerts, of all instruments.
inline constexpr std::uint64_t alerts_key = messages::clock_part - 1;
inline bool is_alerts(std::uint64_t key) {
  return (key & messages::part_mask) == alerts_key;
}
/// Of a replay as a whole, and no instrument's.
inline bool is_of_replay(std::uint64_t key) {
  return is_clock(key) || is_alerts(key);
}
inline bool is_chain(std::uint64_t key) {
  return (key & messages::chain_part) != 0 && !is_greeks(key) && !is_of_replay(key);
}
inline bool is_bar(std::uint64_t key) {
  return (key & messages::part_mask) != 0 && (key & messages::chain_part) == 0;
}
inline bool is_system(std::uint64_t key) {
  return key == messages::system_key;
}
inline bool is_tick(std::uint64_t key) {
  return (key & messages::part_mask) == 0 && !is_system(key);
}
inline market::date expiry_of(std::uint64_t chain_key) {
  return {static_cast<std::int32_t>(chain_key & messages::part_mask & ~messages::chain_part)};
}
inline std::uint32_t timeframe_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key & messages::part_mask) - 1;
}

}  // namespace artham::actors
