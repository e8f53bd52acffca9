#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bridge/redis/backoff.hpp"
#include "bridge/redis/connection.hpp"
#include "bridge/redis/crew.hpp"
#include "bridge/redis/entry_codec.hpp"
#include "bridge/redis/health.hpp"
#include "bridge/redis/stream_kind.hpp"
#include "bridge/redis/wake_up.hpp"
#include "runtime/metrics.hpp"

namespace artham::bridge::redis {

/// One reader's place in a stream: what its lane has read ahead, and the reader not yet pulled.
struct cursor {
  cursor(std::string_view name, record::position behind)
      : stream(name),
        kind(numbering_of(name)),
        pulled(behind),
        passed(behind),
        read(behind),
        reached(behind) {}

  const std::string stream;
  const numbering kind;

  std::mutex mutex;  ///< of everything up to the empty line
  std::deque<record::block_ptr> blocks;
  std::uint64_t bytes = 0;  ///< of those
  record::position pulled;
  record::position passed;  ///< the consumer needs nothing up to here
  record::position top;     ///< of the stream, as last heard
  std::function<void()> ready;
  std::optional<error> failure;  ///< why the stream cannot be read
  bool is_closed = false;
  bool wants_room = false;  ///< the lane waits for blocks to be pulled

  // Of the lane's thread.
  entry_id read;             ///< the last entry, whatever it was
  record::position reached;  ///< the end of what was read, or where the reader began
  bool is_prepared = false;  ///< its group stands where it does
  bool is_at_top = false;
  std::chrono::steady_clock::time_point not_before;  ///< of what could not be read
  bool is_missing = false;  ///< another consumer of that name got what comes next
  /// What was trimmed before it was read, and is asked for.
  struct hole {
    record::position upto;
    std::string asked;                             ///< the question as it stands in Redis
    std::chrono::steady_clock::time_point heard;   ///< when an answer came, or was waited for first
    std::chrono::steady_clock::time_point looked;  ///< for an answer
    std::chrono::steady_clock::time_point renew;
  };
  std::optional<hole> open_hole;
  record::position looked_for;             ///< the top when what is missing was looked for last
  market::timestamp time = 0;              ///< the last receive time
  std::uint64_t entry_bytes = 64U << 10U;  ///< of a usual entry
};
using cursor_ptr = std::shared_ptr<cursor>;

/// A thread with a connection that reads ahead for all its cursors: XREAD, or XREADGROUP for the
/// consumer of that name.
class read_lane {
 public:
  /// `group` empty: plain readers.
  read_lane(const options& o, std::string group, redis::health& h, runtime::metrics& m,
            std::shared_ptr<crew> c);
  ~read_lane();
  read_lane(const read_lane&) = delete;
  read_lane& operator=(const read_lane&) = delete;

  /// Of a group, a cursor before on the same stream is read no more: errc::conflict.
  void add(cursor_ptr c);
  /// A cursor has room again, or is closed.
  void wake() { wake_.set(); }
  /// False when it reads no such stream.
  bool passed(std::string_view stream, record::position upto);
  void stop();

 private:
  using clock = std::chrono::steady_clock;
  using cursors = std::vector<cursor_ptr>;

  void run();
  [[nodiscard]] cursors live();
  [[nodiscard]] cursors wanting(const cursors& all) const;
  [[nodiscard]] result<void> work(const cursors& all);
  [[nodiscard]] result<void> prepare(const cursors& all);
  /// Reads what is missing as a plain reader does.
  [[nodiscard]] result<void> fill(const cursor_ptr& who);
  /// Of those with a hole: asks for what is in it, takes what came. What nobody has is a gap.
  [[nodiscard]] result<void> refill(const cursors& all);
  [[nodiscard]] result<void> refill(cursor& c);
  [[nodiscard]] result<void> ask(cursor& c);
  [[nodiscard]] result<bool> nobody_answers(clock::duration waited);
  void take_answer(cursor& c, reply_view entries);
  /// Stands for what is not to be had any more.
  void lose(cursor& c, record::position first, record::position upto, market::timestamp to);
  [[nodiscard]] std::string refill_id(const cursor& c) const;
  [[nodiscard]] result<void> read_each(const cursors& all);
  [[nodiscard]] result<void> read_all(const cursors& all);
  void append_read(const std::vector<std::string_view>& streams,
                   const std::vector<std::string>& ids, std::uint64_t count, bool block);
  [[nodiscard]] result<void> read_tops(const cursors& all);
  [[nodiscard]] result<bool> unblock();
  /// The entries of one stream for those that stand at or behind where they begin.
  void deliver(const cursors& to, reply_view entries, bool by_group);
  /// The stream goes on behind what was read, and the group has nothing of it.
  void note_missing(cursor& c) const;
  static void call_ready(const cursors& to);
  void deliver(cursor& to, entry_id id, const found_entry& e, std::size_t bytes);
  [[nodiscard]] static record::block_ptr in_place_of(const cursor& to, const found_entry& e);
  void push(cursor& to, record::block_ptr b);
  void unreadable(cursor& c, const error& e);
  void refuse(const cursor& c, entry_id id, const std::string& why);
  void wait(std::chrono::milliseconds limit);

  const options options_;
  const std::string group_;
  const std::string name_;
  redis::health& health_;
  runtime::metrics& metrics_;
  const std::shared_ptr<crew> crew_;
  wake_up wake_;

  mutable std::mutex mutex_;
  cursors cursors_;
  bool stopping_ = false;

  // Of the thread.
  clock::time_point tops_due_;
  std::unique_ptr<connection> connection_;
  std::unique_ptr<connection> waker_;
  backoff pauses_;

  std::thread thread_;
};

}  // namespace artham::bridge::redis
