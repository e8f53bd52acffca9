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
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/redis/backoff.hpp"
#include "bridge/redis/connection.hpp"
#include "bridge/redis/crew.hpp"
#include "bridge/redis/entry_codec.hpp"
#include "bridge/redis/health.hpp"
#include "bridge/redis/stream_kind.hpp"
#include "runtime/metrics.hpp"

namespace artham::bridge::redis {

/// What is to become one entry.
struct outgoing {
  record::position first;  ///< that it stands for
  record::position last;
  std::uint64_t count = 0;  ///< entry::count
  std::string payload;      ///< unless there is a block
  record::block_ptr block;
  std::uint64_t fence = 0;
  bool is_cut = false;    ///< holds what one entry of encoding `fields` may
  bool was_sent = false;  ///< Redis may have taken it
  bool is_resent = false;

  [[nodiscard]] std::string_view records() const { return block ? block->payload : payload; }
};

/// A stream that is written here. Its members are the pipe's.
struct out_stream {
  explicit out_stream(std::string_view stream)
      : name(stream), kind(numbering_of(stream)), lease(fence_key(lease_of(stream))) {}

  const std::string name;
  const numbering kind;
  const std::string lease;  ///< key of the fence

  std::deque<outgoing> queue;      ///< not sent
  std::deque<outgoing> in_flight;  ///< sent and not answered
  /// Answers to what was sent before this grew mean nothing any more.
  std::uint64_t generation = 0;
  record::position tail;                  ///< the end of what was queued
  std::optional<record::position> acked;  ///< the end of what Redis took; nothing: not known
  std::uint64_t answers = 0;              ///< entries that Redis took
  std::optional<error> broken;
  bool has_writer = false;
  bool is_put = false;      ///< written by put_block
  std::uint32_t epoch = 0;  ///< of the last writer
};
using out_stream_ptr = std::shared_ptr<out_stream>;

/// The queue in front of Redis and the thread that writes: entries of all streams go down one
/// connection, many before the first is answered. What is not answered when a connection is lost is
/// compared with the stream's end and sent again, or not.
class append_pipe {
 public:
  append_pipe(const options& o, redis::health& h, runtime::metrics& m, std::shared_ptr<crew> c);
  ~append_pipe();
  append_pipe(const append_pipe&) = delete;
  append_pipe& operator=(const append_pipe&) = delete;

  void start();
  /// Sends what is queued, for as long as Redis takes it; ends the thread.
  void stop();

  [[nodiscard]] out_stream_ptr find_or_make(std::string_view stream);
  [[nodiscard]] std::vector<out_stream_ptr> streams() const;

  /// A writer of the stream in that epoch. `read_top` asks Redis for the stream's end.
  [[nodiscard]] result<void> begin(const out_stream_ptr& s, std::uint32_t epoch,
                                   const std::function<result<record::position>()>& read_top);
  void end(out_stream& s);

  /// Takes records at [first, last], which are behind the stream's tail. errc::full, conflict,
  /// unavailable after stop, bad_input when they never fit.
  [[nodiscard]] result<void> add(out_stream& s, std::vector<outgoing> entries);
  [[nodiscard]] result<void> put(out_stream& s, record::block_ptr block, record::position from,
                                 std::uint64_t fence);
  [[nodiscard]] record::position tail(const out_stream& s) const;
  [[nodiscard]] std::uint32_t last_epoch_of_ticks() const;
  void when_room(std::uint64_t bytes, std::function<void()> fn);
  [[nodiscard]] result<void> flush(market::duration limit);

 private:
  using clock = std::chrono::steady_clock;
  struct sent {
    out_stream_ptr of;
    std::uint64_t generation;
  };

  [[nodiscard]] result<void> reserve(std::uint64_t bytes);  ///< all these want the lock
  void submit(std::uint64_t bytes);
  /// To the end of the queue: into the entry there, if that waits and has room.
  static void join(out_stream& s, outgoing o);
  [[nodiscard]] bool has_unsent() const;
  void break_stream(out_stream& s, error why);
  void requeue(out_stream& s);
  void taken(out_stream& s, std::deque<outgoing>& from);
  void release(std::uint64_t bytes);
  [[nodiscard]] clock::time_point due() const;

  void run();
  [[nodiscard]] bool wait_for_work();
  [[nodiscard]] result<void> work();
  void pause();
  [[nodiscard]] result<void> connect();
  /// Of streams with something to send: of all, or of those whose end is not known.
  [[nodiscard]] result<void> compare_ends(bool all);
  void end_is(out_stream& s, record::position top);
  void send_some();
  [[nodiscard]] entry_fields fields_of(const out_stream& s, const outgoing& o,
                                       record::position before) const;
  void send_one(const out_stream& s, const outgoing& o, record::position before,
                const entry_fields& fields);
  [[nodiscard]] result<void> take_answers();
  void answered(const sent& what, const reply& r);
  void refused(out_stream& s, std::string_view text);
  void call_waiters();
  void lost();

  const options options_;
  redis::health& health_;
  const std::shared_ptr<crew> crew_;
  runtime::gauge& queue_gauge_;
  runtime::counter& entries_;
  runtime::counter& bytes_;
  runtime::counter& reconnects_;

  mutable std::mutex mutex_;  ///< of everything up to the empty line
  std::condition_variable changed_;
  std::condition_variable settled_;
  std::map<std::string, out_stream_ptr, std::less<>> streams_;
  std::uint64_t queued_ = 0;     ///< bytes that Redis has not taken
  std::uint64_t submitted_ = 0;  ///< of those, not seen by the thread
  clock::time_point first_submit_;
  bool stopping_ = false;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> room_waiters_;
  std::vector<std::function<void()>> due_;  ///< waiters to be called without the lock

  // Of the thread.
  std::unique_ptr<connection> connection_;
  std::deque<sent> awaited_;
  clock::time_point last_write_;
  backoff pauses_;
  std::optional<error> trouble_;  ///< why what was sent comes back
  bool teach_ = true;             ///< the server does not know the script
  bool was_connected_ = false;
  clock::time_point last_progress_;

  std::thread thread_;
};

}  // namespace artham::bridge::redis
