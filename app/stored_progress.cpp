#include "app/stored_progress.hpp"

#include <charconv>

namespace artham::app {

shard_stream parse_shard(std::string_view stream) {
  const auto colon = stream.rfind(':');
  std::uint32_t shard = 0;
  const auto digits = stream.substr(colon + 1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), shard);
  const bool told = colon != std::string_view::npos && !digits.empty() && failed == std::errc() &&
                    end == digits.data() + digits.size();
  return told ? shard_stream{stream.substr(0, colon), shard} : shard_stream{stream, 0};
}

}  // namespace artham::app
