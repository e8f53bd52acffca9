#include <doctest/doctest.h>

#include <set>

#include "messages/protocol/auth.hpp"
#include "web/access/credential.hpp"
#include "web/access/failure_limit.hpp"
#include "web/access/password.hpp"
#include "web/access/rules.hpp"

using namespace artham;
using namespace artham::web;
using std::chrono::seconds;

TEST_CASE("a key is read as it was written, and nothing else is one") {
  std::set<std::string> all;
  for (int i = 0; i < 200; ++i) {
    const auto secret = random_text();
    CHECK(secret.size() == 43);
    all.insert(secret);
    const auto text = key_text(i + 1, secret);
    const auto parts = parse_key(text.reveal());
    REQUIRE(parts);
    CHECK(parts->id == i + 1);
    CHECK(parts->secret == secret);
  }
  CHECK(all.size() == 200);
  const auto secret = random_text();
  for (const auto& wrong :
       {std::string(), std::string("artham_"), "artham_1_" + secret.substr(1), "artham_x_" + secret,
        "artham__" + secret, "artham_-1_" + secret, "artham_1" + secret, "artham_1_" + secret + "x",
        "Artham_1_" + secret, "artham_99999999999999999999_" + secret}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_key(wrong));
  }
}

TEST_CASE("hashes are SHA-256") {
  CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(is_same("abc", "abc"));
  CHECK_FALSE(is_same("abc", "abd"));
  CHECK_FALSE(is_same("abc", "abcd"));
  CHECK(is_same("", ""));
}

TEST_CASE("a ticket is good with the secret that it was signed with, byte by byte") {
  const runtime::secret secret(random_text());
  const ticket t{7, 123'456'789, 1, random_text()};
  const auto text = sign_ticket(t, secret);
  const auto read = parse_ticket(text, secret);
  REQUIRE(read);
  CHECK(read->user == 7);
  CHECK(read->expires == 123'456'789);
  CHECK(read->renewals == 1);
  CHECK(read->id == t.id);
  CHECK_FALSE(parse_ticket(text, runtime::secret(random_text())));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(parse_ticket(changed, secret));
    CHECK_FALSE(parse_ticket(text.substr(0, i), secret));
  }
}

TEST_CASE("passwords: the right one, and no other") {
  const auto hash = hash_password(runtime::secret("correct horse"));
  REQUIRE(hash);
  CHECK(hash->starts_with("$argon2id$"));
  CHECK(is_password(*hash, runtime::secret("correct horse")));
  CHECK_FALSE(is_password(*hash, runtime::secret("correct horsf")));
  CHECK_FALSE(is_password(*hash, runtime::secret("")));
  CHECK_FALSE(is_password("", runtime::secret("correct horse")));
  CHECK_FALSE(hash_password(runtime::secret("short")));
  CHECK_FALSE(hash_password(runtime::secret(std::string(257, 'x'))));
}

TEST_CASE("failures are counted by address in a minute, and of a bounded number of addresses") {
  failure_limit f(3, 2);
  const failure_limit::time start{};
  CHECK(f.allows("a", start));
  CHECK_FALSE(f.failed("a", start));
  CHECK_FALSE(f.failed("a", start + seconds(30)));
  CHECK(f.allows("a", start + seconds(59)));
  CHECK(f.failed("a", start + seconds(59)));
  CHECK_FALSE(f.allows("a", start + seconds(59)));
  CHECK(f.allows("b", start + seconds(59)));
  CHECK(f.allows("a", start + seconds(60)));
  for (int i = 0; i < 100; ++i) f.failed(std::to_string(i), start + seconds(61));
  CHECK(f.known() == 2);
}

TEST_CASE("an address is counted without its port, of IPv6 its network") {
  CHECK(neighbour_of("203.0.113.7:50123") == "203.0.113.7");
  CHECK(neighbour_of("203.0.113.7") == "203.0.113.7");
  CHECK(neighbour_of("[2001:db8:1:2:3:4:5:6]:443") == "2001:db8:1:2::/64");
  CHECK(neighbour_of("2001:db8:1:2::9") == "2001:db8:1:2::/64");
  CHECK(neighbour_of("[::ffff:203.0.113.7]:1") == "203.0.113.7");
}

