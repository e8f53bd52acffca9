#include "bench/plain_redis.hpp"

#include <hiredis/hiredis.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace artham::bench {
namespace {

constexpr std::size_t under_way = 1000;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bridge_bench: plain Redis: %s\n", what.c_str());
  std::exit(1);
}

struct reply_freed {
  void operator()(redisReply* r) const { freeReplyObject(r); }
};
using reply_ptr = std::unique_ptr<redisReply, reply_freed>;

reply_ptr next(redisContext* c) {
  void* r = nullptr;
  if (redisGetReply(c, &r) != REDIS_OK) die(c->errstr);
  reply_ptr reply(static_cast<redisReply*>(r));
  if (reply->type == REDIS_REPLY_ERROR) die(reply->str);
  return reply;
}

void append(redisContext* c, const std::vector<std::string_view>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& w : words) {
    texts.push_back(w.data());
    sizes.push_back(w.size());
  }
  redisAppendCommandArgv(c, static_cast<int>(words.size()), texts.data(), sizes.data());
}

reply_ptr ask(redisContext* c, const std::vector<std::string>& words) {
  append(c, {words.begin(), words.end()});
  return next(c);
}

}  // namespace

void plain_redis::freed::operator()(redisContext* c) const {
  redisFree(c);
}

plain_redis::plain_redis(const std::filesystem::path& socket)
    : context_(redisConnectUnix(socket.c_str())) {
  if (!context_ || context_->err != 0) die("no connection");
}
plain_redis::~plain_redis() = default;

void plain_redis::command(const std::vector<std::string>& words) {
  ask(context_.get(), words);
}

std::int64_t plain_redis::number(const std::vector<std::string>& words) {
  return ask(context_.get(), words)->integer;
}

std::string plain_redis::text(const std::vector<std::string>& words) {
  const auto reply = ask(context_.get(), words);
  return {reply->str, reply->len};
}

std::int64_t plain_redis::pending(const std::string& stream, const std::string& group) {
  return ask(context_.get(), {"XPENDING", stream, group})->element[0]->integer;
}

void plain_redis::write(const std::string& stream, const std::vector<plain_tick>& ticks) {
  constexpr std::array<std::string_view, 10> names{"token",   "receive", "exchange", "last_trade",
                                                   "last",    "average", "volume",   "oi",
                                                   "buy_qty", "sell_qty"};
  constexpr std::size_t words = 3 + 2 * names.size();
  std::array<const char*, words> texts{"XADD", stream.data(), "*"};
  std::array<std::size_t, words> sizes{4, stream.size(), 1};
  std::array<std::array<char, 24>, names.size()> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    texts[3 + 2 * i] = names[i].data();
    sizes[3 + 2 * i] = names[i].size();
    texts[4 + 2 * i] = numbers[i].data();
  }
  std::size_t unanswered = 0;
  const auto answer = [&] {
    for (; unanswered != 0; --unanswered) next(context_.get());
  };
  for (const auto& t : ticks) {
    const std::array<std::int64_t, names.size()> values{
        t.token,   t.receive, t.exchange, t.last_trade,   t.last,
        t.average, t.volume,  t.oi,       t.buy_quantity, t.sell_quantity};
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto& n = numbers[i];
      sizes[4 + 2 * i] = static_cast<std::size_t>(
          std::to_chars(n.data(), n.data() + n.size(), values[i]).ptr - n.data());
    }
    redisAppendCommandArgv(context_.get(), words, texts.data(), sizes.data());
    if (++unanswered == under_way) answer();
  }
  answer();
}

std::uint64_t plain_redis::read(const std::string& stream, const std::string& group) {
  auto* const c = context_.get();
  command({"XGROUP", "CREATE", stream, group, "0"});
  const auto count = std::to_string(under_way);
  const std::vector<std::string_view> more{"XREADGROUP", "GROUP",   group,  "one", "COUNT",
                                           count,        "STREAMS", stream, ">"};
  std::uint64_t entries = 0;
  append(c, more);
  for (auto reply = next(c); reply->type == REDIS_REPLY_ARRAY;) {
    const auto* const all = reply->element[0]->element[1];
    std::vector<std::string_view> acknowledge{"XACK", stream, group};
    for (std::size_t i = 0; i < all->elements; ++i) {
      const auto* const id = all->element[i]->element[0];
      acknowledge.emplace_back(id->str, id->len);
    }
    entries += all->elements;
    append(c, acknowledge);
    append(c, more);
    next(c);
    reply = next(c);
  }
  return entries;
}

}  // namespace artham::bench
