#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "market/timeframe.hpp"
#include "messages/batch.hpp"

namespace artham::actors {

/// The streams that clients are told of: md:ticks, the final bars of each timeframe and
/// md:features, of each shard. Their order is that of the positions in a resume point.
class stream_list {
 public:
  enum class what : std::uint8_t { ticks, bars, features };
  struct entry {
    what of = what::ticks;
    std::uint32_t timeframe = 0;  ///< of bars: index into the configured ones
    std::uint32_t shard = 0;
    std::string name;
  };
  stream_list(const std::vector<market::timeframe>& timeframes, bool features,
              std::uint32_t shards);

  [[nodiscard]] const std::vector<entry>& all() const { return all_; }
  [[nodiscard]] std::uint32_t shards() const { return shards_; }

 private:
  std::uint32_t shards_;
  std::vector<entry> all_;
};

/// The hub's cursors: one for each stream, and how far each is.
class stream_set {
 public:
  /// Features begin so many records before their end, all else at it.
  stream_set(bridge::bridge& from, const stream_list& list, std::uint64_t features_back);

  /// Calls fn(entry, block) for what the streams have by now, stream by stream.
  void pull(std::uint64_t max_records,
            const std::function<void(const stream_list::entry&, const record::block&)>& fn);
  /// Calls fn once, from any thread, when some stream has more.
  void when_ready(const std::function<void()>& fn);
  /// The same object until something more was pulled.
  [[nodiscard]] const messages::resume_point_ptr& at();
  /// Of md:ticks.
  [[nodiscard]] std::uint64_t lag() const;

 private:
  struct cursor {
    const stream_list::entry* stream;
    std::unique_ptr<bridge::reader> reader;
    market::position at;
    market::cause cause;  ///< of the record there, where the position does not say it
  };
  void note(cursor& c, const record::block& b);

  std::vector<cursor> cursors_;
  market::timestamp time_ = 0;  ///< of the newest mark
  messages::resume_point_ptr at_;
};

}  // namespace artham::actors
