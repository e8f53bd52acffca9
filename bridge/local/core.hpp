#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/local/journal.hpp"
#include "bridge/local/stream.hpp"

namespace artham::bridge::local {

/// The journal behind its port: the streams, the queue in front of the disk, the thread that writes
/// and the thread that syncs. Locks are taken in the order core, stream, queue.
class core {
 public:
  explicit core(options o);
  ~core();
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  using stream_map = std::map<std::string, stream_ptr, std::less<>>;
  /// Begins to take and write records behind what `streams` hold.
  void start(stream_map streams);
  /// Only serves what `streams` hold.
  void show(stream_map streams);
  /// Writes and syncs what was appended, writes the indexes and ends the threads.
  void stop();

  [[nodiscard]] stream_ptr find(std::string_view name) const;  ///< null when there is none
  [[nodiscard]] stream_ptr find_or_make(std::string_view name);
  [[nodiscard]] std::vector<stream_ptr> streams() const;
  [[nodiscard]] const options& settings() const { return options_; }
  [[nodiscard]] runtime::metrics& metrics() { return metrics_; }
  [[nodiscard]] bool is_read_only() const { return read_only_; }

  /// Room in the queue for `bytes`, or why not: full, the disk's error, unavailable after stop.
  [[nodiscard]] result<void> reserve(std::uint64_t bytes);
  /// Takes `bytes` for the queue whether there is room or not; unavailable after stop, or the
  /// disk's error when it is for good.
  [[nodiscard]] result<void> reserve_urgent(std::uint64_t bytes);
  /// Those bytes are in a stream's pending batches now.
  void submit(std::uint64_t bytes);
  /// Calls fn as soon as reserve(bytes) would succeed, or the disk's error is another one.
  void when_room(std::uint64_t bytes, std::function<void()> fn);
  [[nodiscard]] bool disk_is_full() const;

 private:
  using clock = std::chrono::steady_clock;

  /// One stream as the writing thread sees it.
  struct output {
    stream_ptr of;
    std::deque<batch> batches;      ///< taken from pending, not yet written
    std::shared_ptr<file> segment;  ///< null until something is written
    std::filesystem::path path;
    std::uint64_t size = 0;
    std::uint64_t allocated = 0;  ///< the segment holds room up to here
    std::int64_t day = 0;
    std::uint32_t epoch = 0;
  };

  void write_loop();
  void sync_loop();
  [[nodiscard]] std::vector<stream_ptr> derived_first() const;
  void collect();
  [[nodiscard]] result<void> write_all();
  [[nodiscard]] result<void> write_some(output& out);
  /// What is to be written at once: heads and payloads of the first blocks.
  struct pass {
    std::vector<std::string> parts;
    std::vector<iovec> io;
    std::vector<std::uint64_t> lengths;
    std::uint64_t total = 0;
  };
  [[nodiscard]] pass next_pass(const output& out) const;
  /// Room for `bytes` and the reserve behind them; errc::full.
  [[nodiscard]] result<void> allocate(output& out, std::uint64_t bytes);
  [[nodiscard]] result<void> make_room(output& out, pass& p);
  [[nodiscard]] result<void> check_room() const;
  [[nodiscard]] result<void> begin_segment(output& out, const record::block& first);
  [[nodiscard]] result<void> end_segment(output& out);
  void publish(output& out, const std::vector<std::uint64_t>& lengths);
  void trim_tails();
  void set_failure(std::optional<error> e, bool permanent);
  void release(std::uint64_t bytes);
  [[nodiscard]] result<void> sync_pass();
  [[nodiscard]] result<void> sync_file(const file& f, const std::string& stream);

  options options_;
  bool read_only_ = false;
  local::disk system_disk_;
  local::disk& disk_;
  runtime::metrics own_metrics_;
  runtime::metrics& metrics_;
  runtime::counter& blocks_;
  runtime::counter& syncs_;
  runtime::counter& sync_ns_;
  runtime::gauge& queue_gauge_;
  runtime::gauge& full_gauge_;
  runtime::gauge& reserve_gauge_;

  mutable std::mutex streams_mutex_;
  stream_map streams_;

  mutable std::mutex queue_mutex_;  ///< of everything up to the empty line
  std::condition_variable queue_changed_;
  std::uint64_t queued_ = 0;  ///< bytes reserved and not yet written
  std::uint64_t submitted_ =
      0;  ///< of those, in pending batches that the writing thread has not seen
  clock::time_point first_submit_;
  std::optional<error> failure_;
  bool broken_ = false;  ///< the failure is permanent
  bool stopping_ = false;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> room_waiters_;

  std::mutex sync_mutex_;
  std::condition_variable sync_changed_;
  bool unsynced_ = false;
  bool sync_stopping_ = false;

  // Of the writing thread.
  std::map<const stream*, output> outputs_;
  std::deque<std::pair<stream_ptr, std::uint64_t>> tail_order_;
  std::uint64_t tail_size_ = 0;

  std::thread writer_;
  std::thread syncer_;
};

}  // namespace artham::bridge::local
