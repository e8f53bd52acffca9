#include <doctest/doctest.h>

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "web/api/routes.hpp"
#include "web/page/assets.hpp"

using namespace artham::web;

TEST_CASE("the OpenAPI document has every path that is served, and no other") {
  const auto* const file = find_asset("/openapi.json");
  REQUIRE(file != nullptr);
  CHECK(file->content_type == "application/json");
  const auto document = nlohmann::json::parse(file->body);
  CHECK(document["openapi"] == "3.1.0");
  std::set<std::string> described;
  for (const auto& entry : document["paths"].items()) described.insert(entry.key());
  const auto paths = api_paths();
  std::set<std::string> served(paths.begin(), paths.end());
  // The server's own, and those of the guard in front.
  for (const auto* path : {"/v1/stream", "/v1/login", "/v1/logout", "/v1/session"})
    served.insert(path);
  CHECK(described == served);
}
