// slowhttptest, as an attacker uses it, while a client goes on.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/process.hpp"
#include "tests/web/server_fixture.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using std::chrono::milliseconds;

namespace {

struct attacked_server : server_fixture {
  attacked_server() {
    options.handshake_timeout = milliseconds(1'000);
    options.idle_timeout = milliseconds(2'000);
    options.max_connections = 400;
    options.max_half_open = 100;
    // For slow reading: more than the kernel takes at once.
    handler = [](const http_request&, const responder& respond) {
      respond({200, "text/plain", std::string(4 << 20, 'x'), {}});
    };
  }

  /// Four seconds of it; answers of a live WebSocket meanwhile.
  void withstand(std::vector<std::string> how) {
    const auto port = start();
    std::vector<std::string> command{"/usr/bin/slowhttptest",
                                     "-c",
                                     "600",
                                     "-r",
                                     "300",
                                     "-l",
                                     "4",
                                     "-p",
                                     "1",
                                     "-u",
                                     "http://127.0.0.1:" + std::to_string(port) + "/"};
    command.insert(command.end(), how.begin(), how.end());
    raw_client live(port);
    live.send(upgrade_request());
    REQUIRE(live.receive_answer(false).status == 101);
    std::atomic<bool> over{false};
    test::finished attack;
    std::thread attacker([&] {
      attack = test::run_to_end(command);
      over = true;
    });
    int answers = 0;
    milliseconds slowest{0};
    while (!over) {
      const auto asked = std::chrono::steady_clock::now();
      live.send(client_frame(0x81, std::to_string(answers)));
      if (receive_frame(live).payload != std::to_string(answers)) break;
      slowest = std::max(slowest, std::chrono::duration_cast<milliseconds>(
                                      std::chrono::steady_clock::now() - asked));
      ++answers;
    }
    attacker.join();
    CHECK_MESSAGE(attack.code == 0, attack.out);
    CHECK(over);
    CHECK(answers > 100);
    CHECK(slowest < milliseconds(2'000));
    MESSAGE(answers << " answers, the slowest in " << slowest.count() << " ms");
    raw_client another(port);
    another.send(upgrade_request());
    CHECK(another.receive_answer(false).status == 101);
    CHECK(eventually([&] { return value("artham_web_connections") == 2; }, milliseconds(10'000)));
  }
};

}  // namespace

TEST_CASE_FIXTURE(attacked_server, "slow headers") {
  withstand({"-H", "-i", "1"});
  CHECK(value("artham_web_refused_total", "half_open") +
            value("artham_web_refused_total", "slow_request") >
        0);
}

TEST_CASE_FIXTURE(attacked_server, "slow bodies") {
  withstand({"-B", "-i", "1", "-s", "8192"});
  CHECK(value("artham_web_refused_total", "half_open") +
            value("artham_web_refused_total", "slow_request") >
        0);
}

TEST_CASE_FIXTURE(attacked_server, "slow reading") {
  withstand({"-X", "-w", "1", "-y", "2", "-z", "1", "-n", "1"});
  CHECK(counted("slow_reader"));
}
