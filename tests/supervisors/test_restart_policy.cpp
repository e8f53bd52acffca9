#include <doctest/doctest.h>

#include <chrono>

#include "supervisors/restart_policy.hpp"

using namespace std::chrono_literals;
using namespace artham::supervisors;

namespace {

time_point at(std::chrono::nanoseconds t) {
  return time_point(t);
}

}  // namespace

TEST_CASE("the delay doubles up to its maximum and stays there") {
  backoff b;
  b.min = 50ms;
  b.max = 1s;
  b.jitter = 0;
  CHECK(backoff_delay(b, 1, 0.5) == 50ms);
  CHECK(backoff_delay(b, 2, 0.5) == 100ms);
  CHECK(backoff_delay(b, 5, 0.5) == 800ms);
  CHECK(backoff_delay(b, 6, 0.5) == 1s);
  CHECK(backoff_delay(b, 1'000'000, 0.5) == 1s);
  b.min = 0ms;
  CHECK(backoff_delay(b, 1'000'000, 0.5) == 0ms);
}

TEST_CASE("the first restart may wait for nothing; the schedule then begins one later") {
  backoff b;
  b.min = 50ms;
  b.jitter = 0;
  b.first_at_once = true;
  CHECK(backoff_delay(b, 1, 0.5) == 0ms);
  CHECK(backoff_delay(b, 2, 0.5) == 50ms);
  CHECK(backoff_delay(b, 3, 0.5) == 100ms);
}

TEST_CASE("jitter varies the delay by its share, both ways") {
  backoff b;
  b.min = 100ms;
  b.jitter = 0.2;
  CHECK(backoff_delay(b, 1, 0) == 80ms);
  CHECK(backoff_delay(b, 1, 0.5) == 100ms);
  CHECK(backoff_delay(b, 1, 0.999999) > 119ms);
  CHECK(backoff_delay(b, 1, 0.999999) < 120ms);
}

TEST_CASE("a window allows n hits and not one more; what is older than the period is forgotten") {
  restart_window w;
  const intensity limit{2, 10s};
  CHECK_FALSE(w.hit(limit, at(0s)));
  CHECK_FALSE(w.hit(limit, at(1s)));
  CHECK(w.hit(limit, at(9999ms)));
  CHECK(w.hit(limit, at(10999ms)));
  CHECK_FALSE(w.hit(limit, at(30s)));

  restart_window edge;
  CHECK_FALSE(edge.hit({1, 10s}, at(0s)));
  CHECK_FALSE(edge.hit({1, 10s}, at(10s)));
  restart_window never;
  CHECK(never.hit({0, 10s}, at(0s)));
}

TEST_CASE("a share counts each child once within the period") {
  crash_share s;
  CHECK(s.hit("a", 10s, at(0s)) == 1);
  CHECK(s.hit("a", 10s, at(1s)) == 1);
  CHECK(s.hit("b", 10s, at(2s)) == 2);
  CHECK(s.hit("c", 10s, at(10s)) == 3);
  CHECK(s.hit("c", 10s, at(11s)) == 2);
  CHECK(s.hit("c", 10s, at(30s)) == 1);
}
