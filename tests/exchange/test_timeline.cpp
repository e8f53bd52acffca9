#include <deque>

#include <doctest/doctest.h>

#include "exchange/timeline.hpp"
#include "tests/exchange/fixtures.hpp"

using namespace artham;
using namespace artham::exchange;
using namespace artham::exchange::test;
using market::hour;
using market::millisecond;
using market::minute;
using market::second;
using market::timestamp;

namespace {

class listed_frames final : public source {
 public:
  listed_frames(std::deque<timestamp> at, bool hours) : at_(std::move(at)), hours_(hours) {
    start_ = at_.front();
  }
  std::optional<timestamp> next_at() override {
    return at_.empty() ? std::nullopt : std::optional(at_.front());
  }
  std::string next() override {
    at_.pop_front();
    return "frame";
  }
  timestamp start() const override { return start_; }
  bool keeps_hours() const override { return hours_; }
  std::vector<std::string> ticked_before() const override { return {}; }
  std::vector<market::instrument> instruments() const override { return {}; }

 private:
  std::deque<timestamp> at_;
  timestamp start_;
  bool hours_;
};

timeline play(std::deque<timestamp> at, bool hours, timestamp until = market::never) {
  return {std::make_unique<listed_frames>(std::move(at), hours),
          {calendar("NSE"), calendar("NFO")},
          250 * millisecond,
          3 * second,
          until};
}

std::vector<step> all_steps(timeline t) {
  std::vector<step> out;
  while (t.upcoming().what != step::kind::end) {
    out.push_back(t.upcoming());
    t.take();
  }
  return out;
}

timestamp close_friday() {
  return open_of(friday) + 6 * hour + 25 * minute;
}  // futures: 15:40
const auto monday = market::date{friday.days + 3};

}  // namespace

TEST_CASE("market time passes every multiple of the interval, before the frames of that moment") {
  const auto t = open_of(friday) + hour;
  const auto steps = all_steps(play({t, t, t + 100 * millisecond, t + second}, false));
  REQUIRE(steps.size() == 9);
  CHECK(steps[0].what == step::kind::frame);
  CHECK(steps[2].what == step::kind::frame);
  for (std::size_t n = 3; n < 7; ++n) {
    CHECK(steps[n].what == step::kind::clock);
    CHECK(steps[n].at == t + static_cast<std::int64_t>(n - 2) * 250 * millisecond);
  }
  CHECK(steps[7].what == step::kind::frame);
}

TEST_CASE("a recording ends with a leap to its day's close + lateness + 1 s") {
  const auto steps = all_steps(play({open_of(friday) + hour}, false));
  REQUIRE(steps.size() == 2);
  CHECK(steps[1].what == step::kind::clock);
  CHECK(steps[1].at == close_friday() + 4 * second);
  CHECK(steps[1].jump);
}

TEST_CASE("a recording leaps from the end of one day to the first frame of the next") {
  const auto first = open_of(friday) + 6 * hour;
  const auto second_day = open_of(monday) + 7 * minute;
  const auto steps = all_steps(play({first, second_day}, false));
  REQUIRE(steps.size() == 5);
  CHECK(steps[1].at == close_friday() + 4 * second);
  CHECK(steps[2].at == second_day);
  CHECK(steps[2].jump);
  CHECK(steps[2].new_day);
  CHECK(steps[3].what == step::kind::frame);
  CHECK(steps[4].at == second_day + 6 * hour + 18 * minute + 4 * second);
}

TEST_CASE("a frame after the day's end is played and time does not go back") {
  const auto late = close_friday() + hour;
  const auto steps = all_steps(play({late, late + second}, false));
  REQUIRE(steps.size() == 6);
  CHECK(steps.back().what == step::kind::frame);
  CHECK(steps.back().at == late + second);
}

TEST_CASE("a market that keeps hours runs to the day's end and leaps to the next open") {
  const auto last = close_friday() - second;
  const auto steps =
      all_steps(play({last, open_of(monday) + second}, true, open_of(monday) + 2 * second));
  std::size_t n = 1;
  for (auto t = last + 250 * millisecond; t <= close_friday() + 4 * second;
       t += 250 * millisecond) {
    CHECK(steps[n].what == step::kind::clock);
    CHECK(steps[n].at == t);
    CHECK_FALSE(steps[n].jump);
    ++n;
  }
  CHECK(steps[n].at == open_of(monday));
  CHECK(steps[n].jump);
  CHECK(steps[n].new_day);
  CHECK(steps[n + 5].what == step::kind::frame);
  CHECK(steps.back().at == open_of(monday) + 2 * second);
}
