#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/actors/collected.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::collected;
using test::gateway_world;
using test::listener;

namespace {

constexpr const char* keys = R"("keys":["tick:NSE:INFY","bar:NSE:INFY:1m","bar:NSE:RELIANCE:1m"])";

int from_environment(const char* name, int usual) {
  const char* const text = std::getenv(name);
  return text == nullptr ? usual : std::atoi(text);
}

}  // namespace

TEST_CASE("whoever is cut and comes back has what the others have, byte for byte") {
  const int cuts = from_environment("ARTHAM_RESUME_CUTS", 500);
  gateway_world g("1m", std::chrono::milliseconds(1));
  std::mt19937 random(static_cast<std::uint32_t>(from_environment("ARTHAM_RESUME_SEED", 1)));
  std::atomic<bool> stop{false};
  const auto subscribe = std::string(R"("op":"sub","policy":"all","tokens":50,)") + keys;
  const messages::format formats[] = {messages::format::json, messages::format::binary};
  std::vector<gateway_world::client_of> uncut;
  for (const auto f : formats) {
    uncut.push_back(g.connect(f));
    REQUIRE(uncut.back().ask(1, subscribe)["ok"] == true);
  }
  struct traveller {
    gateway_world::client_of now;
    collected has;
  };
  std::vector<traveller> travellers;
  for (int i = 0; i < 4; ++i) {
    travellers.push_back({g.connect(formats[i % 2]), {}});
    REQUIRE(travellers.back().now.ask(1, subscribe)["ok"] == true);
  }
  std::thread load([&] {
    std::mt19937 moves(3);
    for (int i = 1; !stop; ++i) {
      g.append_tick(moves() % 4 == 0 ? 738561 : 408065, i);
      if (moves() % 8 == 0)
        g.append_final(gateway_world::bar(moves() % 2 == 0 ? 408065 : 738561, i,
                                          static_cast<std::uint32_t>(moves() % 3)));
      if (moves() % 500 == 0) g.append_gap(i, i + 1);
      std::this_thread::sleep_for(std::chrono::microseconds(moves() % 300));
    }
  });
  const auto come_back = [&](traveller& t) {
    t.now = g.connect(t.now.format);
    t.now.command(1, subscribe + R"(,"from":")" + t.has.token + "\"");
  };
  for (int i = 0; i < cuts; ++i) {
    auto& t = travellers[random() % travellers.size()];
    if (random() % 4 != 0) REQUIRE(t.now.socket->reply(1).value("ok", false));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));
    caf::anon_send(t.now.session, messages::closed_atom_v);
    g.sessions.erase(std::ranges::find(g.sessions, t.now.session));
    t.has.take(t.now.socket->all(), false);
    come_back(t);
  }
  stop = true;
  load.join();
  for (auto& t : travellers) REQUIRE(t.now.socket->reply(1).value("ok", false));
  // The last of all, for everybody.
  for (const auto token : {408065U, 738561U}) g.append_final(gateway_world::bar(token, 9'999'999));
  g.append_tick(408065, 9'999'999);
  const auto last_is_there = [](const listener& l) {
    int there = 0;
    for (const auto& m : l.all()) {
      const auto at = m.payload.find(m.text ? "\"last\":\"9999999\"" : std::string_view());
      if (m.text && at != std::string::npos) there += 1;
    }
    return there != 0;
  };
  const auto bars_of = [](const listener& l) {
    std::size_t n = 0;
    for (const auto& m : l.all()) {
      std::int64_t start = 0;
      if (!m.text && m.payload.size() >= 48 && m.payload[1] == 2)
        std::memcpy(&start, m.payload.data() + 16 + 16, sizeof start);
      const bool text_has =
          m.text && m.payload.find("\"start\":" + std::to_string(9'999'999LL * 60'000'000)) !=
                        std::string::npos;
      if (text_has || start == 9'999'999 * market::minute) ++n;
    }
    return n;
  };
  const auto complete = [&](const gateway_world::client_of& c) {
    return c.socket->wait([&](const listener& l) {
      return bars_of(l) == 2 && (c.format == messages::format::binary || last_is_there(l));
    });
  };
  collected whole[2];
  for (std::size_t f = 0; f < 2; ++f) {
    REQUIRE(complete(uncut[f]));
    REQUIRE(uncut[f].ask(2, R"("op":"unsub",)" + std::string(keys))["ok"] == true);
    whole[f].take(uncut[f].socket->all(), true);
    CHECK(whole[f].by_key.size() == 4);
  }
  for (auto& t : travellers) {
    REQUIRE(complete(t.now));
    REQUIRE(t.now.ask(2, R"("op":"unsub",)" + std::string(keys))["ok"] == true);
    t.has.take(t.now.socket->all(), true);
    const auto& expected = whole[t.now.format == messages::format::binary ? 1 : 0];
    CHECK(t.has.by_key.size() == expected.by_key.size());
    for (const auto& [key, list] : expected.by_key) {
      const auto& got = t.has.by_key[key];
      CHECK(got.size() == list.size());
      CHECK((got == list));
    }
  }
  MESSAGE(cuts << " cuts, " << whole[0].by_key["tick:NSE:INFY"].size() << " ticks and "
               << whole[0].by_key["bar:NSE:INFY:1m"].size() << " bars of a key");
}

