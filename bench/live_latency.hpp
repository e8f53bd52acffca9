#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/frame_relay.hpp"

namespace artham::bench {

/// CPU seconds that a process's threads of each name have used.
[[nodiscard]] std::map<std::string, double> cpu_by_thread(pid_t pid);

/// Of the exchange's list, evenly.
[[nodiscard]] std::vector<std::uint32_t> some_tokens(std::uint16_t exchange, std::size_t wanted);

/// A port of 127.0.0.1 at the end of a URL.
[[nodiscard]] std::uint16_t port_in(const std::string& url);

/// From a tick's going through the relay to the live bar that counts it at a WebSocket client of
/// the gateway on `web`, for `seconds`, in milliseconds, rising; `begins` is called after five more
/// seconds before. Throws std::runtime_error when no bars come.
[[nodiscard]] std::vector<double> live_latency(const frame_relay& relay, std::uint16_t web,
                                               const std::vector<std::uint32_t>& tokens,
                                               int seconds, const std::function<void()>& begins);

/// Of rising numbers; q from 0 to 1.
[[nodiscard]] double quantile(const std::vector<double>& rising, double q);

}  // namespace artham::bench
