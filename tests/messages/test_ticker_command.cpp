#include <doctest/doctest.h>

#include <string>

#include "messages/protocol/ticker_command.hpp"

using namespace artham;            // NOLINT(google-build-using-namespace)
using namespace artham::protocol;  // NOLINT(google-build-using-namespace)

namespace {

std::string refusal_of(const std::string& text) {
  const auto c = parse_ticker_command(text);
  return c ? "taken" : c.error();
}

}  // namespace

TEST_CASE("what Kite's clients say") {
  const auto sub = parse_ticker_command(R"({"a":"subscribe","v":[408065,0,4294967295,408065]})");
  REQUIRE(sub);
  CHECK(sub->what == ticker_command::action::subscribe);
  CHECK(sub->mode == ticker_mode::quote);
  CHECK(sub->tokens == std::vector<std::uint32_t>{408065, 0, UINT32_MAX, 408065});
  const auto unsub = parse_ticker_command(R"({ "v": [ 5 ], "a" : "unsubscribe" })");
  REQUIRE(unsub);
  CHECK(unsub->what == ticker_command::action::unsubscribe);
  CHECK(unsub->tokens == std::vector<std::uint32_t>{5});
  for (const auto& [name, mode] : {std::pair{"ltp", ticker_mode::ltp},
                                   {"quote", ticker_mode::quote},
                                   {"full", ticker_mode::full}}) {
    const auto set =
        parse_ticker_command(R"({"a":"mode","v":[")" + std::string(name) + R"(",[1,2]]})");
    REQUIRE(set);
    CHECK(set->what == ticker_command::action::set_mode);
    CHECK(set->mode == mode);
    CHECK(set->tokens == std::vector<std::uint32_t>{1, 2});
  }
  CHECK(parse_ticker_command(R"({"a":"subscribe","v":[]})")->tokens.empty());
}

TEST_CASE("what is none of it is refused by name") {
  const auto names = [](const std::string& text, const std::string& what) {
    const auto why = refusal_of(text);
    INFO(text);
    INFO(why);
    CHECK(why.starts_with("error parsing request: "));
    CHECK(why.find(what) != std::string::npos);
    CHECK(why.find('\n') == std::string::npos);
    CHECK(why.size() < 300);
  };
  for (const auto* text :
       {"", "{", "[]", "7", "null", "\"a\"", "\xff\xfe", "{\"a\":\"subscribe\",\"v\":[1]"})
    names(text, "no JSON object");
  names(R"({"a":"subscribe"})", R"(no "a" or no "v")");
  names(R"({"v":[1]})", R"(no "a" or no "v")");
  names(R"({"a":"buy","v":[1]})", R"(not "buy")");
  names(R"({"a":["subscribe"],"v":[1]})", R"(not ["subscribe"])");
  names(R"({"a":"subscribe","v":408065})", "not 408065");
  names(R"({"a":"subscribe","v":["408065"]})", R"(not "408065")");
  names(R"({"a":"subscribe","v":[1,-1]})", "not -1");
  names(R"({"a":"subscribe","v":[4294967296]})", "not 4294967296");
  names(R"({"a":"subscribe","v":[1.5]})", "not 1.5");
  names(R"({"a":"subscribe","v":[true]})", "not true");
  names(R"({"a":"mode","v":"full"})", R"(not "full")");
  names(R"({"a":"mode","v":["full"]})", R"(not ["full"])");
  names(R"({"a":"mode","v":["full",1]})", "not 1");
  names(R"({"a":"mode","v":["deep",[1]]})", R"(not "deep")");
  names(R"({"a":"mode","v":[["full"],[1]]})", R"(not ["full"])");
  names(R"({"a":"subscribe","v":[[[[1]]]]})", "deeper than 3 levels");
  names(R"({"a":"line\nbreak\u0000","v":[]})", R"(not "line\nbreak\u0000")");
  names(R"({"a":")" + std::string(50'000, 'x') + R"(","v":[]})", "xxx...");
  names(std::string(60'000, '['), "deeper than 3 levels");
}

TEST_CASE("complaints are Kite's") {
  CHECK(ticker_error("no \"such\"\n") == R"({"type":"error","data":"no \"such\"\n"})");
  CHECK(kite_error("TokenException", "who?") ==
        R"({"status":"error","message":"who?","data":null,"error_type":"TokenException"})");
}

TEST_CASE("a mode shows the beginning of a packet of more, and all of one of less") {
  const auto shown = [](std::size_t size, ticker_mode mode) {
    const std::string packet(size, 'p');
    return in_mode(packet, mode).size();
  };
  const std::size_t sizes[] = {8, 28, 32, 44, 184};
  const std::size_t in_quote[] = {8, 28, 28, 44, 44};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(shown(sizes[i], ticker_mode::ltp) == 8);
    CHECK(shown(sizes[i], ticker_mode::quote) == in_quote[i]);
    CHECK(shown(sizes[i], ticker_mode::full) == sizes[i]);
  }
}