TEST_CASE("a token of another journal, rubbish, and a key that is there already are refused") {
  gateway_world g("1m");
  const auto c = g.connect();
  const auto first = c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])");
  REQUIRE(first["ok"] == true);
  const actors::token_codec other(8, g.tokens->streams());
  const auto sub = [&](int id, const std::string& key, const std::string& token) {
    return c.ask(id, R"("op":"sub","keys":[")" + key + R"("],"from":")" + token + "\"");
  };
  const auto elsewhere = sub(2, "tick:NSE:RELIANCE", other.encode(*g.board->get()));
  CHECK(elsewhere["error"]["code"] == 4400);
  CHECK(elsewhere["error"]["message"].get<std::string>().find("another journal") !=
        std::string::npos);
  CHECK(sub(3, "tick:NSE:RELIANCE", "rubbish")["error"]["code"] == 4400);
  CHECK(sub(4, "tick:NSE:INFY", first["token"])["error"]["code"] == 4400);
  CHECK(sub(5, "tick:NSE:RELIANCE", first["token"])["ok"] == true);
  CHECK(c.ask(6, R"("op":"status")")["status"]["subscriptions"] == 2);
}

TEST_CASE("what is not there any more is told, never left out in silence") {
  gateway_world g("1m");
  const auto c = g.connect();
  for (int i = 1; i <= 5; ++i) {
    g.append_tick(408065, i);
    g.append_final(gateway_world::bar(408065, i));
  }
  const auto token = c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["token"].get<std::string>();
  const auto at = *g.tokens->decode(token);

  SUBCASE("a token beyond what survived: a gap, and on behind it") {
    auto beyond = at;
    for (auto& p : beyond.at) p.seq += 100;
    const auto back = g.connect();
    const auto reply =
        back.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"],"from":")" +
                        g.tokens->encode(beyond) + "\"");
    REQUIRE(reply["ok"] == true);
    CHECK(back.socket->event("gap", "tick:NSE:INFY")["cause"] == "lost");
    CHECK(back.socket->event("gap", "bar:NSE:INFY:1m")["cause"] == "lost");
    g.append_tick(408065, 6);
    CHECK(back.socket->event("tick", "tick:NSE:INFY")["tick"]["last"] == "6");
  }
  SUBCASE("what was removed: a gap, and the state says so") {
    for (int i = 6; i <= 9; ++i) g.append_tick(408065, i);
    REQUIRE_FALSE(
        c.socket
            ->message([](const json& f) { return f.contains("tick") && f["tick"]["last"] == "9"; })
            .is_null());
    g.journal->drop_before(record::ticks_stream(), {1, 9});
    const auto back = g.connect();
    const auto reply =
        back.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"],"from":")" + token + "\"");
    REQUIRE(reply["ok"] == true);
    CHECK(reply["subs"][0]["state"] == "token_expired");
    CHECK(reply["subs"][0]["snapshot"]["tick"]["last"] == "9");
    CHECK(back.socket->event("gap", "tick:NSE:INFY")["cause"] == "expired");
  }
}

TEST_CASE("a client that wants the newest values only is not sent the ticks that it missed") {
  gateway_world g("1m");
  const auto c = g.connect();
  const auto token = c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["token"].get<std::string>();
  for (int i = 1; i <= 5; ++i) {
    g.append_tick(408065, i);
    g.append_final(gateway_world::bar(408065, i));
  }
  const auto missed = [&](const std::string& policy) {
    const auto back = g.connect();
    const auto reply =
        back.ask(1, R"("op":"sub","keys":["tick:NSE:INFY","bar:NSE:INFY:1m"],"from":")" + token +
                        "\"" + policy);
    CHECK(reply["ok"] == true);
    CHECK(reply["subs"][0]["snapshot"]["tick"]["last"] == "5");
    std::pair<int, int> n{0, 0};
    for (const auto& text : back.socket->texts()) {
      const auto f = json::parse(text);
      if (f.value("ev", "") == "tick") ++n.first;
      if (f.value("ev", "") == "bar") ++n.second;
    }
    return n;
  };
  CHECK(missed("") == std::pair{5, 5});
  CHECK(missed(R"(,"policy":"all")") == std::pair{5, 5});
  CHECK(missed(R"(,"policy":"latest")") == std::pair{0, 5});
  CHECK(missed(R"(,"policy":{"every_ms":100})") == std::pair{0, 5});
}

TEST_CASE("a client that reads slowly catches up as it reads, while others are pushed") {
  gateway_world g("1m");
  const auto c = g.connect();
  const auto token = c.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["token"].get<std::string>();
  constexpr int count = 20'000;
  for (int i = 1; i <= count; ++i) g.append_tick(408065, i);
  const auto back = g.connect();
  back.socket->stop();
  back.command(1, R"("op":"sub","policy":"all","keys":["tick:NSE:INFY"],"from":")" + token + "\"");
  for (int i = count + 1; i <= count + 100; ++i) g.append_tick(408065, i);
  REQUIRE_FALSE(c.socket
                    ->message([](const json& f) {
                      return f.contains("tick") && f["tick"]["last"] == std::to_string(count + 100);
                    })
                    .is_null());
  REQUIRE(test::eventually([&] {
    back.go_on();
    const auto n = back.socket->all().size();
    back.socket->stop();
    return n >= count + 101;
  }));
  back.go_on();
  int next = 1;
  for (const auto& text : back.socket->texts()) {
    const auto f = json::parse(text);
    if (f.value("ev", "") != "tick") continue;
    CHECK(f["tick"]["last"] == std::to_string(next));
    ++next;
  }
  CHECK(next == count + 101);
}
