#include "bridge/redis/leases.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "bridge/redis/connection.hpp"

namespace artham::bridge::redis {
namespace {

// `artham:fence:{lease}` has the fields `fence` (what writers are compared with; 0: nobody may
// write), `last` (the same, but kept when the lease is given back), `node`, `taken_ms` and
// `renewed_ms`.

constexpr std::string_view counter_key = "artham:fence:counter";
constexpr std::string_view names_key = "artham:fence:names";

std::string fence_key(std::string_view lease) {
  return "artham:fence:" + std::string(lease);
}

/// KEYS hash, counter, names; ARGV lease, node, floor. Answers the new fence.
const script& take_script() {
  static const script s(R"(
local now = redis.call('TIME')
local ms = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
local n = tonumber(ARGV[3])
local function above(text) n = math.max(n, tonumber(text or '') or 0) end
above(redis.call('GET', KEYS[2]))
for _, name in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  above(redis.call('HGET', 'artham:fence:' .. name, 'last'))
end
above(redis.call('HGET', KEYS[1], 'last'))
local fence = string.format('%.0f', n + 1)
redis.call('SET', KEYS[2], fence)
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'fence', fence, 'last', fence, 'node', ARGV[2], 'taken_ms', ms, 'renewed_ms', ms)
return fence
)");
  return s;
}

/// KEYS hash; ARGV node, fence. Answers 1, or 0 when it is not theirs.
const script& renew_script() {
  static const script s(R"(
local held = redis.call('HMGET', KEYS[1], 'node', 'fence')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'renewed_ms', string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)))
return 1
)");
  return s;
}

/// KEYS hash; ARGV node, fence.
const script& release_script() {
  static const script s(R"(
local held = redis.call('HMGET', KEYS[1], 'node', 'fence')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'fence', '0', 'node', '')
return 1
)");
  return s;
}

