#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "actors/session/text_batch.hpp"
#include "tests/actors/gateway_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;

namespace {

constexpr int missed = 20'000;

/// A client that has missed much, catches up and takes nothing yet.
struct catching_up {
  gateway_world g{"1m"};
  gateway_world::client_of c;

  catching_up() {
    const auto first = g.connect();
    const auto token =
        first.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["token"].get<std::string>();
    for (int i = 1; i <= missed; ++i) g.append_tick(i % 2 == 0 ? 408065 : 738561, i);
    REQUIRE(test::eventually([&] {
      const auto at = g.board->get();
      return at && at->at[0].seq == missed;
    }));
    c = g.connect();
    c.socket->stop();
    c.command(1, R"("op":"sub","policy":"all","keys":["tick:NSE:INFY","tick:NSE:RELIANCE"],)"
                 R"("from":")" +
                     token + "\"");
    REQUIRE(test::eventually([&] { return c.socket->refused(); }));
  }
  /// How many ticks of a key came behind the first `from` messages.
  [[nodiscard]] int ticks_of(const std::string& key, std::size_t from = 0) const {
    int n = 0;
    const auto texts = c.socket->texts();
    for (auto i = from; i < texts.size(); ++i) n += json::parse(texts[i]).value("key", "") == key;
    return n;
  }
  [[nodiscard]] std::size_t place_of_reply(int id) const {
    const auto texts = c.socket->texts();
    for (std::size_t i = 0; i < texts.size(); ++i)
      if (json::parse(texts[i]).value("id", 0) == id) return i;
    return texts.size();
  }
};

}  // namespace

TEST_CASE("a client that catches up is answered meanwhile") {
  catching_up w;
  w.c.command(2, R"("op":"ping")");
  w.c.command(3, R"("op":"status")");
  w.c.go_on();
  CHECK(w.c.socket->reply(2)["op"] == "pong");
  CHECK(w.c.socket->reply(3)["status"]["subscriptions"] == 2);
  CHECK(w.c.socket->reply(1)["ok"] == true);
  CHECK(w.ticks_of("tick:NSE:INFY") == missed / 2);
  CHECK(w.ticks_of("tick:NSE:RELIANCE") == missed / 2);
}

TEST_CASE("behind the answer to an unsub comes nothing of what is being caught up with") {
  catching_up w;
  // Some of it has come.
  w.c.go_on();
  REQUIRE(w.c.socket->wait([](const auto& l) { return !l.all().empty(); }));
  w.c.socket->stop();
  w.c.command(2, R"("op":"unsub","keys":["tick:NSE:INFY"])");
  w.c.go_on();
  CHECK(w.c.socket->reply(2)["ok"] == true);
  const auto answer = w.c.socket->reply(1);
  CHECK(answer["ok"] == true);
  CHECK(answer["subs"].size() == 1);
  CHECK(answer["subs"][0]["key"] == "tick:NSE:RELIANCE");
  CHECK(w.ticks_of("tick:NSE:INFY", w.place_of_reply(2)) == 0);
  CHECK(w.ticks_of("tick:NSE:RELIANCE") == missed / 2);
  CHECK(w.c.ask(3, R"("op":"status")")["status"]["subscriptions"] == 1);
  w.g.append_tick(408065, missed + 1);
  w.g.append_tick(738561, missed + 2);
  const auto last = std::to_string(missed + 2);
  CHECK_FALSE(w.c.socket
                  ->message([&](const json& f) {
                    return f.contains("tick") && f["tick"].value("last", "") == last;
                  })
                  .is_null());
  CHECK(w.ticks_of("tick:NSE:INFY", w.place_of_reply(2)) == 0);
}

TEST_CASE("whoever subscribes while he catches up is answered behind that") {
  catching_up w;
  w.c.command(2, R"("op":"sub","keys":["bar:NSE:INFY:1m"])");
  w.c.go_on();
  CHECK(w.c.socket->reply(2)["ok"] == true);
  CHECK(w.place_of_reply(1) < w.place_of_reply(2));
  CHECK(w.ticks_of("tick:NSE:INFY") == missed / 2);
  CHECK(w.c.ask(3, R"("op":"status")")["status"]["subscriptions"] == 3);
}

TEST_CASE("a replay's hub that is asked while a client catches up is waited for, and heard") {
  gateway_world g{"1m"};
  const auto answer = [](int id) {
    const auto b = actors::text_batch(R"({"id":)" + std::to_string(id) + R"(,"ok":true})",
                                      messages::batch::origin::reply);
    b->space = 3;
    return messages::batch_ptr(b);
  };
  std::promise<void> asked;
  const auto hub = g.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    return {[self, answer](const messages::subscribe_request_ptr& r) {
              self->send(r->session, answer(1));
            },
            [&asked](const messages::unsubscribe_request_ptr&) { asked.set_value(); }};
  });
  const auto names = std::make_shared<messages::directory>();
  names->put(std::string(actors::hub_name), hub);
  actors::replay_line::parts parts;
  parts.id = "r1";
  parts.space = 3;
  parts.keys = g.keys;
  parts.names = names;
  parts.bytes_at_most = 1 << 20;
  g.replays->put(std::make_shared<actors::replay_line>(std::move(parts)));

  const auto token =
      g.connect().ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["token"].get<std::string>();
  for (int i = 1; i <= missed; ++i) g.append_tick(408065, i);
  REQUIRE(test::eventually([&] {
    const auto at = g.board->get();
    return at && at->at[0].seq == missed;
  }));
  const auto c = g.connect();
  REQUIRE(c.ask(1, R"("op":"sub","keys":["replay:r1:tick:NSE:INFY"])")["ok"] == true);
  c.socket->stop();
  c.command(2, R"("op":"sub","policy":"all","keys":["tick:NSE:INFY"],"from":")" + token + "\"");
  REQUIRE(test::eventually([&] { return c.socket->refused(); }));
  c.command(3, R"("op":"unsub","keys":["replay:r1:tick:NSE:INFY"])");
  REQUIRE(asked.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  c.go_on();
  CHECK(c.socket->reply(2)["ok"] == true);
  caf::anon_send(c.session, answer(3));
  CHECK(c.socket->reply(3)["ok"] == true);
  CHECK(c.ask(4, R"("op":"ping")")["op"] == "pong");
  caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
}
