#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "actors/session/packet_frames.hpp"
#include "actors/session/ticker_port.hpp"
#include "actors/session/ticker_pulse.hpp"
#include "actors/session/ticker_session.hpp"
#include "feed/kite/codec.hpp"
#include "tests/actors/gateway_world.hpp"
#include "tests/actors/kite_packets.hpp"
#include "tests/feed/codec_samples.hpp"
#include "tests/support/deterministic.hpp"
#include "tests/support/eventually.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;

namespace {

constexpr std::uint32_t infy = 408065;
constexpr std::uint32_t reliance = 738561;

std::string packet_of(const market::tick& t) {
  std::string out;
  REQUIRE(feed::kite::encode_packet(out, t));
  return out;
}

/// The nth full packet of an instrument: each has another price, volume and time.
std::string full_packet(std::uint32_t token, int n) {
  auto t = test::sample_full();
  t.token = token;
  t.last = test::rupees(1'000 + n);
  t.volume = 1'000 * n;
  t.exchange_time += n * market::second;
  return packet_of(t);
}

/// One client of the ticker in the world of a gateway.
struct ticker_client {
  gateway_world& world;
  std::shared_ptr<test::listener> socket = std::make_shared<test::listener>();
  actors::ticker_session_actor session;
  std::size_t commands = 0;

  explicit ticker_client(gateway_world& w, std::size_t held_bytes = 1 << 20,
                         std::size_t max_tokens = 10, actors::replay_line_ptr replay = nullptr)
      : world(w) {
    actors::ticker_session_config c;
    c.client = socket;
    c.source = {w.names, w.index, std::move(replay)};
    c.max_tokens = max_tokens;
    c.held_bytes = held_bytes;
    c.metrics = &w.metrics;
    session = w.system.spawn(actors::ticker_session, c);
    w.sessions.push_back(session);
  }
  /// Returns when it was handled.
  void say(const std::string& text) {
    send(text);
    CHECK(socket->wait([this](const auto& l) { return l.next_commands() == commands; }));
  }
  void send(const std::string& text) {
    ++commands;
    caf::anon_send(session, messages::command_atom_v, text);
  }
  void go_on() {
    if (socket->go_on()) caf::anon_send(session, messages::drained_atom_v);
  }
  [[nodiscard]] std::vector<std::string> packets() const {
    std::vector<std::string> all;
    for (const auto& m : socket->all()) {
      if (m.text || m.payload.size() == 1) continue;
      for (auto& p : test::packets_in(m.payload)) all.push_back(std::move(p));
    }
    return all;
  }
  bool gets(const std::vector<std::string>& wanted) const {
    const bool there = socket->wait([&](const auto&) { return packets().size() >= wanted.size(); });
    CHECK(packets() == wanted);
    return there;
  }
  [[nodiscard]] std::size_t beats() const {
    std::size_t n = 0;
    for (const auto& m : socket->all()) n += !m.text && m.payload == std::string(1, '\0') ? 1U : 0U;
    return n;
  }
  [[nodiscard]] std::vector<std::string> complaints() const {
    std::vector<std::string> all;
    for (const auto& text : socket->texts()) {
      const auto j = json::parse(text);
      CHECK(j["type"] == "error");
      CHECK(j.size() == 2);
      all.push_back(j["data"]);
    }
    return all;
  }
};

void append(gateway_world& g, const std::vector<std::string>& packets) {
  std::vector<std::uint32_t> tokens;
  for (const auto& p : packets) tokens.push_back(feed::kite::load_u32(p.data()));
  g.append_frame(test::frame_of(packets), static_cast<std::uint16_t>(packets.size()), tokens);
}

std::int64_t value(const gateway_world& g, std::string_view metric) {
  for (const auto& s : g.metrics.samples())
    if (s.name == metric) return s.value;
  return -1;
}

/// What is appended from now on the hub reads.
void wait_for_hub(gateway_world& g) {
  CHECK(g.connect().ask(1, R"("op":"sub","keys":["tick:NSE:RELIANCE"])")["ok"] == true);
}

std::string tokens_text(const std::string& action, const std::string& tokens) {
  return R"({"a":")" + action + R"(","v":[)" + tokens + "]}";
}
std::string mode_text(const std::string& mode, const std::string& tokens) {
  return R"({"a":"mode","v":[")" + mode + R"(",[)" + tokens + "]]}";
}

}  // namespace

TEST_CASE("a Kite client gets the newest packet at once, then each as it came") {
  gateway_world g("1m");
  wait_for_hub(g);
  append(g, {full_packet(infy, 1), full_packet(reliance, 1), full_packet(infy, 2)});
  ticker_client c(g);
  c.say(tokens_text("subscribe", "408065"));
  std::vector<std::string> wanted{full_packet(infy, 2).substr(0, 44)};
  CHECK(c.gets(wanted));
  c.say(mode_text("full", "408065"));
  wanted.push_back(full_packet(infy, 2));
  CHECK(c.gets(wanted));
  // The same again, twice in one frame, and another instrument between.
  append(g, {full_packet(infy, 3), full_packet(reliance, 2), full_packet(infy, 3)});
  append(g, {full_packet(infy, 4)});
  for (const int n : {3, 3, 4}) wanted.push_back(full_packet(infy, n));
  CHECK(c.gets(wanted));
  // What came in a lower mode is sent as it came; so is what has no packet.
  auto quote = test::sample_quote();
  append(g, {packet_of(quote)});
  g.append_tick(infy, 7);
  wanted.push_back(packet_of(quote));
  std::string price;
  REQUIRE(actors::append_price_packet(price, infy, {7 * market::price_scale}));
  wanted.push_back(price.substr(2));
  CHECK(c.gets(wanted));
  CHECK(c.complaints().empty());
  // Twice the same changes nothing.
  c.say(mode_text("full", "408065"));
  c.say(tokens_text("subscribe", "408065,408065"));
  c.say(tokens_text("subscribe", ""));
  CHECK(c.packets() == wanted);
}

TEST_CASE("lower modes hear of what changes in them, and each client has its own") {
  gateway_world g("1m");
  ticker_client ltp(g);
  ticker_client quote(g);
  ticker_client full(g);
  ltp.say(mode_text("ltp", "408065"));
  quote.say(tokens_text("subscribe", "408065"));
  full.say(mode_text("full", "408065"));
  auto t = test::sample_full();
  const auto first = packet_of(t);
  append(g, {first});
  t.bids[0].quantity = 1;
  const auto depth = packet_of(t);
  append(g, {depth});
  t.volume -= 5;
  const auto volume = packet_of(t);
  append(g, {volume});
  t.last = test::rupees(1'300);
  const auto price = packet_of(t);
  append(g, {price});
  CHECK(full.gets({first, depth, volume, price}));
  CHECK(quote.gets({first.substr(0, 44), volume.substr(0, 44), price.substr(0, 44)}));
  CHECK(ltp.gets({first.substr(0, 8), price.substr(0, 8)}));
  // Down and up again: the newest at once, in the mode asked for.
  full.say(mode_text("ltp", "408065"));
  full.say(mode_text("quote", "408065"));
  CHECK(full.gets({first, depth, volume, price, price.substr(0, 8), price.substr(0, 44)}));
}

TEST_CASE("who wants the same gets the same bytes; nobody who does not") {
  gateway_world g("1m", std::chrono::milliseconds(1));
  ticker_client a(g);
  ticker_client b(g);
  ticker_client other(g);
  a.say(mode_text("full", "408065,738561"));
  b.say(mode_text("full", "738561"));
  b.say(mode_text("full", "408065"));
  other.say(mode_text("full", "408065"));
  const auto json_client = g.connect();
  CHECK(json_client.ask(1, R"("op":"sub","keys":["tick:NSE:INFY"])")["ok"] == true);
  append(g, {full_packet(infy, 1), full_packet(reliance, 1)});
  CHECK(a.gets({full_packet(infy, 1), full_packet(reliance, 1)}));
  CHECK(b.gets({full_packet(infy, 1), full_packet(reliance, 1)}));
  CHECK(other.gets({full_packet(infy, 1)}));
  CHECK(a.socket->newest() == b.socket->newest());
  CHECK(json_client.socket->event("tick", "tick:NSE:INFY")["tick"]["last"] == "1001");
  // Gaps and states are not told in Kite's protocol.
  g.append_gap(1, 2);
  append(g, {full_packet(infy, 2)});
  CHECK(other.gets({full_packet(infy, 1), full_packet(infy, 2)}));
  CHECK(json_client.socket->message([](const json& j) { return j.value("ev", "") == "gap"; })
            .is_object());
  CHECK(a.socket->texts().empty());
  CHECK(other.socket->texts().empty());
}

TEST_CASE("what is unsubscribed is not sent, and what is wanted is demanded of the feed") {
  gateway_world g("1m");
  const auto demanded = [&](const std::vector<std::uint32_t>& wanted) {
    return test::eventually([&] {
      const std::lock_guard lock(g.mutex);
      return g.demanded == wanted;
    });
  };
  ticker_client c(g);
  c.say(mode_text("full", "738561,408065"));
  CHECK(demanded({infy, reliance}));
  append(g, {full_packet(infy, 1), full_packet(reliance, 1)});
  CHECK(c.gets({full_packet(infy, 1), full_packet(reliance, 1)}));
  c.say(tokens_text("unsubscribe", "408065,1,408065"));
  CHECK(demanded({reliance}));
  append(g, {full_packet(infy, 2), full_packet(reliance, 2)});
  CHECK(c.gets({full_packet(infy, 1), full_packet(reliance, 1), full_packet(reliance, 2)}));
  // Back in quote mode, as new.
  c.say(tokens_text("subscribe", "408065"));
  CHECK(c.gets({full_packet(infy, 1), full_packet(reliance, 1), full_packet(reliance, 2),
                full_packet(infy, 2).substr(0, 44)}));
  CHECK(demanded({infy, reliance}));
  caf::anon_send(c.session, messages::closed_atom_v);
  CHECK(demanded({}));
}

TEST_CASE("of an instrument that has not ticked since the start the packet from before is sent") {
  gateway_world g("1m");
  {
    const std::lock_guard lock(g.mutex);
    g.packets_before[infy] = full_packet(infy, 1);
  }
  ticker_client c(g);
  c.say(mode_text("quote", "738561,408065"));
  CHECK(c.gets({full_packet(infy, 1).substr(0, 44)}));
  append(g, {full_packet(infy, 2)});
  CHECK(c.gets({full_packet(infy, 1).substr(0, 44), full_packet(infy, 2).substr(0, 44)}));
  ticker_client later(g);
  later.say(mode_text("full", "408065"));
  CHECK(later.gets({full_packet(infy, 2)}));
}

TEST_CASE("what cannot be done is said by name, and the rest is done") {
  gateway_world g("1m");
  wait_for_hub(g);
  append(g, {full_packet(infy, 1)});
  ticker_client c(g, 1 << 20, 2);
  c.say(tokens_text("subscribe", "5,408065,7"));
  REQUIRE(c.complaints().size() == 1);
  CHECK(c.complaints()[0].starts_with("unknown instrument token 5, 7:"));
  CHECK(c.gets({full_packet(infy, 1).substr(0, 44)}));
  std::string many = "1";
  for (int i = 2; i <= 60; ++i) many += "," + std::to_string(i);
  c.say(mode_text("full", many));
  CHECK(c.complaints()[1].find(", 50 and 10 more:") != std::string::npos);
  CHECK(c.complaints()[1].find("51") == std::string::npos);
  for (const auto* hostile : {"", "[", "{}", R"({"a":"subscribe","v":"408065"})",
                              R"({"a":"mode","v":["deep",[408065]]})"}) {
    c.say(hostile);
  }
  REQUIRE(c.complaints().size() == 7);
  CHECK(c.complaints()[6].find("\"deep\"") != std::string::npos);
  CHECK(value(g, "artham_ticker_complaints_total") == 7);
  append(g, {full_packet(infy, 2)});
  CHECK(c.gets({full_packet(infy, 1).substr(0, 44), full_packet(infy, 2).substr(0, 44)}));
  // One more is one too many; those that there are stay.
  ticker_client full(g, 1 << 20, 1);
  full.say(mode_text("full", "408065,738561"));
  REQUIRE(full.complaints().size() == 1);
  CHECK(full.complaints()[0] ==
        "1 instruments are beyond the limit of 1 per connection (web.kite_tokens)");
  full.say(mode_text("ltp", "408065"));
  CHECK(full.complaints().size() == 1);
  CHECK(full.gets({full_packet(infy, 2), full_packet(infy, 2).substr(0, 8)}));
}

TEST_CASE("without a hub a client is told so") {
  gateway_world g("1m");
  ticker_client c(g);
  g.names->remove(actors::hub_name, g.hub.address());
  c.say(tokens_text("subscribe", "408065"));
  REQUIRE(c.complaints().size() == 1);
  CHECK(c.complaints()[0].find("subscribe again") != std::string::npos);
  g.names->put(actors::hub_name, caf::actor_cast<caf::actor>(g.hub));
  c.say(tokens_text("subscribe", "408065"));
  append(g, {full_packet(infy, 1)});
  CHECK(c.gets({full_packet(infy, 1).substr(0, 44)}));
}

TEST_CASE("a client that does not read has the newest packets later, and slows nobody") {
  gateway_world g("1m");
  ticker_client slow(g);
  ticker_client quick(g);
  for (auto* const c : {&slow, &quick}) c->say(mode_text("full", "408065,738561"));
  slow.socket->stop();
  std::vector<std::string> all;
  for (int n = 1; n <= 100; ++n) {
    all.push_back(full_packet(infy, n));
    all.push_back(full_packet(reliance, n));
    append(g, {all[all.size() - 2], all.back()});
  }
  CHECK(quick.gets(all));
  CHECK(test::eventually([&] { return value(g, "artham_ticker_conflated_total") == 198; }));
  CHECK(value(g, "artham_ticker_held_bytes") == 2 * (186 + 64));
  // A complaint waits in front, the next command behind it; what is given back waits no longer.
  slow.say(tokens_text("unsubscribe", "738561"));
  slow.send("nonsense");
  CHECK(test::eventually([&] { return value(g, "artham_ticker_complaints_total") == 1; }));
  CHECK(slow.socket->next_commands() == slow.commands - 1);
  slow.go_on();
  CHECK(slow.gets({full_packet(infy, 100)}));
  CHECK(slow.socket->wait([&](const auto& l) { return l.next_commands() == slow.commands; }));
  REQUIRE(slow.socket->all().size() == 2);
  CHECK(slow.socket->all()[0].text);
  CHECK(value(g, "artham_ticker_held_bytes") == 0);
  // From then on it gets all again.
  append(g, {full_packet(infy, 101)});
  append(g, {full_packet(infy, 102)});
  CHECK(slow.gets({full_packet(infy, 100), full_packet(infy, 101), full_packet(infy, 102)}));
}

TEST_CASE("a client for whom more waits than may is told why and closed") {
  gateway_world g("1m");
  ticker_client c(g, 300);
  c.say(mode_text("full", "408065,738561"));
  c.socket->stop();
  append(g, {full_packet(infy, 1)});
  append(g, {full_packet(reliance, 1)});
  append(g, {full_packet(reliance, 2)});
  CHECK(c.socket->wait([](const auto& l) { return l.closed_with() == 4008; }));
  CHECK(c.complaints().at(0).starts_with("too slow"));
  CHECK(c.packets().empty());
  CHECK(value(g, "artham_ticker_cut_off_total") == 1);
  CHECK(test::eventually([&] { return value(g, "artham_ticker_sessions") == 0; }));
  CHECK(value(g, "artham_ticker_held_bytes") == 0);
}

TEST_CASE("who was sent no packets since the last pulse is sent one byte") {
  gateway_world g("1m");
  ticker_client c(g);
  const auto pulse = [&] { caf::anon_send(c.session, messages::tick_atom_v); };
  const auto beats = [&](std::size_t wanted) {
    return c.socket->wait([&](const auto&) { return c.beats() == wanted; });
  };
  pulse();
  CHECK(beats(1));
  c.say(mode_text("full", "408065"));
  append(g, {full_packet(infy, 1)});
  CHECK(c.gets({full_packet(infy, 1)}));
  pulse();  // none: a packet came
  pulse();
  c.say("{}");  // what is said in words is not enough; both pulses came before
  CHECK(c.beats() == 2);
  pulse();
  CHECK(beats(3));
  c.socket->stop();
  append(g, {full_packet(infy, 2)});
  CHECK(test::eventually([&] { return value(g, "artham_ticker_held_bytes") != 0; }));
  pulse();
  c.go_on();
  CHECK(c.gets({full_packet(infy, 1), full_packet(infy, 2)}));
  pulse();
  pulse();
  CHECK(beats(4));
  CHECK(test::eventually([&] { return value(g, "artham_ticker_heartbeats_total") == 4; }));
}

TEST_CASE("the pulse of all sessions is one clock, which forgets those that have ended") {
  test::deterministic world;
  std::map<int, int> beats;
  const auto session = [&](int n) {
    return world.system.spawn([&beats, n](caf::event_based_actor*) -> caf::behavior {
      return {[&beats, n](messages::tick_atom) { ++beats[n]; }};
    });
  };
  const auto pulse = world.system.spawn(actors::ticker_pulse, std::chrono::milliseconds(1000));
  auto first = session(1);
  auto second = session(2);
  caf::anon_send(pulse, messages::open_atom_v, first);
  world.advance(std::chrono::milliseconds(999));
  CHECK(beats.empty());
  world.advance(std::chrono::milliseconds(201));
  CHECK(beats[1] == 1);
  caf::anon_send(pulse, messages::open_atom_v, second);
  world.advance(std::chrono::milliseconds(1000));
  CHECK(beats[1] == 2);
  CHECK(beats[2] == 1);
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  world.advance(std::chrono::milliseconds(2000));
  CHECK(beats[1] == 2);
  CHECK(beats[2] == 3);
  caf::anon_send_exit(second, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(pulse, caf::exit_reason::user_shutdown);
}

TEST_CASE("a path without ticks is refused before its handshake") {
  gateway_world g("1m");
  struct some final : actors::tick_sources {
    const gateway_world& g;
    explicit some(const gateway_world& w) : g(w) {}
    [[nodiscard]] result<actors::tick_source> find(std::string_view path) const override {
      if (path == "/kite/ws") return actors::tick_source{g.names, g.index};
      if (path == "/kite/replay/2") return fail(errc::unavailable, "the replay is being made");
      return fail(errc::not_found, "there is no replay at " + std::string(path));
    }
  };
  actors::ticker_session_config c;
  c.metrics = &g.metrics;
  actors::ticker_port port(g.system, std::make_shared<const some>(g), c, std::chrono::seconds(1));
  const auto at = [](const std::string& path) {
    messages::opening how;
    how.path = path;
    return how;
  };
  // Without a supervisor of sessions, then with something in its place.
  CHECK(port.rejects(at("/kite/ws"))->status == 503);
  g.names->put(actors::sessions_name, caf::actor_cast<caf::actor>(g.hub));
  CHECK_FALSE(port.rejects(at("/kite/ws")));
  const auto none = port.rejects(at("/kite/replay/1"));
  REQUIRE(none);
  CHECK(none->status == 404);
  CHECK(json::parse(none->json)["message"] == "there is no replay at /kite/replay/1");
  CHECK(port.rejects(at("/kite/replay/2"))->status == 503);
  CHECK(port.subprotocols().empty());
  // Gone between the two, or nobody there to look after the session.
  std::string why;
  port.open(nullptr, at("/kite/replay/1"), [&](const auto& s) { why = s.error().message; });
  CHECK(why == "there is no replay at /kite/replay/1");
  std::atomic<bool> answered{false};
  port.open(std::make_shared<test::listener>(), at("/kite/ws"), [&](const auto& s) {
    CHECK_FALSE(s);
    answered = true;
  });
  CHECK(test::eventually([&] { return answered.load(); }));
  g.names->remove(actors::sessions_name, g.hub.address());
}

TEST_CASE("of a replay every packet waits for a Kite client, and so does the replay") {
  gateway_world g("1m");
  wait_for_hub(g);
  actors::replay_line::parts parts;
  parts.id = "r1";
  parts.bytes_at_most = 1 << 20;
  const auto line = std::make_shared<actors::replay_line>(std::move(parts));
  ticker_client c(g, 1 << 20, 10, line);
  c.say(mode_text("full", "408065"));
  std::vector<std::string> wanted;
  c.socket->stop();
  for (int n = 1; n <= 3; ++n) {
    append(g, {full_packet(infy, n), full_packet(infy, n + 10)});
    wanted.push_back(full_packet(infy, n));
    wanted.push_back(full_packet(infy, n + 10));
    wait_for_hub(g);
  }
  constexpr std::chrono::seconds patience{30};
  REQUIRE(
      test::eventually([&] { return c.socket->refused() && !line->brake().is_free(); }, patience));
  c.go_on();
  CHECK(c.gets(wanted));
  CHECK(test::eventually([&] { return line->brake().is_free(); }, patience));
  CHECK(value(g, "artham_ticker_conflated_total") == 0);
}
