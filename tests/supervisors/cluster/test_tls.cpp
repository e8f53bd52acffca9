#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/supervisors/cluster/world.hpp"
#include "tests/support/certificates.hpp"

using namespace artham;
using namespace artham::test;

namespace {

node::options with(const std::string& name, const msg::credentials& c,
                   std::vector<std::string> seeds = {}) {
  node::options o{name, std::move(seeds)};
  o.credentials = c;
  return o;
}

}  // namespace

TEST_CASE("nodes with certificates of one authority find each other") {
  log_lines log;
  const authority ours;
  node a(with("a", ours.leaf("a")));
  node b(with("b", ours.leaf("b"), {a.place()}));
  node c(with("c", ours.leaf("c"), {"localhost:" + std::to_string(b.port())}));
  for (auto* n : {&a, &b, &c}) CHECK_MESSAGE(n->sees("a b c"), log.text());
  a.control->want({1});
  CHECK(c.gets_demand({1}));
}

TEST_CASE("a node without the right certificate stays outside, and says why") {
  log_lines log;
  const authority ours;
  const authority theirs;
  const auto good = ours.leaf("a");
  node a(with("a", good));
  node old(with("old", ours.leaf("old"), {a.place()}));
  CHECK(a.sees("a old"));
  std::string why;
  msg::credentials wrong;
  SUBCASE("of another authority") {
    wrong = theirs.leaf("b");
    why = "its certificate is not accepted: ";
  }
  SUBCASE("of another authority, though it knows ours") {
    const auto other = theirs.leaf("b");
    wrong = other;
    // Both authorities in one file: good for itself, and it accepts ours.
    const auto both = ours.dir() / "both.pem";
    std::ofstream(both) << read_file(good.authority) << read_file(other.authority);
    wrong.authority = both;
    why = "does not accept this node's certificate: ";
  }
  SUBCASE("none") {
    why =
        "accepts the connection but says nothing; if it has certificates, this node needs some, "
        "too";
  }
  node b(with("b", wrong, {a.place()}));
  CHECK_MESSAGE(eventually([&] { return log.has("cluster: " + a.place() + ": " + why); }, 10s),
                log.text());
  CHECK(a.present() == "a old");
  CHECK(b.present() == "b");
  // Others are not disturbed.
  node c(with("c", ours.leaf("c"), {a.place()}));
  CHECK(c.sees("a c old"));
  CHECK(a.told("gone old") == 0);
}

TEST_CASE("a node with certificates does not talk to one without") {
  log_lines log;
  const authority ours;
  node a(with("a", {}));
  node b(with("b", ours.leaf("b"), {a.place()}));
  CHECK(eventually([&] { return log.has("cluster: " + a.place() + ": does not speak TLS"); }, 10s));
  CHECK(a.present() == "a");
  CHECK(b.present() == "b");
}

TEST_CASE("garbage on a TLS port does no harm") {
  log_lines log;
  const authority ours;
  node a(with("a", ours.leaf("a")));
  node b(with("b", ours.leaf("b"), {a.place()}));
  CHECK(a.sees("a b"));
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(random() % 300, '\0');
    for (auto& c : bytes) c = static_cast<char>(random());
    raw_connection(a.port()).send(bytes);
  }
  const raw_connection silent(a.port());
  node c(with("c", ours.leaf("c"), {a.place()}));
  CHECK(c.sees("a b c"));
  CHECK(a.told("gone b") == 0);
}
