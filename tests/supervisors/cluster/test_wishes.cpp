#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "supervisors/cluster/admission.hpp"
#include "supervisors/cluster/endpoint.hpp"
#include "supervisors/cluster/wishes.hpp"

using namespace artham;
using namespace artham::supervisors;
using namespace std::chrono_literals;

namespace {
using tokens = std::vector<std::uint32_t>;
constexpr time_point start{};
}  // namespace

TEST_CASE("wishes of several nodes are united; a newer set replaces an older one of its node") {
  wishes<std::uint32_t> w;
  CHECK(w.all().empty());
  w.put("g1", "x", 1, {5, 3}, start);
  w.put("g2", "y", 7, {3, 9}, start);
  CHECK(w.all() == tokens{3, 5, 9});
  w.put("g1", "x", 2, {1}, start);
  CHECK(w.all() == tokens{1, 3, 9});
  SUBCASE("one that comes late is dropped") {
    w.put("g1", "x", 2, {8}, start);
    w.put("g1", "x", 1, {5, 3}, start);
    CHECK(w.all() == tokens{1, 3, 9});
  }
  SUBCASE("another life counts from its own beginning") {
    w.put("g1", "z", 1, {4}, start);
    CHECK(w.all() == tokens{3, 4, 9});
  }
}

TEST_CASE("wishes outlast their node for a while, and not longer") {
  wishes<std::uint32_t> w;
  w.put("g1", "x", 1, {1}, start);
  w.present("g1", "x");
  w.put("g2", "y", 1, {2}, start);  // never seen as present
  CHECK_FALSE(w.expire(10s, start + 9s));
  CHECK(w.expire(10s, start + 10s));
  CHECK(w.all() == tokens{1});
  w.away("g1", start + 20s);
  w.away("g1", start + 25s);
  CHECK_FALSE(w.expire(10s, start + 29s));
  SUBCASE("it comes back in time") {
    w.present("g1", "x");
    CHECK_FALSE(w.expire(10s, start + 100s));
    CHECK(w.all() == tokens{1});
  }
  SUBCASE("another life of it does not renew them") {
    w.present("g1", "z");
    CHECK(w.expire(10s, start + 30s));
    CHECK(w.all().empty());
  }
}

TEST_CASE("wishes are bounded") {
  wishes<std::uint32_t> w;
  for (std::uint32_t i = 0; i < 2000; ++i) w.put(std::to_string(i), "x", 1, {i}, start);
  CHECK(w.all().size() == wishes<std::uint32_t>::max_nodes);
  w.put("0", "x", 2, {5000}, start);
  CHECK(w.all().back() == 5000);
}

TEST_CASE("watches of one token are united bit by bit") {
  wishes<messages::watched> w;
  w.put("g1", "x", 1, {{7, 1, false}, {7, 4, false}, {3, 0, true}}, start);
  w.put("g2", "y", 1, {{7, 2, true}}, start);
  CHECK(w.all() == std::vector<messages::watched>{{3, 0, true}, {7, 7, true}});
}

TEST_CASE("places to connect to") {
  const auto same = [](const char* text, const char* host, std::uint16_t port) {
    const auto e = parse_endpoint(text);
    REQUIRE(e);
    CHECK(*e == endpoint{host, port});
    CHECK(to_string(*e) == text);
  };
  same("10.0.0.5:7001", "10.0.0.5", 7001);
  same("node-1.example:1", "node-1.example", 1);
  same("[2001:db8::5]:65535", "2001:db8::5", 65535);
  for (const auto* bad : {"", "host", "host:", ":7", "host:0", "host:65536", "host:7x", "host:-1",
                          "2001:db8::5:7", "[]:7", "[host]:7"}) {
    const auto e = parse_endpoint(bad);
    REQUIRE_FALSE(e);
    CHECK(e.error().message == "\"" + std::string(bad) +
                                   "\" is not a place to connect to; write host:port, such as "
                                   "10.0.0.5:7001 or [2001:db8::5]:7001");
  }
}

TEST_CASE("what makes nodes incompatible is told in the order of its weight") {
  messages::member a{"c", "a", "1", "0.3", 1, {}, "10.0.0.1", 1, 4, 1};
  auto b = a;
  b.node = "b";
  b.address = "10.0.0.2";
  CHECK(compatible(a, b));
  b.shards = 5;
  CHECK(compatible(a, b).error().message.find("cluster.shards") != std::string::npos);
  b.protocol = 2;
  CHECK(compatible(a, b).error().message.find("protocol") != std::string::npos);
  b.cluster = "d";
  CHECK(compatible(a, b).error() ==
        error{errc::refused,
              "node a (10.0.0.1:1) belongs to cluster \"c\", node b (10.0.0.2:1) to cluster \"d\"; "
              "give both the same cluster.name, or take it out of cluster.seeds"});
}
