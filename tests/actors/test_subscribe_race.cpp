#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/actors/gateway_world.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using test::gateway_world;

namespace {

int minute_of(const json& bar) {
  return static_cast<int>(bar["start"].get<std::int64_t>() / 60'000'000);
}

}  // namespace

TEST_CASE(
    "whoever subscribes with history while bars are made and stored misses none, and has none "
    "twice") {
  const char* const wanted = std::getenv("ARTHAM_SUBSCRIBERS");
  const int subscribers = wanted == nullptr ? 2'000 : std::atoi(wanted);
  gateway_world g("1m", std::chrono::milliseconds(1));
  constexpr int lag = 20;  // the store is so many bars behind
  constexpr int history = 40;
  std::atomic<bool> stop{false};
  std::atomic<int> made{0};
  std::thread load([&] {
    for (int i = 1; !stop; ++i) {
      g.append_final(gateway_world::bar(408065, i));
      g.publish_live(gateway_world::bar(408065, i + 1));
      if (i > lag)
        g.store.add({{{1, static_cast<std::uint64_t>(i)}, 0}, gateway_world::bar(408065, i - lag)});
      made = i;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  REQUIRE(test::eventually([&] { return made > 3 * history; }));
  const std::string sub =
      R"("op":"sub","keys":["bar:NSE:INFY:1m"],"history":)" + std::to_string(history);
  constexpr int at_a_time = 4;
  std::size_t bars = 0;
  for (int done = 0; done < subscribers; done += at_a_time) {
    std::vector<gateway_world::client_of> clients;
    for (int i = 0; i < at_a_time; ++i) {
      clients.push_back(g.connect());
      clients.back().command(1, sub);
    }
    for (const auto& c : clients) {
      const auto reply = c.socket->reply(1);
      REQUIRE_MESSAGE(reply.value("ok", false), reply.dump());
      const auto enough = made + 2;
      REQUIRE_FALSE(c.socket
                        ->message([&](const json& f) {
                          return f.value("ev", "") == "bar" && f["bar"]["final"] == true &&
                                 minute_of(f["bar"]) >= enough;
                        })
                        .is_null());
      std::vector<int> minutes;
      for (const auto& b : reply["subs"][0]["snapshot"]["bars"])
        if (b["final"] == true) minutes.push_back(minute_of(b));
      CHECK(minutes.size() == history);
      for (const auto& text : c.socket->texts()) {
        const auto f = json::parse(text);
        if (f.value("ev", "") == "bar" && f["bar"]["final"] == true)
          minutes.push_back(minute_of(f["bar"]));
      }
      bool dense = true;
      for (std::size_t i = 1; i < minutes.size(); ++i)
        dense = dense && minutes[i] == minutes[i - 1] + 1;
      CHECK(dense);
      bars += minutes.size();
      caf::anon_send(c.session, messages::closed_atom_v);
    }
    g.sessions.clear();
  }
  stop = true;
  load.join();
  MESSAGE(subscribers << " subscribers, " << bars << " bars");
  CHECK(test::eventually([&] { return g.metrics.gauge("artham_subscriptions", "").value() == 0; }));
}
