#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/redis/append_pipe.hpp"
#include "bridge/redis/backoff.hpp"

namespace artham::bridge::redis {

/// The thread that says what consumers have passed, trims the streams that are written here of what
/// nobody needs, and watches the server's memory.
class upkeep {
 public:
  /// `away`: why the server could not be looked at yet; then it is before anything else.
  upkeep(const options& o, append_pipe& pipe, redis::health& h, runtime::metrics& m,
         const std::optional<error>& away);
  ~upkeep();
  upkeep(const upkeep&) = delete;
  upkeep& operator=(const upkeep&) = delete;

  /// `has_group`: entries of the group of that name are acknowledged; else a cursor is kept, the
  /// newest that was said.
  void passed(std::string_view stream, std::string_view consumer, record::position upto,
              bool has_group);
  /// Says what is left to be said, if the server answers.
  void stop();

  struct seen {
    std::uint64_t used_memory = 0;
    std::vector<stream_status> streams;
  };
  [[nodiscard]] seen last_seen() const;

 private:
  using clock = std::chrono::steady_clock;
  struct news {
    record::position upto;
    bool has_group = false;
  };
  using passed_map = std::map<std::pair<std::string, std::string>, news>;

  void run();
  [[nodiscard]] result<void> say(const passed_map& all);
  [[nodiscard]] result<void> look_after();
  [[nodiscard]] result<std::uint64_t> used_memory();
  [[nodiscard]] result<void> trim(const out_stream& s);
  /// Where the stream ended `options::keep` ago; zeros while that is not known.
  [[nodiscard]] record::position kept_from(const out_stream& s);
  [[nodiscard]] result<void> trim_by_force(std::uint64_t used);

  const options options_;
  append_pipe& pipe_;
  redis::health& health_;
  runtime::gauge& memory_gauge_;
  runtime::gauge& alarm_gauge_;
  runtime::counter& trimmed_;
  runtime::counter& forced_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  passed_map passed_;
  seen seen_;
  bool stopping_ = false;

  // Of the thread.
  std::unique_ptr<connection> connection_;
  bool unchecked_ = false;
  backoff pauses_;
  /// Ends of streams, and when they were there: the newest of what is older than `options::keep`
  /// and what is younger.
  std::map<std::string, std::deque<std::pair<clock::time_point, record::position>>> ends_;

  std::thread thread_;
};

}  // namespace artham::bridge::redis
