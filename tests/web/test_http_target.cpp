#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "web/server/http.hpp"

using namespace artham::web;

TEST_CASE("a target is split and decoded") {
  const auto r =
      parse_target("/v1/bars?instrument=NSE%3AM%26M&query=nifty+50&empty=&flag&&x=1#top");
  REQUIRE(r);
  CHECK(r->path == "/v1/bars");
  const text_pairs expected{
      {"instrument", "NSE:M&M"}, {"query", "nifty 50"}, {"empty", ""}, {"flag", ""}, {"x", "1"}};
  CHECK(r->query == expected);
  CHECK(parse_target("/a+b")->path == "/a+b");
}

TEST_CASE("what cannot be decoded is refused by name") {
  for (const char* bad : {"", "v1", "http://host/", "/%", "/%2", "/%zz", "/%00"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_target(bad));
  }
  for (const std::string& bad : {std::string("/v1/\0bars", 9), std::string("/v1/bars?a=\0", 12)})
    CHECK_FALSE(parse_target(bad));
  const auto r = parse_target("/v1/bars?limit=%4");
  REQUIRE_FALSE(r);
  CHECK(r.error().message.find("'limit'") != std::string::npos);
}

TEST_CASE("a problem document says what RFC 9457 asks for, whatever the client sent") {
  const auto r =
      problem(404, "unknown-thing", "Unknown thing", "no \xff thing", "/v1/x?y=\"\xfe\"");
  CHECK(r.status == 404);
  CHECK(r.content_type == "application/problem+json");
  const auto document = nlohmann::json::parse(r.body);
  CHECK(document["type"] == "urn:artham:problem:unknown-thing");
  CHECK(document["status"] == 404);
  CHECK(document["title"] == "Unknown thing");
  CHECK(document.contains("detail"));
  CHECK(document.contains("instance"));
}
