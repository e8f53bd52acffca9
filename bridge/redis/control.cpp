#include "bridge/redis/control.hpp"

#include "bridge/redis/entry_id.hpp"
#include "bridge/redis/scripts.hpp"
#include "bridge/redis/stream_kind.hpp"

namespace artham::bridge::redis {

result<reply> control::ask(const std::function<result<reply>(connection&)>& question) {
  const std::lock_guard lock(mutex_);
  const bool had = connection_ != nullptr;
  for (;;) {
    const bool fresh = !connection_;
    if (fresh) {
      auto c = connection::open(server_, name_);
      if (!c) return tl::unexpected(c.error());
      connection_ = std::move(*c);
    }
    auto answer = question(*connection_);
    if (!connection_->is_broken()) return answer;
    connection_.reset();
    if (fresh || !had) return answer;
  }
}

result<reply> control::command(std::initializer_list<std::string_view> args) {
  return ask([&](connection& c) { return c.command(args); });
}

result<reply> control::eval(const script& s, std::initializer_list<std::string_view> keys,
                            connection::args values) {
  return ask([&](connection& c) { return c.eval(s, {keys.begin(), keys.size()}, values); });
}

result<record::position> control::top(std::string_view stream) {
  auto r = eval(top_script(), {stream, tops_key}, {});
  if (!r) return tl::unexpected(r.error());
  return top_of(stream, *r);
}

result<record::position> top_of(std::string_view stream, reply_view answer) {
  if (answer.is_nil()) return record::position{};
  if (const auto id = parse_entry_id(answer.text())) {
    if (const auto p = id->position()) return *p;
  }
  return fail(errc::corrupt, "stream " + std::string(stream) + " in Redis ends at " +
                                 std::string(answer.text().substr(0, 50)) +
                                 ", which is no position: another program writes it; rename that "
                                 "key, or give artham its own database");
}

}  // namespace artham::bridge::redis
