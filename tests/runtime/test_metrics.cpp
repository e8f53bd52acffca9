#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "runtime/metrics.hpp"

namespace rt = artham::runtime;

TEST_CASE("the same name and labels give the same object, in whatever order the labels come") {
  rt::metrics m;
  auto& a = m.counter("c_total", "help", {{"x", "1"}, {"y", "2"}});
  a.add(3);
  CHECK(&m.counter("c_total", "help", {{"y", "2"}, {"x", "1"}}) == &a);
  CHECK(&m.counter("c_total", "help", {{"x", "2"}, {"y", "2"}}) != &a);
  CHECK(m.counter("c_total", "other help", {{"x", "1"}, {"y", "2"}}).value() == 3);
}

TEST_CASE("text is Prometheus' exposition format, sorted, with escaped labels") {
  rt::metrics m;
  m.gauge("b_depth", "how deep", {{"queue", "a\"b\\c\nd"}}).set(-5);
  m.counter("a_total", "how many").add(1234567890123);
  CHECK(m.text() ==
        "# HELP a_total how many\n# TYPE a_total counter\na_total 1234567890123\n"
        "# HELP b_depth how deep\n# TYPE b_depth gauge\n"
        "b_depth{queue=\"a\\\"b\\\\c\\nd\"} -5\n");
}

TEST_CASE("samples carry exact integers") {
  rt::metrics m;
  m.counter("big_total", "").add(9007199254740993);
  m.gauge("g", "", {{"k", "v"}}).add(-2);
  const auto samples = m.samples();
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].name == "big_total");
  CHECK(samples[0].value == 9007199254740993);
  CHECK(samples[1].labels == rt::labels{{"k", "v"}});
  CHECK(samples[1].value == -2);
}

TEST_CASE("a name that is asked for as counter and as gauge stays valid text") {
  rt::metrics m;
  m.counter("twice", "first").add(1);
  m.gauge("twice", "second").set(7);
  CHECK(m.gauge("twice", "second").value() == 7);
  CHECK(m.text() == "# HELP twice first\n# TYPE twice counter\ntwice 1\n");
}

TEST_CASE("references stay good while other threads register and scrape") {
  rt::metrics m;
  auto& c = m.counter("n_total", "");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&m, &c, t] {
      for (int i = 0; i < 500; ++i) {
        c.add();
        m.counter("other_total", "", {{"i", std::to_string(i)}, {"t", std::to_string(t)}}).add();
        if (i % 100 == 0) (void)m.text();
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(c.value() == 2000);
  CHECK(m.samples().size() == 2001);
}
