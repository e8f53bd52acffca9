#include "bridge/redis/kept_values.hpp"

#include <mutex>
#include <utility>

#include "bridge/redis/connection.hpp"

namespace artham::bridge::redis {
namespace {

/// KEYS: the lease's fence, the values. ARGV: fence, name, bytes.
constexpr std::string_view keep_text = R"(
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return redis.error_reply('ARTHAM fenced')
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
local names = redis.call('HKEYS', KEYS[2])
table.sort(names)
for i = 1, #names - 2 do redis.call('HDEL', KEYS[2], names[i]) end
return 1
)";

class values final : public kept_values {
 public:
  explicit values(endpoint server) : server_(std::move(server)), keep_(keep_text) {}

  result<void> keep(std::string_view lease, std::uint64_t fence, std::string_view name,
                    std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    auto c = connected();
    if (!c) return tl::unexpected(c.error());
    const auto fence_key = "artham:fence:" + std::string(lease);
    const auto values_key = key(lease);
    const auto number = std::to_string(fence);
    const std::string_view keys[] = {fence_key, values_key};
    const std::string_view arguments[] = {number, name, bytes};
    auto done = (*c)->eval(keep_, keys, arguments);
    if (!done) return tl::unexpected(done.error());
    return {};
  }

  result<std::map<std::string, std::string>> all(std::string_view lease) override {
    const std::lock_guard lock(mutex_);
    auto c = connected();
    if (!c) return tl::unexpected(c.error());
    auto answer = (*c)->command({"HGETALL", key(lease)});
    if (!answer) return tl::unexpected(answer.error());
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i + 1 < answer->size(); i += 2)
      found.emplace((*answer)[i].text(), (*answer)[i + 1].text());
    return found;
  }

 private:
  [[nodiscard]] static std::string key(std::string_view lease) {
    return "artham:kept:" + std::string(lease);
  }
  result<connection*> connected() {
    if (!connection_ || connection_->is_broken()) {
      auto opened = connection::open(server_, "artham-kept");
      if (!opened) return tl::unexpected(opened.error());
      connection_ = std::move(*opened);
    }
    return connection_.get();
  }

  endpoint server_;
  script keep_;
  std::mutex mutex_;
  std::unique_ptr<connection> connection_;
};

}  // namespace

std::unique_ptr<kept_values> make_kept_values(endpoint server) {
  return std::make_unique<values>(std::move(server));
}

}  // namespace artham::bridge::redis
