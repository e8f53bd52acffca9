#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "app/cluster/assignment.hpp"
#include "app/cluster/node_says.hpp"

namespace artham::test {
namespace {

using namespace app::cluster;  // NOLINT(google-build-using-namespace)
using config::role;

constexpr auto settled = 5 * market::second;

seat node(const std::string& name, std::vector<role> roles, market::duration here = settled) {
  return {name, std::move(roles), false, here};
}

/// Everybody decides and does, again and again, until nobody has anything to do; answers the
/// rounds.
int settle(std::vector<work>& all, const std::vector<seat>& seats) {
  for (int rounds = 0; rounds < 100; ++rounds) {
    std::map<std::string, std::string> takes;
    std::vector<std::string> given;
    for (const auto& s : seats) {
      const auto d = decide(s.node, seats, all, settled);
      for (const auto& lease : d.take) {
        CHECK_MESSAGE(!takes.contains(lease), "two take ", lease);
        takes[lease] = s.node;
      }
      given.insert(given.end(), d.hand_over.begin(), d.hand_over.end());
    }
    if (takes.empty() && given.empty()) return rounds;
    for (auto& w : all) {
      if (takes.contains(w.lease)) w.holder = takes[w.lease];
      if (std::ranges::count(given, w.lease) != 0) w.holder.clear();
    }
  }
  return 100;
}

std::map<std::string, int> loads(const std::vector<work>& all, role r) {
  std::map<std::string, int> by_node;
  for (const auto& w : all) {
    if (w.role == r) ++by_node[w.holder];
  }
  return by_node;
}

}  // namespace

TEST_CASE("work goes to those who have the role, as evenly as it can") {
  auto all = all_work(5);
  REQUIRE(all.size() == 1 + 3 * 5);
  const std::vector<seat> seats{node("a", {role::ingest, role::store}),
                                node("b", {role::bars, role::features}),
                                node("c", {role::bars, role::features, role::ingest})};
  CHECK(settle(all, seats) < 10);
  CHECK(loads(all, role::ingest) == std::map<std::string, int>{{"a", 1}});
  CHECK(loads(all, role::store) == std::map<std::string, int>{{"a", 5}});
  auto bars = loads(all, role::bars);
  CHECK(bars["b"] + bars["c"] == 5);
  CHECK(std::abs(bars["b"] - bars["c"]) == 1);
}

TEST_CASE("a node that joins gets its share when it has been there for a while, and keeps it") {
  auto all = all_work(4);
  std::vector<seat> seats{node("b", {role::bars})};
  settle(all, seats);
  REQUIRE(loads(all, role::bars) == std::map<std::string, int>{{"b", 4}});
  seats.push_back(node("c", {role::bars}, settled - 1));
  CHECK(settle(all, seats) == 0);
  seats.back().here = settled;
  settle(all, seats);
  CHECK(loads(all, role::bars) == std::map<std::string, int>{{"b", 2}, {"c", 2}});
}

TEST_CASE("ingest stays where it is; who leaves gives away everything and takes nothing") {
  auto all = all_work(1);
  std::vector<seat> seats{node("a", {role::ingest}), node("b", {role::ingest})};
  settle(all, seats);
  const auto first = all.front().holder;
  REQUIRE(first == "a");
  CHECK(settle(all, seats) == 0);
  seats[0].leaving = true;
  settle(all, seats);
  CHECK(all.front().holder == "b");
  seats[1].leaving = true;
  const auto d = decide("b", seats, all, settled);
  CHECK(d.hand_over.empty());  // to nobody
  CHECK(d.take.empty());
}

TEST_CASE("ingest goes to who journals already, and nothing else does") {
  auto all = all_work(2);
  std::vector<seat> seats{node("a", {role::ingest, role::bars}),
                          node("b", {role::ingest, role::bars})};
  seats[1].alone = true;
  settle(all, seats);
  CHECK(loads(all, role::ingest) == std::map<std::string, int>{{"b", 1}});
  CHECK(loads(all, role::bars) == std::map<std::string, int>{{"a", 1}, {"b", 1}});
}

TEST_CASE("what a node says of itself survives the way; what cannot be read is refused") {
  node_says s;
  s.roles = {role::bars, role::gateway};
  s.shards = 3;
  s.version = "1.2";
  s.leaving = true;
  s.alone = true;
  s.url = "http://127.0.0.1:8080";
  CHECK(parse_node_says(to_json(s)) == s);
  s.in_force.emplace();
  s.in_force->settings[0] = 0xab;
  s.in_force->instruments[31] = 7;
  s.listed_on = {20'000};
  CHECK(parse_node_says(to_json(s)) == s);
  for (const auto* bad : {"", "{}", "[1]", R"({"roles":["brewer"]})"}) {
    const auto parsed = parse_node_says(bad);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::bad_input);
  }
}

}  // namespace artham::test
