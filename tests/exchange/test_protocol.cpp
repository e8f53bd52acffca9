#include <doctest/doctest.h>

#include "exchange/misbehaviour.hpp"
#include "exchange/packet_book.hpp"
#include "exchange/rest.hpp"
#include "exchange/subscription.hpp"

using namespace artham;
using namespace artham::exchange;

TEST_CASE("Kite's three messages are read, everything else is not") {
  const auto sub = parse_request(R"({"a":"subscribe","v":[408065,884737]})");
  REQUIRE(sub);
  CHECK(sub->what == request::action::subscribe);
  CHECK(sub->tokens == std::vector<std::uint32_t>{408065, 884737});
  CHECK(parse_request(R"({"a":"unsubscribe","v":[1]})")->what == request::action::unsubscribe);
  const auto full = parse_request(R"({"a":"mode","v":["full",[408065]]})");
  REQUIRE(full);
  CHECK(full->mode == mode::full);

  for (const auto* bad :
       {"", "no json", "[]", "7", "null", R"({"a":"subscribe"})",
        R"({"a":"subscribe","v":["408065"]})", R"({"a":"subscribe","v":408065})",
        R"({"a":"subscribe","v":[-1]})", R"({"a":"subscribe","v":[1.5]})",
        R"({"a":"subscribe","v":[4294967296]})", R"({"a":"mode","v":["all",[1]]})",
        R"({"a":"mode","v":["full"]})", R"({"a":"mode","v":[1,"full"]})", R"({"a":1,"v":[]})",
        R"({"a":"dance","v":[1]})", "{\"a\":\"subscribe\",\"v\":[\xff]}"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_request(bad));
  }
}

TEST_CASE("a subscription starts in quote mode, a mode subscribes, both tell what is new") {
  subscriptions s;
  using action = request::action;
  CHECK(s.apply({action::subscribe, {}, {1, 2}}) == std::vector<std::uint32_t>{1, 2});
  CHECK(s.mode_of(1) == mode::quote);
  CHECK(s.apply({action::subscribe, {}, {1}}).empty());
  CHECK(s.apply({action::set_mode, mode::full, {2, 3}}) == std::vector<std::uint32_t>{2, 3});
  CHECK(s.apply({action::set_mode, mode::full, {3}}).empty());
  CHECK(s.apply({action::subscribe, {}, {3}}).empty());
  CHECK(s.mode_of(3) == mode::full);
  s.apply({action::unsubscribe, {}, {1, 2, 3, 4}});
  CHECK(s.empty());
}

TEST_CASE("packets are cut to what the mode shows") {
  const std::string full(184, 'x');
  const std::string index(32, 'x');
  CHECK(in_mode(full, mode::full).size() == 184);
  CHECK(in_mode(full, mode::quote).size() == 44);
  CHECK(in_mode(full, mode::ltp).size() == 8);
  CHECK(in_mode(index, mode::full).size() == 32);
  CHECK(in_mode(index, mode::quote).size() == 28);
  CHECK(in_mode(index, mode::ltp).size() == 8);
  CHECK(in_mode(std::string(44, 'x'), mode::full).size() == 44);
  CHECK(in_mode(std::string(8, 'x'), mode::quote).size() == 8);
  CHECK(in_mode(std::string(50, 'x'), mode::full).size() == 50);
  CHECK(in_mode(std::string(50, 'x'), mode::quote).empty());
}

TEST_CASE("the packet book tells in which modes a packet is news") {
  packet_book book;
  std::string packet(184, '\0');
  CHECK(book.put(5, packet).ltp);
  CHECK_FALSE(book.put(5, packet).quote);
  packet[100] = 1;  // depth
  CHECK_FALSE(book.put(5, packet).quote);
  packet[19] = 1;  // volume
  const auto volume = book.put(5, packet);
  CHECK(volume.quote);
  CHECK_FALSE(volume.ltp);
  packet[7] = 1;  // last price
  CHECK(book.put(5, packet).ltp);
  CHECK(book.get(5) == packet);
  CHECK_FALSE(book.put(5, "odd length").ltp);
  CHECK(book.get(5) == packet);
  CHECK(book.get(6).empty());
}

TEST_CASE("misbehaviours are read from JSON and refused with what is possible") {
  CHECK(parse_misbehaviour(R"({"do":"drop"})")->what == mischief::drop);
  CHECK(parse_misbehaviour(R"({"do":"silent","seconds":0.5})")->seconds == 0.5);
  CHECK(parse_misbehaviour(R"({"do":"mute"})")->what == mischief::mute);
  CHECK_FALSE(parse_misbehaviour(R"({"do":"mute"})")->client);
  CHECK(parse_misbehaviour(R"({"do":"mute","client":2})")->client == 2U);
  CHECK(parse_misbehaviour(R"({"do":"send","what":"huge"})")->what == mischief::huge);
  CHECK(parse_misbehaviour(R"({"do":"reject","status":429})")->status == 429);
  for (const auto* bad : {"", "[]", R"({"do":"dance"})", R"({"do":"silent"})", R"({"do":7})",
                          R"({"do":"silent","seconds":-1})", R"({"do":"send","what":"love"})",
                          R"({"do":"reject","status":500})", R"({"do":"mute","client":-1})"}) {
    CAPTURE(bad);
    const auto refused = parse_misbehaviour(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::bad_input);
  }
}

TEST_CASE("credentials guard the ticker, the dump and the login, if there are any") {
  // sha256("keyrequestsecret"), by coreutils' sha256sum.
  const std::string checksum = "e4465f58be6159d2a7f087f4292515e9d631b4f91e056b53e6f14456222ff709";
  const rest open({}, {});
  CHECK(open.admits("/"));
  CHECK(open.answer({"GET", "/instruments", "", "", false}).status == 200);
  CHECK(open.answer({"POST", "/session/token", "api_key=a&request_token=b&checksum=c", "", false})
            .status == 200);

  const rest guarded({}, {{"key", "secret", "request", "access"}});
  CHECK(guarded.admits("/?api_key=key&access_token=access"));
  CHECK(guarded.admits("/?access_token=access&api_key=key&uid=17"));
  CHECK_FALSE(guarded.admits("/?api_key=key&access_token=stale"));
  CHECK(guarded.admits("/?api_key=%6bey&access_token=access&&odd&=%"));
  CHECK_FALSE(guarded.admits("/"));
  CHECK(guarded.answer({"GET", "/instruments", "", "token key:access", false}).status == 200);
  const auto refused = guarded.answer({"GET", "/instruments", "", "token key:stale", false});
  CHECK(refused.status == 403);
  CHECK(refused.body.find("TokenException") != std::string::npos);

  const auto login = [&](const std::string& sum) {
    return guarded.answer(
        {"POST", "/session/token", "api_key=key&request_token=request&checksum=" + sum, "", false});
  };
  CHECK(login(checksum).status == 200);
  CHECK(login(checksum).body.find(R"("access_token":"access")") != std::string::npos);
  CHECK(login("0" + checksum.substr(1)).status == 403);
  CHECK(guarded.answer({"POST", "/session/token", "api_key=key", "", false}).status == 400);
  CHECK(guarded.answer({"GET", "/session/token", "", "", false}).status == 405);
  CHECK(guarded.answer({"GET", "/nothing", "", "", false}).status == 404);
}
