#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/supervisors/cluster/world.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

using namespace artham;
using namespace artham::test;

namespace {

using steady = std::chrono::steady_clock;

/// cluster_peer with those arguments, once it listens.
class peer_process {
 public:
  peer_process(const std::string& name, const std::string& role, std::vector<std::string> more,
               std::uint16_t port = 0)
      : process_(command(name, role, std::move(more), port)) {
    const auto first = process_.line();
    REQUIRE(first);
    REQUIRE_MESSAGE(first->find("port ") == 0, *first);
    port_ = static_cast<std::uint16_t>(std::stoi(first->substr(5)));
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  process& operator*() { return process_; }
  process* operator->() { return &process_; }

 private:
  static std::vector<std::string> command(const std::string& name, const std::string& role,
                                          std::vector<std::string> more, std::uint16_t port) {
    const auto dir = program().substr(0, program().rfind('/'));
    std::vector<std::string> out{dir + "/cluster_peer", name, std::to_string(port), role};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  process process_;
  std::uint16_t port_ = 0;
};

std::vector<std::string> with(const msg::credentials& c, const std::string& seed) {
  std::vector<std::string> out{"--seed", seed};
  if (!c.empty()) out.insert(out.end(), {"--credentials", c.certificate, c.key, c.authority});
  return out;
}

}  // namespace

TEST_CASE("a process that is killed is seen at once, a frozen one soon, and both can come back") {
  log_lines log;
  msg::credentials ours, theirs;
  std::unique_ptr<authority> ca;
  SUBCASE("plain") {}
  SUBCASE("TLS") {
    ca = std::make_unique<authority>();
    ours = ca->leaf("a");
    theirs = ca->leaf("b");
  }
  node::options o{"a", {}};
  o.credentials = ours;
  node a(o);
  auto b = std::make_unique<peer_process>("b", "bars", with(theirs, a.place()));
  CHECK(a.is_told("joined b"));
  CHECK((*b)->line() == "joined a");

  auto since = steady::now();
  (*b)->signal(SIGKILL);
  CHECK(a.is_told("gone b"));
  CHECK(steady::now() - since < 100ms);
  b = std::make_unique<peer_process>("b", "bars", with(theirs, a.place()));
  CHECK(a.is_told("joined b", 2));

  since = steady::now();
  (*b)->signal(SIGSTOP);
  CHECK(a.is_told("gone b", 2));
  const auto took = steady::now() - since;
  CHECK(took < 1500ms);
  CHECK(took > 500ms);
  (*b)->signal(SIGCONT);
  CHECK(a.is_told("back b"));
  CHECK((*b)->line() == "joined a");
  CHECK((*b)->line() == "gone a");
  CHECK((*b)->line() == "back a");

  since = steady::now();
  (*b)->signal(SIGTERM);
  CHECK(a.is_told("gone b", 3));
  CHECK((*b)->wait_for(std::chrono::seconds(5)) == 0);
  CHECK(steady::now() - since < 1s);
  CHECK(log.has("is gone: it left"));
}

TEST_CASE("the demand of a gateway that is killed ends after a while, the other's stays") {
  log_lines log;
  node::options o{"i", {}, {"ingest"}};
  o.times.forget_wishes = 500ms;
  node i(o);
  const peer_process g1("g1", "gateway", {"--seed", i.place(), "--want", "1", "--want", "2"});
  peer_process g2("g2", "gateway", {"--seed", i.place(), "--want", "2", "--want", "3"});
  CHECK(i.gets_demand({1, 2, 3}));
  g2->signal(SIGKILL);
  CHECK(i.is_told("gone g2"));
  CHECK(i.demand() == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(i.gets_demand({1, 2}));
  CHECK(i.told("gone g1") == 0);
}

TEST_CASE("a process is asked for its status, frozen it does not answer, and it drains") {
  log_lines log;
  node a({"a", {}});
  peer_process b("b", "bars", {"--seed", a.place()});
  CHECK(a.is_told("joined b"));
  const auto is_fine = [&] {
    const auto all = a.control->statuses(2s);
    return all && all->contains("b") && all->at("b") == "{\"fine\":true}";
  };
  CHECK(eventually(is_fine, 10s));
  b->signal(SIGSTOP);
  std::string why;
  CHECK(eventually(
      [&] {
        const auto since = steady::now();
        const auto all = a.control->statuses(200ms);
        CHECK(steady::now() - since < 800ms);
        if (!all || !all->contains("b") || all->at("b")) return false;
        why = all->at("b").error().message;
        return true;
      },
      5s));
  CHECK(why == "does not answer");
  b->signal(SIGCONT);
  CHECK(eventually(is_fine, 10s));
  CHECK(a.control->drain("b", "an upgrade"));
  CHECK(b->wait_for(std::chrono::seconds(5)) == 0);
  CHECK(a.is_told("gone b"));
}
