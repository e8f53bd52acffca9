#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <vector>

#include "runtime/log.hpp"
#include "runtime/worker.hpp"

using artham::runtime::worker;

TEST_CASE("jobs run in order, on one thread") {
  std::vector<int> order;
  {
    worker w("order", 100);
    for (int i = 0; i < 100; ++i) REQUIRE(w.post([&order, i] { order.push_back(i); }));
  }
  REQUIRE(order.size() == 100);
  CHECK(order.front() == 0);
  CHECK(order.back() == 99);
}

TEST_CASE("a full queue refuses and takes again when there is room") {
  std::promise<void> started, go;
  worker w("full", 2);
  REQUIRE(w.post([&] {
    started.set_value();
    go.get_future().wait();
  }));
  started.get_future().wait();
  std::promise<void> done;
  CHECK(w.post([] {}));
  CHECK(w.post([&] { done.set_value(); }));
  CHECK(w.queued() == 2);
  CHECK_FALSE(w.post([] {}));
  go.set_value();
  done.get_future().wait();
  CHECK(w.post([] {}));
}

TEST_CASE("stop runs what is queued, then refuses; it may be called twice and from a job") {
  std::atomic<int> ran{0};
  worker w("stop", 10);
  for (int i = 0; i < 5; ++i) REQUIRE(w.post([&] { ++ran; }));
  w.stop();
  CHECK(ran == 5);
  CHECK_FALSE(w.post([&] { ++ran; }));
  w.stop();

  worker self("self", 10);
  REQUIRE(self.post([&] { self.stop(); }));
  self.stop();
  CHECK_FALSE(self.post([] {}));
}

TEST_CASE("a job may destroy its worker") {
  auto w = std::make_shared<worker>("last", 10);
  std::promise<void> given, destroyed;
  REQUIRE(w->post([&w, &given, &destroyed] {
    given.get_future().wait();
    w.reset();
    destroyed.set_value();
  }));
  given.set_value();
  destroyed.get_future().wait();
  CHECK(w == nullptr);
}

TEST_CASE("a job that throws does not end the worker") {
  artham::runtime::set_log_level("off");
  std::promise<void> after;
  worker w("throws", 10);
  REQUIRE(w.post([] { throw std::runtime_error("no"); }));
  REQUIRE(w.post([] { throw 1; }));
  REQUIRE(w.post([&] { after.set_value(); }));
  after.get_future().wait();
  artham::runtime::set_log_level("info");
}
