#include <doctest/doctest.h>
#include <sys/stat.h>

#include <caf/actor_system.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "messages/credentials.hpp"
#include "messages/network.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/places.hpp"

using namespace artham;
namespace msg = artham::messages;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The error's text, after its code has been checked.
std::string refusal(const msg::credentials& c) {
  const auto checked = msg::check(c);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == errc::usage);
  return checked.error().message;
}

std::string network_refusal(const std::string& address, const msg::credentials& c = {}) {
  const auto config = msg::make_network_config({1, address, c});
  REQUIRE_FALSE(config);
  CHECK(config.error().code == errc::usage);
  return config.error().message;
}

}  // namespace

TEST_CASE("credentials that others accept pass; what they would not is named with its file") {
  const test::authority ours;
  const test::authority theirs;
  const auto good = ours.leaf("a");
  CHECK(msg::check(good));
  CHECK(msg::check({}));

  SUBCASE("one of the three is missing") {
    CHECK(contains(refusal({good.certificate, "", good.authority}), "cluster.key is empty"));
    CHECK(contains(refusal({"", "", good.authority}), "cluster.certificate is empty"));
    CHECK(contains(refusal({good.certificate, good.key, ""}), "cluster.authority is empty"));
  }
  SUBCASE("no file") {
    auto c = good;
    c.certificate = ours.dir() / "none.pem";
    CHECK(refusal(c) ==
          "cluster.certificate = \"" + c.certificate +
              "\": No such file or directory; name a PEM file that this user may read");
    c.certificate = ours.dir().path().string();
    CHECK(contains(refusal(c), "is not a file"));
  }
  SUBCASE("not PEM") {
    auto c = good;
    c.authority = ours.dir() / "text";
    std::ofstream(c.authority) << "hello\n";
    CHECK(
        contains(refusal(c), "cluster.authority = \"" + c.authority + "\": no certificate in it"));
    c = good;
    c.key = ours.dir() / "text";
    ::chmod(c.key.c_str(), 0600);
    CHECK(contains(refusal(c), "cluster.key = \"" + c.key + "\": no private key"));
  }
  SUBCASE("a key for everybody") {
    ::chmod(good.key.c_str(), 0644);
    CHECK(contains(refusal(good), "(mode 644); chmod 600 " + good.key));
    ::chmod(good.key.c_str(), 0640);
    CHECK(contains(refusal(good), "(mode 640)"));
  }
  SUBCASE("a key of another certificate") {
    auto c = good;
    c.key = ours.leaf("b").key;
    CHECK(contains(refusal(c), "is not the key of cluster.certificate"));
  }
  SUBCASE("another authority") {
    auto c = good;
    c.authority = theirs.dir() / "authority.pem";
    CHECK(contains(refusal(c),
                   good.certificate + "\": not signed by cluster.authority = \"" + c.authority));
  }
  SUBCASE("out of time") {
    CHECK(contains(
        refusal(ours.leaf("old", {"20200101000000Z", "20210102030405Z", "serverAuth,clientAuth"})),
        "expired on Jan  2 03:04:05 2021 GMT"));
    CHECK(contains(
        refusal(ours.leaf("new", {"20900101000000Z", "21000101000000Z", "serverAuth,clientAuth"})),
        "not valid before Jan  1 00:00:00 2090 GMT"));
  }
  SUBCASE("for one end only") {
    for (const auto* usage : {"serverAuth", "clientAuth"}) {
      CHECK(contains(refusal(ours.leaf(usage, {"20200101000000Z", "21000101000000Z", usage})),
                     "not for both ends of a connection"));
    }
  }
}

TEST_CASE("script/certificates makes what check accepts, and replaces nothing") {
  const test::scratch place;
  const auto dir = place / "certificates";
  const auto script = test::source_dir() + "/script/certificates";
  REQUIRE(test::run_to_end({script, dir, "a", "b"}).code == 0);
  for (const auto* node : {"/a", "/b"}) {
    CHECK(msg::check({dir + node + ".pem", dir + node + ".key", dir + "/authority.pem"}));
  }
  struct stat info {};
  REQUIRE(::stat((dir + "/authority.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const auto again = test::run_to_end({script, dir, "c", "a"});
  CHECK(again.code == 2);
  CHECK(contains(again.err, "a.pem is there already"));
  CHECK_FALSE(std::filesystem::exists(dir + "/c.pem"));
  REQUIRE(test::run_to_end({script, dir, "c"}).code == 0);
  CHECK(msg::check({dir + "/c.pem", dir + "/c.key", dir + "/authority.pem"}));
}

TEST_CASE("a network open to others needs certificates and a real address") {
  CHECK(msg::make_network_config({1, "127.0.0.1", {}}));
  CHECK(msg::make_network_config({1, "127.9.8.7", {}}));
  CHECK(msg::make_network_config({1, "::1", {}}));
  for (const auto* open : {"10.0.0.5", "2001:db8::1"}) {
    CHECK(contains(network_refusal(open), "set cluster.certificate, cluster.key"));
  }
  for (const auto* any : {"0.0.0.0", "::"}) {
    CHECK(contains(network_refusal(any), "give the address at which they reach this one"));
  }
  CHECK(contains(network_refusal("localhost"), "is not an IP address"));

  const test::authority ours;
  const auto c = ours.leaf("a");
  CHECK(msg::make_network_config({1, "10.0.0.5", c}));
  auto broken = c;
  broken.key = "/nowhere";
  CHECK(contains(network_refusal("127.0.0.1", broken), "/nowhere"));
}

TEST_CASE("the network is TLS exactly when there are certificates") {
  const test::authority ours;
  for (const bool tls : {false, true}) {
    auto config =
        msg::make_network_config({1, "127.0.0.1", tls ? ours.leaf("a") : msg::credentials{}});
    REQUIRE(config);
    caf::actor_system system{*config};
    CHECK(system.has_openssl_manager() == tls);
    CHECK(msg::network_of(system));
  }
}
