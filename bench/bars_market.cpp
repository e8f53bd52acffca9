#include "bench/bars_market.hpp"

#include <cstdlib>
#include <numeric>
#include <utility>

namespace artham::bench {

using namespace market;  // NOLINT(google-build-using-namespace)

namespace {

constexpr duration microsecond = 1'000;
constexpr duration clock_interval = 250 * millisecond;

}  // namespace

plain_market::plain_market(std::uint32_t instruments, std::uint32_t ticks_per_second)
    : interval_(1'000'000 / ticks_per_second), paise_(instruments) {
  for (auto& p : paise_) p = 100'000 + static_cast<std::int64_t>(random() % 200'000);
}

std::uint64_t plain_market::random() {
  state_ ^= state_ << 13U;
  state_ ^= state_ >> 7U;
  state_ ^= state_ << 17U;
  return state_;
}

plain_tick plain_market::next() {
  const auto r = random();
  plain_tick t;
  t.instrument = static_cast<std::uint32_t>((r >> 32U) % paise_.size());
  t.microseconds = now_;
  t.paise = paise_[t.instrument] += 5 * (static_cast<std::int64_t>(r % 21) - 10);
  t.size = (r >> 16U & 1U) != 0 ? static_cast<std::int64_t>(r % 500) + 1 : 0;
  now_ += interval_;
  return t;
}

std::shared_ptr<const bar_plan> make_plan(std::size_t timeframes) {
  calendar_spec spec;
  spec.name = "NSE";
  spec.offsets = {{0, 5 * hour + 30 * minute}};
  spec.regulars = {{make_date(2020, 1, 1), {{9 * hour + 15 * minute, 15 * hour + 30 * minute}}}};
  spec.first = make_date(2020, 1, 1);
  spec.last = make_date(2030, 12, 31);
  auto cal = calendar::make(std::move(spec));
  auto list = parse_timeframes("1m,3m,5m,15m,25m,30m,1h,1D");
  if (!cal || !list) std::abort();
  list->resize(timeframes);
  return std::make_shared<const bar_plan>(
      bar_plan{*list, 3 * second, std::make_shared<const calendar>(*std::move(cal))});
}

block_maker::block_maker(std::uint32_t instruments, std::uint32_t ticks_per_second)
    : market_(instruments, ticks_per_second), volume_(instruments) {}

void block_maker::mark_clock(timestamp t, std::vector<mark>& marks) {
  for (; next_clock_ <= t; next_clock_ += clock_interval) {
    auto& m = marks.emplace_back();
    m.position = {1, seq_++};
    m.time = next_clock_;
  }
}

void block_maker::next(std::size_t count, std::vector<bar_input>& ticks, std::vector<mark>& marks) {
  ticks.clear();
  marks.clear();
  if (!std::exchange(subscribed_, true)) {
    auto& m = marks.emplace_back();
    m.kind = mark_kind::subscription;
    m.position = {1, seq_++};
    m.time = market_open - second;
    m.flag = 1;
    m.tokens.resize(volume_.size());
    std::iota(m.tokens.begin(), m.tokens.end(), 0U);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto p = market_.next();
    auto& t = ticks.emplace_back();
    t.time = market_open + p.microseconds * microsecond;
    mark_clock(t.time, marks);
    t.seq = seq_++;
    t.epoch = 1;
    t.token = t.slot = p.instrument;
    t.last.units = p.paise * (price_scale / 100);
    t.volume_or_size = volume_[p.instrument] += p.size;
    t.oi = 10'000;
    t.fields = bar_input::volume | bar_input::open_interest;
    t.digest = t.seq;
  }
}

mark block_maker::end_of_day() {
  mark m;
  m.position = {1, seq_++};
  m.time = market_open + market_day + 10 * second;
  return m;
}

void partition(const std::vector<bar_input>& ticks, std::uint32_t instruments, tick_block& into) {
  into.first.assign(instruments + 1, 0);
  for (const auto& t : ticks) ++into.first[t.slot + 1];
  std::partial_sum(into.first.begin(), into.first.end(), into.first.begin());
  auto place = into.first;
  into.ticks.resize(ticks.size());
  for (const auto& t : ticks) into.ticks[place[t.slot]++] = t;
}

}  // namespace artham::bench
