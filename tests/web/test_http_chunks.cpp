#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <optional>

#include "tests/web/server_fixture.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using std::chrono::milliseconds;

namespace {

/// What became of the sources of a test; outlives them.
struct record_of_pieces {
  std::atomic<int> asked{0};
  std::atomic<int> alive{0};
};

/// Pieces by a function of the test: from 0 on, none after the last.
class made_source final : public body_source {
 public:
  using make = std::function<result<std::string>(int)>;
  made_source(std::shared_ptr<record_of_pieces> r, make m)
      : record_(std::move(r)), make_(std::move(m)) {
    ++record_->alive;
  }
  ~made_source() override { --record_->alive; }
  void next(taken done) override { done(make_(record_->asked++)); }

 private:
  std::shared_ptr<record_of_pieces> record_;
  make make_;
};

struct chunk_fixture : server_fixture {
  std::shared_ptr<record_of_pieces> pieces = std::make_shared<record_of_pieces>();
  made_source::make make = [](int i) -> result<std::string> {
    return i < 3 ? "piece " + std::to_string(i) + "\n" : "";
  };

  chunk_fixture() {
    handler = [this](const http_request& q, const responder& respond) {
      http_response r{200, "text/plain", "first\n", {}};
      if (q.path == "/rest") r.rest = std::make_shared<made_source>(pieces, make);
      respond(std::move(r));
    };
  }
  static void ask(raw_client& c, std::string_view target = "/rest") {
    c.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  bool all_gone() const {
    return eventually([this] { return pieces->alive == 0; });
  }
};

}  // namespace

TEST_CASE_FIXTURE(chunk_fixture, "a body comes in pieces to its end, and the connection goes on") {
  raw_client c(start());
  for (int round = 0; round < 2; ++round) {
    pieces->asked = 0;
    ask(c);
    const auto a = receive_chunked(c);
    CHECK(a.status == 200);
    CHECK(a.field("Transfer-Encoding") == "chunked");
    CHECK(a.field("Content-Length").empty());
    CHECK(a.field("X-Content-Type-Options") == "nosniff");
    CHECK(a.whole);
    CHECK(a.body == "first\npiece 0\npiece 1\npiece 2\n");
  }
  CHECK(c.get("/plain").body == "first\n");
  CHECK(all_gone());
  CHECK(value("artham_web_refused_total") == 0);
}

TEST_CASE_FIXTURE(chunk_fixture, "HEAD of a body in pieces has none, and HTTP/1.0 is told why") {
  const auto port = start();
  raw_client c(port);
  c.send("HEAD /rest HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(c.receive_answer(false).field("Transfer-Encoding") == "chunked");
  CHECK(c.get("/plain").body == "first\n");
  raw_client old(port);
  old.send("GET /rest HTTP/1.0\r\n\r\n");
  CHECK(old.receive_answer().status == 505);
  CHECK(old.ended());
  CHECK(pieces->asked == 0);
  CHECK(all_gone());
}

TEST_CASE_FIXTURE(chunk_fixture, "an error in the middle ends the connection without an end") {
  make = [](int i) -> result<std::string> {
    if (i == 2) return fail(errc::unavailable, "the store went away");
    return std::string("piece\n");
  };
  raw_client c(start());
  ask(c);
  const auto a = receive_chunked(c);
  CHECK(a.status == 200);
  CHECK(a.body == "first\npiece\npiece\n");
  CHECK_FALSE(a.whole);
  CHECK(c.ended());
  CHECK(counted("answer_failed"));
  CHECK(all_gone());
}

TEST_CASE_FIXTURE(chunk_fixture,
                  "who reads nothing has one piece made, holds up nobody and is cut") {
  options.idle_timeout = milliseconds(300);
  make = [](int) -> result<std::string> { return std::string(4 << 20, 'x'); };
  const auto port = start();
  raw_client stuck(port, 4096);
  ask(stuck);
  CHECK(eventually([&] { return pieces->asked == 1; }));
  CHECK(raw_client(port).get("/plain").status == 200);
  CHECK(counted("slow_reader"));
  CHECK(pieces->asked == 1);
  CHECK(all_gone());
  CHECK_FALSE(receive_chunked(stuck).whole);
}

TEST_CASE_FIXTURE(chunk_fixture, "who reads slowly is not cut") {
  options.idle_timeout = milliseconds(300);
  make = [](int i) -> result<std::string> { return i < 1 ? std::string(2 << 20, 'x') : ""; };
  raw_client slow(start(), 4096);
  ask(slow);
  // Some of one piece now and then, for longer than one may read nothing.
  std::string head = slow.receive(20'000);
  const auto begin = std::chrono::steady_clock::now();
  auto last = begin;
  while (last - begin < 3 * options.idle_timeout) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < milliseconds(50)) continue;
    last = now;
    head += slow.receive(20'000);
  }
  const auto a = receive_chunked(slow, std::move(head));
  CHECK(a.whole);
  CHECK(a.body.size() == 6 + (2U << 20U));
}

TEST_CASE_FIXTURE(chunk_fixture, "who leaves in the middle stops it") {
  make = [](int) -> result<std::string> { return std::string(1 << 16, 'x'); };
  auto c = std::make_unique<raw_client>(start());
  ask(*c);
  CHECK(c->receive(1 << 20).size() == 1 << 20);
  c.reset();
  CHECK(counted("client_left"));
  CHECK(all_gone());
  CHECK(eventually([&] { return value("artham_web_connections") == 0; }));
}

namespace {

/// Keeps what would bring the next piece.
class silent_source final : public body_source {
 public:
  silent_source(std::mutex& m, std::vector<taken>& kept) : mutex_(m), kept_(kept) {}
  void next(taken done) override {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(done));
  }

 private:
  std::mutex& mutex_;
  std::vector<taken>& kept_;
};

}  // namespace

TEST_CASE_FIXTURE(chunk_fixture, "a piece that does not come in time, and late ones, hurt nobody") {
  std::mutex mutex;
  std::vector<body_source::taken> kept;
  handler = [&](const http_request&, const responder& respond) {
    respond({200, "text/plain", "first\n", {}, std::make_shared<silent_source>(mutex, kept)});
  };
  options.answer_timeout = milliseconds(60);
  raw_client c(start());
  ask(c);
  const auto a = receive_chunked(c);
  CHECK(a.body == "first\n");
  CHECK_FALSE(a.whole);
  CHECK(counted("answer_timeout"));
  for (const auto& done : kept) done("late");
  running->stop();
  for (const auto& done : kept) done("later still");
  running.reset();
  for (const auto& done : kept) done("too late");
}

TEST_CASE_FIXTURE(chunk_fixture, "stop in the middle is at once, and clients see that it is cut") {
  options.close_timeout = std::chrono::seconds(30);
  std::mutex mutex;
  std::vector<body_source::taken> kept;
  handler = [&](const http_request& q, const responder& respond) {
    http_response r{200, "text/plain", "first\n", {}};
    if (q.path == "/wait") r.rest = std::make_shared<silent_source>(mutex, kept);
    if (q.path == "/rest")
      r.rest = std::make_shared<made_source>(
          pieces, [](int) -> result<std::string> { return std::string(4 << 20, 'x'); });
    respond(std::move(r));
  };
  const auto port = start();
  raw_client waiting(port);
  ask(waiting, "/wait");
  raw_client unread(port, 4096);
  ask(unread);
  CHECK(eventually([&] {
    const std::lock_guard lock(mutex);
    return kept.size() == 1 && pieces->asked == 1;
  }));
  const auto before = std::chrono::steady_clock::now();
  running->stop();
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(3));
  for (const auto& done : kept) done("late");
  const auto a = receive_chunked(waiting);
  CHECK(a.body == "first\n");
  CHECK_FALSE(a.whole);
  CHECK_FALSE(receive_chunked(unread).whole);
  CHECK(all_gone());
}
