#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace artham::runtime {

/// Only grows. Relaxed: a scrape sees each value, not a consistent set.
class counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The present value of something.
class gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t v) { value_.fetch_add(v, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

using labels = std::vector<std::pair<std::string, std::string>>;

/// All counters and gauges of a process. Asking again for the same name and labels gives the same
/// object, so that a restarted actor counts on. Objects live as long as the registry. Thread-safe;
/// ask once, keep the reference.
class metrics {
 public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  runtime::counter& counter(std::string_view name, std::string_view help, const labels& l = {});
  runtime::gauge& gauge(std::string_view name, std::string_view help, const labels& l = {});

  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;
  struct sample {
    std::string name;
    runtime::labels labels;
    std::int64_t value;
  };
  [[nodiscard]] std::vector<sample> samples() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace artham::runtime
