#include "market/bar_reconcile.hpp"

#include <algorithm>
#include <utility>

namespace artham::market {

namespace {

/// A volume that moved to a neighbour is looked for in so many bars.
constexpr std::size_t longest_shift = 4;

struct pair {
  const bar* own = nullptr;
  const bar* official = nullptr;
  bool shifted = false;  ///< the volume: the sum with neighbours agrees

  [[nodiscard]] const bar& any() const { return own != nullptr ? *own : *official; }
  [[nodiscard]] bool both() const { return own != nullptr && official != nullptr; }
  [[nodiscard]] std::int64_t volume_off() const {
    return both() ? own->volume - official->volume : 0;
  }
};

std::vector<pair> by_start(std::span<const bar> own, std::span<const bar> official) {
  std::vector<pair> all;
  auto a = own.begin();
  auto b = official.begin();
  while (a != own.end() || b != official.end()) {
    const bool has_own = a != own.end() && (b == official.end() || a->start <= b->start);
    const bool has_official = b != official.end() && (a == own.end() || b->start <= a->start);
    all.push_back({has_own ? &*a++ : nullptr, has_official ? &*b++ : nullptr});
  }
  return all;
}

void find_shifts(std::vector<pair>& pairs) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    auto sum = pairs[i].volume_off();
    if (sum == 0) continue;
    for (auto j = i + 1; j < pairs.size() && j - i < longest_shift; ++j) {
      const bool neighbour = pairs[j].any().start == pairs[j - 1].any().end;
      if (!neighbour || pairs[j].volume_off() == 0) break;
      sum += pairs[j].volume_off();
      if (sum != 0) continue;
      for (auto k = i; k <= j; ++k) pairs[k].shifted = true;
      i = j;
      break;
    }
  }
}

class comparison {
 public:
  comparison(std::span<const bar_bounds> gaps, timeframe tf)
      : gaps_(gaps), whole_day_(tf.kind == timeframe::unit::trading_day) {}

  void take(const pair& p) {
    const auto& any = p.any();
    lost_ = (p.own != nullptr && (p.own->flags & static_cast<std::uint16_t>(bar_flag::gap)) != 0) ||
            std::ranges::any_of(
                gaps_, [&](const bar_bounds& g) { return g.start < any.end && g.end > any.start; });
    if (!p.both()) {
      const auto alone = p.own == nullptr ? difference_class::missing : difference_class::surplus;
      found_.push_back({any.start, "bar", std::nullopt, std::nullopt,
                        lost_ && p.own == nullptr ? difference_class::missed_in_gap : alone});
      return;
    }
    const auto& a = *p.own;
    const auto& b = *p.official;
    add(a, "open", a.open.units, b.open.units, difference_class::other);
    add(a, "high", a.high.units, b.high.units, inside(a.high < b.high && a.high >= b.low));
    add(a, "low", a.low.units, b.low.units, inside(a.low > b.low && a.low <= b.high));
    add(a, "close", a.close.units, b.close.units, official(true));
    add(a, "volume", a.volume, b.volume,
        whole_day_  ? official(b.volume > a.volume)
        : p.shifted ? difference_class::volume_timing
                    : difference_class::other);
    if ((a.fields & b.fields & bar::oi_known) != 0)
      add(a, "oi", a.oi, b.oi, difference_class::other);
  }

  [[nodiscard]] std::vector<bar_difference> done() { return std::move(found_); }

 private:
  static difference_class inside(bool is) {
    return is ? difference_class::conflated_extreme : difference_class::other;
  }
  [[nodiscard]] difference_class official(bool may) const {
    return whole_day_ && may ? difference_class::official_close : difference_class::other;
  }
  void add(const bar& own, std::string_view column, std::int64_t a, std::int64_t b,
           difference_class why) {
    if (a == b) return;
    if (lost_ && why != difference_class::official_close) why = difference_class::missed_in_gap;
    found_.push_back({own.start, column, a, b, why});
  }

  std::span<const bar_bounds> gaps_;
  bool whole_day_;
  bool lost_ = false;
  std::vector<bar_difference> found_;
};

}  // namespace

std::string_view to_string(difference_class c) {
  switch (c) {
    case difference_class::official_close:
      return "official_close";
    case difference_class::missed_in_gap:
      return "missed_in_gap";
    case difference_class::volume_timing:
      return "volume_timing";
    case difference_class::conflated_extreme:
      return "conflated_extreme";
    case difference_class::missing:
      return "missing";
    case difference_class::surplus:
      return "surplus";
    case difference_class::other:
      return "other";
  }
  return "";
}

std::vector<bar_difference> reconcile(std::span<const bar> own, std::span<const bar> official,
                                      std::span<const bar_bounds> gaps, timeframe tf) {
  auto pairs = by_start(own, official);
  find_shifts(pairs);
  comparison c(gaps, tf);
  for (const auto& p : pairs) c.take(p);
  return c.done();
}

}  // namespace artham::market
