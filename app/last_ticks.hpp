#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/calendar.hpp"
#include "runtime/metrics.hpp"
#include "web/api/last_tick.hpp"

namespace artham::app {

struct last_ticks_options {
  bridge::bridge* journal = nullptr;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  std::function<market::calendar_ptr(std::uint32_t token)> calendar_of;
  /// Instruments beyond are not kept, and counted (`artham_last_ticks_refused_total`).
  std::size_t max_instruments = 500'000;
  /// The most records of md:ticks that a start reads of what was there before.
  std::uint64_t looked_back = 4'000'000;
};

/// The newest packet of every instrument, as it was journaled. Reads md:ticks on a thread of its
/// own, from the beginning of the newest packet's trading day on, and follows it. A journal that
/// cannot be read is tried again. What is pointed to outlives it.
class last_ticks {
 public:
  explicit last_ticks(last_ticks_options o);
  /// Ends the thread.
  ~last_ticks();
  last_ticks(const last_ticks&) = delete;
  last_ticks& operator=(const last_ticks&) = delete;

  /// See last_tick_source.
  [[nodiscard]] result<std::optional<web::last_tick>> find(std::uint32_t token) const;
  /// As the exchange sent it; empty: none is known, or it did not come as a packet. Thread-safe.
  [[nodiscard]] std::string packet_of(std::uint32_t token) const;
  void stop();

 private:
  struct packet {
    std::string bytes;         ///< empty: packed
    market::bar_input packed;  ///< what a packed tick has
    market::timestamp receive = 0;
  };
  class bell;

  void run();
  /// Until the end, or an error.
  result<void> follow();
  /// Where to begin.
  [[nodiscard]] result<record::position> day_begin() const;
  void take(const record::block& b);
  void take_packed(const record::header& h, record::position first, std::string_view body);
  /// Null when there is no room for another instrument.
  packet* place_of(std::uint32_t token);

  const last_ticks_options options_;
  runtime::counter* refused_;
  std::shared_ptr<bell> bell_;
  std::atomic<bool> caught_up_{false};
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, packet> packets_;
  std::thread thread_;
};

}  // namespace artham::app