TEST_CASE("what is public, and which scope the rest needs") {
  for (const auto* path : {"/livez", "/readyz", "/version", "/openapi.json", "/", "/page.css",
                           "/chain", "/system", "/assets/index-Bq3.js"})
    CHECK(is_public("GET", path));
  CHECK(is_public("POST", "/v1/login"));
  for (const auto* path : {"/metrics", "/v1/status", "/v1/system/tree", "/v1/bars", "/v1/session",
                           "/v1/stream", "/kite/quote", "/udf/config", "/nosuch", "/livez/", "//",
                           "/assets", "/chain/NIFTY", "/v1/chain"})
    CHECK_FALSE(is_public("GET", path));
  CHECK_FALSE(is_public("POST", "/livez"));
  CHECK(needed_scope("GET", "/v1/bars") == store::scope::read);
  CHECK(needed_scope("GET", "/metrics") == store::scope::read);
  CHECK(needed_scope("POST", "/v1/anything") == store::scope::admin);
  CHECK(needed_scope("POST", "/v1/replays") == store::scope::replay);
  CHECK(needed_scope("GET", "/v1/replays/7/stream") == store::scope::replay);
  CHECK(needed_scope("GET", "/v1/replaysx") == store::scope::read);
  CHECK(needed_scope("POST", "/kite/session/token") == store::scope::read);
}

TEST_CASE("where the key of a request is") {
  const auto key = key_text(1, random_text()).reveal();
  const auto of = [&](const char* path, const std::string& header, const text_pairs& query = {}) {
    return credential_of(path, runtime::secret(header), query).reveal();
  };
  CHECK(of("/v1/bars", "Bearer " + key) == key);
  CHECK(of("/v1/bars", "bearer  " + key) == key);
  CHECK(of("/v1/bars", key).empty());
  CHECK(of("/v1/bars", "Bearer").empty());
  CHECK(of("/v1/bars", "Basic " + key).empty());
  CHECK(of("/v1/bars", "token a:" + key).empty());
  CHECK(of("/kite/quote", "token a:" + key) == key);
  CHECK(of("/kite/ws", "", {{"api_key", "a"}, {"access_token", key}}) == key);
  CHECK(of("/v1/stream", "", {{"access_token", key}}).empty());

  CHECK_FALSE(credential_in_query("/v1/bars", {{"instrument", "NSE:INFY"}}));
  CHECK(credential_in_query("/v1/bars", {{"a", "b"}, {"x", key}}) == "x");
  CHECK(credential_in_query("/v1/bars", {{"api_key", "b"}}) == "api_key");
  CHECK_FALSE(credential_in_query("/kite/ws", {{"access_token", key}}));
  CHECK(credential_in_query("/kitex", {{"access_token", key}}));
}

TEST_CASE("the command auth") {
  CHECK_FALSE(protocol::parse_auth(R"({"id":1,"op":"ping"})"));
  CHECK_FALSE(protocol::parse_auth(R"({"id":"auth","op":"ping"})"));
  CHECK_FALSE(protocol::parse_auth("auth"));
  CHECK_FALSE(protocol::parse_auth(R"({"op":["auth"]})"));
  auto c = protocol::parse_auth(R"({"id":"a","op":"auth","key":"k"})");
  REQUIRE(c);
  REQUIRE(*c);
  CHECK((*c)->id == "\"a\"");
  CHECK((*c)->credential == "k");
  c = protocol::parse_auth(R"({"op":"auth","ticket":"t","x":[[[[1]]]]})");
  REQUIRE((c && *c));
  CHECK((*c)->id == "null");
  CHECK((*c)->credential == "t");
  for (const auto* wrong :
       {R"({"id":1,"op":"auth"})", R"({"id":1,"op":"auth","key":1})",
        R"({"id":1,"op":"auth","key":"a","ticket":"b"})", R"({"id":[1],"op":"auth","key":"a"})"}) {
    c = protocol::parse_auth(wrong);
    REQUIRE(c);
    CHECK_FALSE(*c);
  }
  CHECK_FALSE(*protocol::parse_auth(R"({"op":"auth","key":")" + std::string(513, 'x') + "\"}"));
}
