#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "app/system_members.hpp"

using artham::app::system_members;
using nlohmann::json;

namespace {

json members_of(const json& status) {
  return json::parse("{" + system_members(status.dump()) + "}");
}

}  // namespace

TEST_CASE("one node tells of itself") {
  const auto told =
      members_of({{"metrics",
                   {{"artham_supervisor_restarts_total.reader.bars", 2},
                    {"artham_supervisor_restarts_total.hub.gateway", 1},
                    {"artham_store_lag.bar_store.md:bars:final.1m", 7},
                    {"artham_store_lag.tick_store.md:ticks", 90},
                    {"artham_reader_lag.hub", 4},
                    {"artham_sessions", 11}}},
                  {"store", {{"waiting", {{{"why", "away"}}}}, {"refused", json::array()}}}});
  CHECK(told["nodes"] == json::array({{{"node", "this"}, {"state", "up"}}}));
  CHECK(told["restarts"] == 3);
  CHECK(told["store"] == json{{"lag", 90}, {"waiting", 1}, {"refused", 0}});
  CHECK(told["streams"] == json{{"lag", 4}});
  CHECK_FALSE(told.contains("shards"));
}

TEST_CASE("a cluster's gateway tells of all nodes") {
  const auto node = [](const std::string& name, bool leaving, int silent) {
    return json{{"node", name}, {"roles", {"bars"}}, {"leaving", leaving}, {"silent_ms", silent}};
  };
  const auto told = members_of(
      {{"metrics",
        {{"artham_supervisor_restarts_total.hub.gateway", 1}, {"artham_reader_lag.hub", 4}}},
       {"redis", {{"up", true}}},
       {"cluster",
        {{"node", "g"},
         {"nodes", {node("g", false, 10), node("c", false, 9'000), node("s", true, 10)}},
         {"leases", {{"bars:0", "c"}}},
         {"status",
          {{"g", {{"restarts", 1}}},
           {"c", {{"restarts", 5}, {"lag", {{"artham_reader_lag.bars", 70}}}}},
           {"s",
            {{"lag", {{"artham_store_lag.bar_store", 12}}},
             {"store", {{"waiting", json::array()}, {"refused", {{{"rows", 1}}}}}}}},
           {"gone", {{"error", "silent"}}}}}}}});
  CHECK(told["nodes"][0]["state"] == "up");
  CHECK(told["nodes"][1]["state"] == "silent");
  CHECK(told["nodes"][2]["state"] == "leaving");
  CHECK(told["nodes"][1]["roles"] == json{"bars"});
  CHECK(told["shards"] == json{{"bars:0", "c"}});
  CHECK(told["redis"]["up"] == true);
  CHECK(told["restarts"] == 6);
  CHECK(told["store"] == json{{"lag", 12}, {"waiting", 0}, {"refused", 1}});
  CHECK(told["streams"]["lag"] == 70);
}

TEST_CASE("a status that cannot be read tells nothing") {
  CHECK(system_members("").empty());
  CHECK(system_members("[1]").empty());
}