/// KEYS names. Answers per lease: name, node, last fence, ms since it was renewed.
const script& all_script() {
  static const script s(R"(
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local all = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local held = redis.call('HMGET', 'artham:fence:' .. name, 'node', 'last', 'renewed_ms')
  if held[2] then
    local age = math.max(0, ms - (tonumber(held[3] or '') or ms))
    all[#all + 1] = {name, held[1] or '', held[2], string.format('%.0f', age)}
  end
end
return all
)");
  return s;
}

/// KEYS nodes; ARGV node, life, text, ms. Answers nothing, or life and age of the other one. Who
/// has not spoken for a day is forgotten.
const script& beat_script() {
  static const script s(R"(
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local said, life = string.match(all[i + 1], '^(%d+) ([^\n]*)\n')
  local age = math.max(0, ms - tonumber(said))
  if all[i] == ARGV[1] then
    if life ~= ARGV[2] and age < tonumber(ARGV[4]) then return {life, string.format('%.0f', age)} end
  elseif age > 86400000 then
    redis.call('HDEL', KEYS[1], all[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', ms) .. ' ' .. ARGV[2] .. '\n' .. ARGV[3])
return {}
)");
  return s;
}

/// KEYS nodes; ARGV node, life.
const script& leave_script() {
  static const script s(R"(
local said = redis.call('HGET', KEYS[1], ARGV[1])
if said and string.match(said, '^%d+ ([^\n]*)\n') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
)");
  return s;
}

/// KEYS nodes. Answers per node: name, life, text, ms since it spoke.
const script& nodes_script() {
  static const script s(R"(
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local nodes = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local said, life, text = string.match(all[i + 1], '^(%d+) ([^\n]*)\n(.*)$')
  nodes[#nodes + 1] = {all[i], life, text, string.format('%.0f', math.max(0, ms - tonumber(said)))}
end
return nodes
)");
  return s;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

market::duration age_of(std::string_view ms) {
  return static_cast<market::duration>(number(ms)) * market::millisecond;
}

class redis_leases final : public leases {
 public:
  redis_leases(endpoint server, const std::string& cluster)
      : server_(std::move(server)), nodes_key_("artham:nodes:" + cluster) {}

  result<std::uint64_t> take(std::string_view lease, std::string_view node,
                             std::uint64_t floor) override {
    const auto key = fence_key(lease);
    const auto least = std::to_string(floor);
    const auto fence = ask(take_script(), {key, counter_key, names_key}, {lease, node, least});
    if (!fence) return tl::unexpected(fence.error());
    return number(fence->text());
  }

  result<bool> renew(std::string_view lease, std::string_view node, std::uint64_t fence) override {
    const auto key = fence_key(lease);
    const auto held = std::to_string(fence);
    const auto done = ask(renew_script(), {key}, {node, held});
    if (!done) return tl::unexpected(done.error());
    return done->integer() == 1;
  }

  result<void> release(std::string_view lease, std::string_view node,
                       std::uint64_t fence) override {
    const auto key = fence_key(lease);
    const auto held = std::to_string(fence);
    const auto done = ask(release_script(), {key}, {node, held});
    if (!done) return tl::unexpected(done.error());
    return {};
  }

  [[nodiscard]] result<std::map<std::string, lease, std::less<>>> all() override {
    const auto answer = ask(all_script(), {names_key}, {});
    if (!answer) return tl::unexpected(answer.error());
    std::map<std::string, lease, std::less<>> found;
    for (std::size_t i = 0; i < answer->size(); ++i) {
      const auto row = (*answer)[i];
      found[std::string(row[0].text())] = {std::string(row[1].text()), number(row[2].text()),
                                           age_of(row[3].text())};
    }
    return found;
  }

  result<void> beat(const node_beat& b, market::duration unless) override {
    if (b.life.find('\n') != std::string::npos)
      return fail(errc::bad_input, "the life of node " + b.node + " must be one line");
    const auto ms = std::to_string(unless / market::millisecond);
    const auto other = ask(beat_script(), {nodes_key_}, {b.node, b.life, b.text, ms});
    if (!other) return tl::unexpected(other.error());
    if (other->size() == 0) return {};
    return fail(errc::conflict, "another process, life " + std::string((*other)[0].text()) +
                                    ", spoke as node " + b.node + " " +
                                    std::string((*other)[1].text()) +
                                    " ms ago: stop it, or give this one another name");
  }

  result<void> leave(std::string_view node, std::string_view life) override {
    const auto done = ask(leave_script(), {nodes_key_}, {node, life});
    if (!done) return tl::unexpected(done.error());
    return {};
  }

  [[nodiscard]] result<std::vector<node_beat>> nodes() override {
    const auto answer = ask(nodes_script(), {nodes_key_}, {});
    if (!answer) return tl::unexpected(answer.error());
    std::vector<node_beat> found;
    for (std::size_t i = 0; i < answer->size(); ++i) {
      const auto row = (*answer)[i];
      found.push_back({std::string(row[0].text()), std::string(row[1].text()),
                       std::string(row[2].text()), age_of(row[3].text())});
    }
    std::ranges::sort(found, {}, &node_beat::node);
    return found;
  }

 private:
  result<reply> ask(const script& s, std::initializer_list<std::string_view> keys,
                    std::initializer_list<std::string_view> values) {
    if (connection_ && connection_->is_broken()) connection_.reset();
    if (!connection_) {
      auto opened = connection::open(server_, "artham-leases");
      if (!opened) return tl::unexpected(opened.error());
      connection_ = std::move(*opened);
    }
    return connection_->eval(s, connection::args(keys.begin(), keys.size()),
                             connection::args(values.begin(), values.size()));
  }

  endpoint server_;
  std::string nodes_key_;
  std::unique_ptr<connection> connection_;
};

}  // namespace

std::unique_ptr<leases> make_leases(endpoint server, std::string cluster) {
  return std::make_unique<redis_leases>(std::move(server), cluster);
}

}  // namespace artham::bridge::redis
