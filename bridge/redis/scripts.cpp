#include "bridge/redis/scripts.hpp"

namespace artham::bridge::redis {

// XADD comes first of what writes: where it is refused for want of memory, nothing has changed.
const script& append_script() {
  static const script s(R"(
local fence = redis.call('HGET', KEYS[2], 'fence')
if fence ~= ARGV[1] then
  return redis.error_reply('FENCED ' .. KEYS[1] .. ' is written under fence ' .. (fence or 'none'))
end
local top = false
if redis.call('XLEN', KEYS[1]) > 0 then
  top = redis.call('HGET', KEYS[3], KEYS[1]) or redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
end
if (top or '-') ~= ARGV[2] then
  if not top then return redis.error_reply('EMPTIED ' .. KEYS[1] .. ' holds nothing any more') end
  return redis.error_reply('NOTNEXT ' .. top .. ' is the end of ' .. KEYS[1])
end
if ARGV[4] == '0' then
  redis.call('XADD', KEYS[1], ARGV[3], unpack(ARGV, 5))
else
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], ARGV[3], unpack(ARGV, 5))
end
redis.call('HSET', KEYS[3], KEYS[1], ARGV[3])
return redis.status_reply('OK')
)");
  return s;
}

const script& top_script() {
  static const script s(R"(
if redis.call('XLEN', KEYS[1]) == 0 then return false end
return redis.call('HGET', KEYS[2], KEYS[1]) or redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
)");
  return s;
}

const script& open_group_script() {
  static const script s(R"(
local key, group, consumer, after = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local made = redis.pcall('XGROUP', 'CREATE', key, group, after, 'MKSTREAM')
if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
local at = '0-0'
repeat
  at = redis.call('XAUTOCLAIM', key, group, consumer, 0, at, 'COUNT', 1000, 'JUSTID')[1]
until at == '0-0'
repeat
  local delivered = redis.call('XPENDING', key, group, '-', after, 1000)
  for _, entry in ipairs(delivered) do redis.call('XACK', key, group, entry[1]) end
until #delivered == 0
for _, other in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
  if other[2] ~= consumer then redis.call('XGROUP', 'DELCONSUMER', key, group, other[2]) end
end
redis.call('XGROUP', 'SETID', key, group, after)
redis.call('HDEL', KEYS[2], group)
return redis.status_reply('OK')
)");
  return s;
}

const script& acknowledge_script() {
  static const script s(R"(
local delivered = redis.call('XPENDING', KEYS[1], ARGV[1], '-', ARGV[2], 1000)
for _, entry in ipairs(delivered) do redis.call('XACK', KEYS[1], ARGV[1], entry[1]) end
return #delivered
)");
  return s;
}

std::string refill_ask_key(std::string_view id) {
  return "artham:refill:ask:" + std::string(id);
}

std::string refill_answer_key(std::string_view id) {
  return "artham:refill:answer:" + std::string(id);
}

const script& ask_refill_script() {
  static const script s(R"(
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[3])
return redis.status_reply('OK')
)");
  return s;
}

const script& answer_refill_script() {
  static const script s(R"(
local fence = redis.call('HGET', KEYS[3], 'fence')
if fence ~= ARGV[2] then
  return redis.error_reply('FENCED ' .. KEYS[2] .. ' is written under fence ' .. (fence or 'none'))
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local at = 4
while at < #ARGV do
  local n = tonumber(ARGV[at + 1])
  redis.call('XADD', KEYS[2], ARGV[at], unpack(ARGV, at + 2, at + 1 + n))
  at = at + 2 + n
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
)");
  return s;
}

namespace {

/// KEYS stream, cursors; ARGV who must have been there. `needed`: the first ID that somebody needs,
/// false when that is not known. IDs are compared as text: a double does not hold 64 bits.
constexpr std::string_view find_needed = R"(
local function below(a, b)
  local am, as = string.match(a, '(%d+)-(%d+)')
  local bm, bs = string.match(b, '(%d+)-(%d+)')
  if #am ~= #bm then return #am < #bm end
  if am ~= bm then return am < bm end
  if #as ~= #bs then return #as < #bs end
  return as < bs
end
local function first_needed()
  local needed = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
  local wanted = false
  local function keep(id)
    wanted = true
    if below(id, needed) then needed = id end
  end
  local here = {}
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do here[name] = true end
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #g, 2 do group[g[i]] = g[i + 1] end
    here[string.match(group['name'], '^[^/]*')] = true
    keep(group['last-delivered-id'])
    local pending = redis.call('XPENDING', KEYS[1], group['name'])
    if pending[1] > 0 then keep(pending[2]) end
  end
  for _, id in ipairs(redis.call('HVALS', KEYS[2])) do keep(id) end
  for _, name in ipairs(ARGV) do
    if not here[name] then return false end
  end
  return wanted and needed
end
local length = redis.call('XLEN', KEYS[1])
local needed = length > 0 and first_needed()
)";

std::string with_needed(std::string_view rest) {
  return std::string(find_needed) + std::string(rest);
}

}  // namespace

const script& trim_script() {
  static const std::string text = "local stop = table.remove(ARGV, 1)\n" + with_needed(R"(
if not needed then return {0, length} end
if below(stop, needed) then needed = stop end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '=', needed)
return {removed, length - removed}
)");
  static const script s(text);
  return s;
}

const script& needed_script() {
  static const std::string text = with_needed(R"(
if not needed then return false end
local entry = redis.call('XRANGE', KEYS[1], needed, '+', 'COUNT', 1)[1]
return entry and {needed, entry[2][4]}
)");
  static const script s(text);
  return s;
}

}  // namespace artham::bridge::redis
