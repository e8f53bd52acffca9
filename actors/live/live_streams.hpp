#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// Streams of live values in all shards, each read from where it ends now.
class live_streams {
 public:
  /// `names` as they are where there is one shard only. Errors are the bridge's.
  [[nodiscard]] static result<std::unique_ptr<live_streams>> open(
      bridge::bridge& from, const std::vector<std::string>& names, std::uint32_t shards);

  /// Everything that has come: fn(number of the name, header, body). What cannot be read is left
  /// out. Errors are the bridge's.
  result<void> read(
      const std::function<void(std::size_t, const record::header&, std::string_view)>& fn);
  /// Calls fn once as soon as something has come, from any thread.
  void when_ready(const std::function<void()>& fn);

 private:
  struct stream {
    std::size_t name = 0;
    std::unique_ptr<bridge::reader> cursor;
  };
  std::vector<stream> streams_;
};

/// A watch is answered by then, with what there is.
inline constexpr std::chrono::milliseconds live_answer_limit{250};
/// Between two looks at what is due.
inline constexpr std::chrono::milliseconds live_look_pause{50};
/// What has not come again for so long is watched by nobody any more: publishers say everything
/// that is watched again every 10 s.
inline constexpr std::chrono::seconds live_value_life{30};

}  // namespace artham::actors
