#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {

/// What the holder of a lease leaves for the next one, such as checkpoints: names and bytes. Calls
/// block for the endpoint's timeout at the most; any thread.
class kept_values {
 public:
  virtual ~kept_values() = default;
  /// Under the lease's fence: errc::conflict when it is another's by now. Of all names the newest
  /// two, in their order, stay.
  virtual result<void> keep(std::string_view lease, std::uint64_t fence, std::string_view name,
                            std::string_view bytes) = 0;
  [[nodiscard]] virtual result<std::map<std::string, std::string>> all(std::string_view lease) = 0;
};

/// Connects at the first call, and anew after an error.
[[nodiscard]] std::unique_ptr<kept_values> make_kept_values(endpoint server);

}  // namespace artham::bridge::redis
