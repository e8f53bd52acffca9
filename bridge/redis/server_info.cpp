#include "bridge/redis/server_info.hpp"

#include <string>

#include <spdlog/spdlog.h>

#include "bridge/redis/digits.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr int oldest_version = 7;

}  // namespace

std::string_view value_in(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    auto end = info.find("\r\n", at);
    if (end == std::string_view::npos) end = info.size();
    const auto line = info.substr(at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return line.substr(name.size() + 1);
    at = end + 2;
  }
  return {};
}

std::uint64_t number_in(std::string_view info, std::string_view name) {
  return parse_digits<std::uint64_t>(value_in(info, name)).value_or(0);
}

result<void> check_server(connection& c) {
  auto r = c.command({"INFO", "everything"});
  if (!r) return tl::unexpected(r.error());
  const auto info = r->text();
  const auto where = "Redis at " + c.place();
  if (value_in(info, "loading") == "1")
    return fail(errc::unavailable, where + " is still loading its data");
  const auto version = value_in(info, "redis_version");
  const auto major = parse_digits<int>(version.substr(0, version.find('.')));
  if (!major || *major < oldest_version) {
    return fail(errc::refused,
                where + " is version " + std::string(version) + ": artham needs 7.0 or later");
  }
  const auto policy = value_in(info, "maxmemory_policy");
  if (policy != "noeviction") {
    return fail(errc::refused, where + " has maxmemory-policy " + std::string(policy) +
                                   ", under which it would drop streams: CONFIG SET "
                                   "maxmemory-policy noeviction, and the same in redis.conf");
  }
  if (value_in(info, "aof_enabled") != "1") {
    runtime::log().warn(
        "{} keeps no append-only file: what it holds is lost with it; set "
        "appendonly yes in redis.conf",
        where);
  }
  return {};
}

}  // namespace artham::bridge::redis
