#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/bridge_market.hpp"

struct redisContext;

namespace artham::bench {

/// What simple code does with Redis Streams: hiredis, an entry a tick with named fields, a thousand
/// commands under way.
class plain_redis {
 public:
  explicit plain_redis(const std::filesystem::path& socket);
  ~plain_redis();
  plain_redis(const plain_redis&) = delete;
  plain_redis& operator=(const plain_redis&) = delete;

  void write(const std::string& stream, const std::vector<plain_tick>& ticks);
  /// All of the stream as a new group, acknowledged; answers how many entries.
  std::uint64_t read(const std::string& stream, const std::string& group);

  void command(const std::vector<std::string>& words);
  [[nodiscard]] std::int64_t number(const std::vector<std::string>& words);
  [[nodiscard]] std::string text(const std::vector<std::string>& words);
  /// Entries that are delivered and not acknowledged.
  [[nodiscard]] std::int64_t pending(const std::string& stream, const std::string& group);

 private:
  struct freed {
    void operator()(redisContext* c) const;
  };
  std::unique_ptr<redisContext, freed> context_;
};

}  // namespace artham::bench
