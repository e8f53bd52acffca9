#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace artham::bench {

using steady = std::chrono::steady_clock;

/// Stands between a Kite-speaking exchange and the program, on loopback, for one connection: passes
/// the bytes on and notes when each tick of the watched instruments went through.
class frame_relay {
 public:
  frame_relay(std::uint16_t exchange_port, std::set<std::uint32_t> watched);
  ~frame_relay();
  frame_relay(const frame_relay&) = delete;
  frame_relay& operator=(const frame_relay&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Ticks of all instruments that went through.
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  /// When the n-th (from 1) tick of the instrument went through whose exchange time lies in the
  /// minute that begins at `minute` (seconds since 1970).
  [[nodiscard]] std::optional<steady::time_point> sent(std::uint32_t token, std::int64_t minute,
                                                       std::size_t n) const;

 private:
  void run();
  void read_frames(const char* bytes, std::size_t size);
  void note(std::string_view frame);

  std::uint16_t exchange_port_;
  std::set<std::uint32_t> watched_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string pending_;
  bool upgraded_ = false;
  std::atomic<std::uint64_t> ticks_{0};
  mutable std::mutex mutex_;
  std::map<std::pair<std::uint32_t, std::int64_t>, std::vector<steady::time_point>> sent_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace artham::bench
