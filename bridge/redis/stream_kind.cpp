#include "bridge/redis/stream_kind.hpp"

#include <algorithm>

#include "bridge/common/stream_rules.hpp"
#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::string_view letters = "md:deadletter";

/// The digits behind the last colon; empty when it ends otherwise.
std::string_view shard_part(std::string_view stream) {
  const auto colon = stream.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto last = stream.substr(colon + 1);
  const bool digits = std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? last : std::string_view();
}

}  // namespace

numbering numbering_of(std::string_view stream) {
  if (is_source(stream)) return numbering::ticks;
  if (record::is_live(stream)) return numbering::live;
  const bool counted = stream.starts_with(letters) &&
                       (stream.size() == letters.size() ||
                        (stream[letters.size()] == ':' && !shard_part(stream).empty()));
  return counted ? numbering::letters : numbering::by_cause;
}

std::string lease_of(std::string_view stream) {
  if (is_source(stream)) return "ingest";
  const auto shard = shard_part(stream);
  const std::string role = stream.starts_with("md:features") ? "features:" : "bars:";
  return role + (shard.empty() ? std::string("0") : std::string(shard));
}

std::string fence_key(std::string_view lease) {
  return "artham:fence:" + std::string(lease);
}

std::string cursors_key(std::string_view stream) {
  return "artham:cursors:" + std::string(stream);
}

}  // namespace artham::bridge::redis
