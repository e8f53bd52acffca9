#include "bridge/redis/redis.hpp"

namespace artham::bridge::redis {

std::string endpoint::text() const {
  const auto who = user.empty() ? std::string() : user + "@";
  const auto which = database == 0 ? std::string() : " database " + std::to_string(database);
  if (!socket.empty()) return who + socket.string() + which;
  return who + host + ":" + std::to_string(port) + which;
}

}  // namespace artham::bridge::redis
