#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "exchange/disorder.hpp"
#include "feed/kite/codec.hpp"

using namespace artham;
using namespace artham::exchange;
using market::second;
using market::timestamp;

namespace {

/// Three packets a second, whose last price tells their number.
class counting final : public source {
 public:
  explicit counting(int frames) : frames_(frames) {}
  std::optional<timestamp> next_at() override {
    return made_ < frames_ ? std::optional(made_ * second) : std::nullopt;
  }
  std::string next() override {
    feed::kite::frame_builder frame;
    for (std::uint32_t i = 0; i < 3; ++i) {
      market::tick t;
      t.token = (i + 1) << 8U | 1U;
      t.last.units = (made_ * 3 + i) * market::price_scale;
      REQUIRE(frame.add(t));
    }
    ++made_;
    return frame.finish();
  }
  timestamp start() const override { return 0; }
  bool keeps_hours() const override { return false; }
  std::vector<std::string> ticked_before() const override { return {}; }
  std::vector<market::instrument> instruments() const override { return {}; }

 private:
  int frames_;
  int made_ = 0;
};

struct arrival {
  timestamp at;
  std::int64_t number;
  friend bool operator==(const arrival&, const arrival&) = default;
};

std::vector<arrival> played(const disorder& d, int frames = 1000) {
  const auto s = disordered(std::make_unique<counting>(frames), d);
  std::vector<arrival> all;
  while (const auto at = s->next_at()) {
    CHECK((all.empty() || all.back().at <= *at));
    const auto bytes = s->next();
    const auto walked = feed::kite::for_each_packet(bytes, [&](std::string_view packet) {
      all.push_back({*at, feed::kite::decode_packet(packet)->last.units / market::price_scale});
    });
    CHECK(walked.packets > 0);
  }
  return all;
}

}  // namespace

TEST_CASE("delayed packets come late but come, and in the same order for the same seed") {
  const disorder d{.seed = 3, .delayed = 100, .delay = 20 * second};
  const auto all = played(d);
  CHECK(all == played(d));
  CHECK(all != played({.seed = 4, .delayed = 100, .delay = 20 * second}));
  std::map<std::int64_t, int> times;
  int late = 0;
  for (const auto& a : all) {
    ++times[a.number];
    const auto by = a.at - a.number / 3 * second;
    CHECK(by >= 0);
    CHECK(by <= 20 * second);
    if (by != 0) ++late;
  }
  CHECK(times.size() == 3000);
  CHECK(all.size() == 3000);
  CHECK(late > 200);
  CHECK(late < 400);
}

TEST_CASE("duplicated packets come a second time") {
  const auto all = played({.duplicated = 50, .delay = 5 * second});
  std::map<std::int64_t, int> times;
  for (const auto& a : all) ++times[a.number];
  CHECK(times.size() == 3000);
  CHECK(all.size() > 3080);
  CHECK(all.size() < 3240);
}

TEST_CASE("a frame whose packets are all delayed is not sent empty") {
  const auto all = played({.delayed = 1000, .delay = second}, 20);
  CHECK(all.size() == 60);
}

TEST_CASE("disorder is read from text, and what is wrong is named") {
  const auto d = parse_disorder("delayed=20,duplicated=5,delay=30s,seed=7");
  REQUIRE(d);
  CHECK(d->delayed == 20);
  CHECK(d->duplicated == 5);
  CHECK(d->delay == 30 * second);
  CHECK(d->seed == 7);
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{"delayed", "not name=value"},
                                                        {"delayed=x", "not a whole number"},
                                                        {"delayed=1001", "at most 1000"},
                                                        {"lost=3", "unknown"},
                                                        {"delay=2h", "from 1ms to 1h"},
                                                        {"delay=soon", "delay=soon"}}) {
    const auto refused = parse_disorder(text);
    REQUIRE_FALSE(refused);
    CHECK_MESSAGE(refused.error().message.find(part) != std::string::npos, refused.error().message);
  }
}
