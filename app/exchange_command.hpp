#pragma once

#include <cstdint>
#include <string>

#include "app/signals.hpp"
#include "exchange/options.hpp"

namespace artham::app {

struct exchange_options {
  std::string recording;
  std::uint32_t synthetic = 0;
  std::uint64_t seed = 1;
  std::string speed = "1";
  std::uint16_t port = 0;
  std::string start = "now";
  std::string date;      ///< of the synthetic market's first day; empty: the newest trading day
  std::string disorder;  ///< see exchange::parse_disorder; empty: none
  bool chains = false;   ///< option chains besides the synthetic instruments
  bool every_second = false;  ///< each synthetic instrument ticks every second
  bool control = false;
  std::size_t sockets_per_key = exchange::kite_limits.sockets;   ///< 0: any number
  std::size_t tokens_per_socket = exchange::kite_limits.tokens;  ///< 0: any number
};

/// A Kite-speaking exchange until it is told to stop; prints its URL. Returns the exit code.
int run_exchange(const exchange_options& options, signals& stop);

}  // namespace artham::app
